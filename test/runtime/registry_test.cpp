// The registry's client before web servers that behave like registries, good ones and others.
#include "runtime/docker/registry.hpp"

#include <thread>

#include "test/support/catch.hpp"
#include "test/support/web_server.hpp"

using namespace berth;
using namespace berth::runtime;
using namespace berth::runtime::docker;
using namespace std::chrono_literals;
using berth::test::WebServer;

namespace {

const std::string kManifestDigest = "sha256:" + std::string(64, '1');
const std::string kConfigDigest = "sha256:" + std::string(64, 'c');
const std::string kBasic = "Basic YmVydGg6YW5jaG9y";  // berth:anchor

const std::string kImageManifest =
    R"({"config":{"digest":")" + kConfigDigest +
    R"("},"layers":[{"digest":"sha256:a","size":40},{"digest":"sha256:b","size":2}]})";
const std::string kImageIndex = R"({"manifests":[{"digest":")" + kManifestDigest +
                                R"(","platform":{"os":"linux","architecture":"amd64"}}]})";
const Platform kAmd64{"linux", "amd64", ""};
const std::vector<RegistryLogin> kNobody{};

bool asks_for(const std::string& request, const std::string& path) {
    return request.starts_with("GET " + path + " HTTP/1.1\r\n");
}

bool has_header(const std::string& request, const std::string& header) {
    return request.find("\r\n" + header + "\r\n") != std::string::npos;
}

// One image, app:1, behind an index.
WebServer::Reply image_of(const std::string& request) {
    if (asks_for(request, "/v2/app/manifests/1")) return {200, kImageIndex, {}};
    if (asks_for(request, "/v2/app/manifests/" + kManifestDigest)) return {200, kImageManifest, {}};
    if (asks_for(request, "/v2/app/blobs/" + kConfigDigest))
        return {200, R"({"rootfs":{"diff_ids":["A","B"]}})", {}};
    return {404, R"({"errors":[{"code":"MANIFEST_UNKNOWN"}]})", {}};
}

Registry registry_at(const WebServer& server, const std::vector<RegistryLogin>& logins = kNobody,
                     const std::string& version = "1") {
    return {ImageName{server.address(), "app", version}, logins, Trust::Blind};
}

std::vector<RegistryLogin> login_at(const WebServer& server) {
    return {{"other:1", "nobody", "x"}, {server.address(), "berth", "anchor"}};
}

std::string outcome(const Result<Manifest>& manifest) {
    return manifest ? std::string("a manifest") : std::string(to_string(manifest.error().code));
}

}  // namespace

TEST_CASE("layers are found through the index, and the configuration names them unpacked",
          "[BX-02][runtime]") {
    const WebServer server(image_of);
    auto registry = registry_at(server);
    const auto manifest = registry.manifest(kAmd64, {});
    REQUIRE(manifest);
    CHECK(*manifest == Manifest{kConfigDigest, {{"sha256:a", 40}, {"sha256:b", 2}}});
    const auto ids = registry.diff_ids(*manifest, {});
    REQUIRE(ids);
    CHECK(*ids == std::vector<std::string>{"A", "B"});

    const auto first = server.requests().front();
    for (const std::string kind :
         {"application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
          "application/vnd.docker.distribution.manifest.list.v2+json",
          "application/vnd.docker.distribution.manifest.v2+json"})
        CHECK(first.find(kind) != std::string::npos);
    CHECK(first.find("Authorization") == std::string::npos);

    auto by_digest = registry_at(server, kNobody, kManifestDigest);
    CHECK(by_digest.manifest(kAmd64, {}));
    CHECK(outcome(registry_at(server).manifest({"linux", "s390x", ""}, {})) == "NOT_FOUND");
    CHECK(outcome(registry_at(server, kNobody, "2").manifest(kAmd64, {})) == "NOT_FOUND");
}

TEST_CASE("a login is shown to whoever asks for it, and only after that", "[BX-02][CM-33][runtime]") {
    const WebServer server([](const std::string& request) -> WebServer::Reply {
        if (has_header(request, "Authorization: " + kBasic)) return image_of(request);
        return {401, "{}", "WWW-Authenticate: Basic realm=\"lab\"\r\n"};
    });
    auto registry = registry_at(server, login_at(server));
    CHECK(registry.manifest(kAmd64, {}));
    CHECK(server.requests().size() == 3);  // refused, index, manifest
    CHECK(server.requests().front().find("Authorization") == std::string::npos);
    const auto asked = server.requests().size();
    CHECK(outcome(registry_at(server).manifest(kAmd64, {})) == "FORBIDDEN");
    CHECK(outcome(registry_at(server, {{server.address(), "berth", "wrong"}}).manifest(kAmd64, {})) ==
          "FORBIDDEN");
    CHECK(server.requests().size() == asked + 3);
}

TEST_CASE("a token is fetched where the registry says", "[BX-02][CM-33][runtime]") {
    std::string address;
    std::string token = R"({"token":"t0ken"})";
    const WebServer server([&](const std::string& request) -> WebServer::Reply {
        if (request.starts_with("GET /token?")) return {200, token, {}};
        if (has_header(request, "Authorization: Bearer t0ken")) return image_of(request);
        return {
            401, {}, "WWW-Authenticate: Bearer realm=\"http://" + address + "/token\",service=\"lab\"\r\n"};
    });
    address = server.address();
    CHECK(registry_at(server).manifest(kAmd64, {}));
    auto asked = server.requests();
    REQUIRE(asked.size() == 4);  // refused, token, index, manifest
    CHECK(asks_for(asked[1], "/token?service=lab&scope=repository%3Aapp%3Apull"));
    CHECK(asked[1].find("Authorization") == std::string::npos);

    CHECK(registry_at(server, login_at(server)).manifest(kAmd64, {}));
    asked = server.requests();
    CHECK(has_header(asked.at(5), "Authorization: " + kBasic));

    token = R"({"access_token":"t0ken"})";
    CHECK(registry_at(server).manifest(kAmd64, {}));
    token = R"({"token":"another"})";
    CHECK(outcome(registry_at(server).manifest(kAmd64, {})) == "FORBIDDEN");
    token = "{}";
    CHECK(outcome(registry_at(server).manifest(kAmd64, {})) == "UNSUPPORTED");
}

TEST_CASE("what a registry answers instead is told by its kind", "[BX-02][runtime]") {
    struct Case {
        WebServer::Reply reply;
        std::string outcome;
    };
    const std::vector<Case> cases = {
        {{200, "<html>", {}}, "UNSUPPORTED"},
        {{200, kImageIndex, {}}, "UNSUPPORTED"},  // an index in the index
        {{200, std::string(kMaxWebBody + 1, ' '), {}}, "TOO_LARGE"},
        {{204, {}, {}}, "UNSUPPORTED"},
        {{401, {}, {}}, "FORBIDDEN"},
        {{401, {}, "WWW-Authenticate: Negotiate\r\n"}, "FORBIDDEN"},
        {{403, {}, {}}, "FORBIDDEN"},
        {{404, {}, {}}, "NOT_FOUND"},
        {{429, {}, {}}, "UNAVAILABLE"},
        {{500, {}, {}}, "UNAVAILABLE"},
        {{302, {}, "Location: /round/and/round\r\n"}, "UNAVAILABLE"},
        {{302, {}, "Location: file:///etc/passwd\r\n"}, "UNAVAILABLE"},
    };
    for (const auto& c : cases) {
        INFO(c.reply.status << " " << c.reply.headers << c.reply.body.substr(0, 100));
        const WebServer server([&](const std::string&) { return c.reply; });
        CHECK(outcome(registry_at(server).manifest(kAmd64, {})) == c.outcome);
    }
}

TEST_CASE("a redirection is followed", "[BX-02][runtime]") {
    const WebServer server([](const std::string& request) -> WebServer::Reply {
        if (asks_for(request, "/v2/app/manifests/1")) return {307, {}, "Location: /elsewhere\r\n"};
        if (asks_for(request, "/elsewhere")) return {200, kImageManifest, {}};
        return {404, {}, {}};
    });
    CHECK(registry_at(server).manifest(kAmd64, {}));
}

TEST_CASE("a login and a token are not shown to where the registry leads", "[BX-02][CM-33][runtime]") {
    const WebServer other([](const std::string& request) -> WebServer::Reply {
        if (request.starts_with("GET /token?")) return {200, R"({"token":"t0ken"})", {}};
        return {200, kImageManifest, {}};
    });
    struct Case {
        std::string challenge;
        std::string shown;
        bool with_login;
    };
    const std::vector<Case> cases = {
        {"Basic realm=\"lab\"", kBasic, true},
        {"Bearer realm=\"http://" + other.address() + "/token\"", "Bearer t0ken", false},
    };
    for (const auto& c : cases) {
        INFO(c.challenge);
        const WebServer server([&](const std::string& request) -> WebServer::Reply {
            if (has_header(request, "Authorization: " + c.shown))
                return {307, {}, "Location: http://" + other.address() + "/elsewhere\r\n"};
            return {401, {}, "WWW-Authenticate: " + c.challenge + "\r\n"};
        });
        CHECK(registry_at(server, c.with_login ? login_at(server) : kNobody).manifest(kAmd64, {}));
        CHECK(server.requests().size() == 2);
    }
    REQUIRE(other.requests().size() == 3);  // two manifests, a token
    for (const auto& request : other.requests())
        CHECK(request.find("\r\nAuthorization:") == std::string::npos);
}

TEST_CASE("a registry that needs TLS is not asked without, and needs a certificate", "[BX-02][runtime]") {
    const WebServer server(image_of);
    Registry registry(ImageName{server.address(), "app", "1"}, kNobody, Trust::Verified);
    CHECK(outcome(registry.manifest(kAmd64, {})) == "UNAVAILABLE");
    CHECK(server.requests().empty());
}

TEST_CASE("nobody waits for a registry that says nothing", "[BX-02][runtime]") {
    const WebServer server([](const std::string&) { return WebServer::Reply{0, {}, {}}; });
    std::stop_source stop;
    const auto began = steady_clock::now();
    {
        const std::jthread stopper([&] {
            while (server.requests().empty())
                std::this_thread::yield();
            stop.request_stop();
        });
        CHECK(outcome(registry_at(server).manifest(kAmd64, {.stop = stop.get_token()})) == "INTERRUPTED");
    }
    CHECK(outcome(registry_at(server).manifest(kAmd64, {.deadline = steady_clock::now() + 50ms})) ==
          "TIMEOUT");
    CHECK(steady_clock::now() - began < kWebPatience);
}
