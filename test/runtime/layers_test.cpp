// DockerRuntime asks a registry for what its engine cannot tell, and the engine for its folder.
#include <cstdlib>
#include <filesystem>

#include "runtime/docker/docker_runtime.hpp"
#include "test/runtime/stub_engine.hpp"
#include "test/support/catch.hpp"
#include "test/support/web_server.hpp"

using namespace berth;
using namespace berth::runtime;
using namespace berth::runtime::docker;
using berth::test::Peer;
using berth::test::StubEngine;
using berth::test::WebServer;

namespace {

const std::string kLayersConfig = "sha256:" + std::string(64, 'c');

WebServer::Reply two_layers(const std::string& request) {
    if (request.starts_with("GET /v2/app/manifests/1 "))
        return {200,
                R"({"config":{"digest":")" + kLayersConfig +
                    R"("},"layers":[{"digest":"sha256:a","size":40},{"digest":"sha256:b","size":2}]})",
                {}};
    if (request.starts_with("GET /v2/app/blobs/" + kLayersConfig))
        return {200, R"({"rootfs":{"diff_ids":["A","B"]}})", {}};
    return {404, {}, {}};
}

const std::string kBroken = "broken";  // an image that the engine lists and cannot show

// An engine whose images begin as told, and whose data folder is this one.
StubEngine::Handler engine_with(const std::vector<std::string>& images, const std::string& folder) {
    return [=](const std::string& request, Peer& peer) {
        const auto asks = [&](const std::string& path) {
            return request.starts_with("GET /v1.41" + path + "\r\n");
        };
        if (request.starts_with("GET /_ping")) return peer.answer(200, "OK", "Api-Version: 1.41\r\n");
        if (asks("/version")) return peer.answer(200, R"({"Version":"1","Os":"linux","Arch":"amd64"})");
        if (asks("/networks/berth0")) return peer.answer(200, "{}");
        if (asks("/info")) return peer.answer(200, R"({"DockerRootDir":")" + folder + R"("})");
        if (asks("/images/json")) {
            std::string ids;
            for (std::size_t i = 0; i < images.size(); ++i)
                ids += std::string(i == 0 ? "" : ",") + R"({"Id":"sha256:)" + std::to_string(i) + R"("})";
            return peer.answer(200, "[" + ids + "]");
        }
        for (std::size_t i = 0; i < images.size(); ++i)
            if (asks("/images/sha256:" + std::to_string(i) + "/json") && images[i] != kBroken)
                return peer.answer(200, R"({"RootFS":{"Layers":[)" + images[i] + "]}}");
        peer.answer(500, "unexpected");
    };
}

std::int64_t bytes_of(const Result<std::vector<Layer>>& layers) {
    std::int64_t bytes = 0;
    if (!layers) return -1;
    for (const auto& layer : *layers)
        bytes += layer.bytes;
    return bytes;
}

}  // namespace

TEST_CASE("all layers are the registry's word alone; what is missing is the engine's, too",
          "[BX-02][runtime]") {
    const WebServer registry(two_layers);
    const auto reference = registry.address() + "/app:1";
    struct Case {
        std::vector<std::string> images;
        std::int64_t missing;
    };
    for (const auto& c : {Case{{}, 42}, Case{{R"("X")", R"("A","X")"}, 2}, Case{{R"("A","B")"}, 0}}) {
        StubEngine engine(engine_with(c.images, "/nowhere"));
        DockerRuntime runtime({.socket = engine.socket()});
        REQUIRE(runtime.connect({}));
        const auto asked = engine.requests().size();
        CHECK(bytes_of(runtime.image_layers(reference, Which::All, {})) == 42);
        CHECK(engine.requests().size() == asked);
        CHECK(bytes_of(runtime.image_layers(reference, Which::Missing, {})) == c.missing);
    }
}

TEST_CASE("the manifest is asked for once, however closely one looks", "[BX-02][runtime]") {
    const WebServer registry(two_layers);
    const auto reference = registry.address() + "/app:1";
    StubEngine engine(engine_with({R"("A")"}, "/nowhere"));
    DockerRuntime runtime({.socket = engine.socket()});
    REQUIRE(runtime.connect({}));
    CHECK(bytes_of(runtime.image_layers(reference, Which::All, {})) == 42);
    CHECK(bytes_of(runtime.image_layers(reference, Which::Missing, {})) == 2);
    CHECK(registry.requests().size() == 2);                                  // manifest, configuration
    CHECK(bytes_of(runtime.image_layers(reference, Which::All, {})) == 42);  // as it may be another one now
    CHECK(registry.requests().size() == 3);
}

TEST_CASE("what cannot be found out about missing layers is not guessed", "[BX-02][runtime]") {
    const WebServer registry([](const std::string& request) -> WebServer::Reply {
        if (request.find("/blobs/") != std::string::npos) return {404, {}, {}};
        return two_layers(request);
    });
    StubEngine engine(engine_with({R"("A","B")"}, "/nowhere"));
    DockerRuntime runtime({.socket = engine.socket()});
    REQUIRE(runtime.connect({}));
    const auto missing = runtime.image_layers(registry.address() + "/app:1", Which::Missing, {});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == Errc::NotFound);
}

TEST_CASE("an image that the engine cannot show lends no layer, and hinders nobody", "[BX-02][runtime]") {
    const WebServer registry(two_layers);
    StubEngine engine(engine_with({kBroken, R"("A")"}, "/nowhere"));
    DockerRuntime runtime({.socket = engine.socket()});
    REQUIRE(runtime.connect({}));
    CHECK(bytes_of(runtime.image_layers(registry.address() + "/app:1", Which::Missing, {})) == 2);
}

TEST_CASE("an image whose size nobody tells is named", "[BX-02][runtime]") {
    StubEngine engine(engine_with({}, "/nowhere"));
    DockerRuntime runtime({.socket = engine.socket()});
    const auto early = runtime.image_layers("127.0.0.1:9/app:1", Which::All, {});
    REQUIRE_FALSE(early);
    CHECK(early.error().code == Errc::Unavailable);
    REQUIRE(runtime.connect({}));
    const auto away = runtime.image_layers("127.0.0.1:9/app:1", Which::All, {});
    REQUIRE_FALSE(away);
    CHECK(away.error().code == Errc::Unavailable);
    CHECK_THAT(away.error().message, StartsWith("image 127.0.0.1:9/app:1: "));
    const auto odd = runtime.image_layers("../app", Which::All, {});
    REQUIRE_FALSE(odd);
    CHECK(odd.error().code == Errc::Invalid);
}

TEST_CASE("the space is that of the engine's folder, if that is what is seen here", "[BX-02][runtime]") {
    std::string made = (std::filesystem::temp_directory_path() / "berth-space-XXXXXX").string();
    REQUIRE(::mkdtemp(made.data()) != nullptr);
    const std::filesystem::path folder(made);
    StubEngine engine(engine_with({}, folder.string()));
    DockerRuntime runtime({.socket = engine.socket()});
    REQUIRE(runtime.connect({}));
    const auto elsewhere = runtime.space({});
    std::filesystem::create_directory(folder / "containers");
    const auto here = runtime.space({});
    std::filesystem::remove_all(folder);
    const auto gone = runtime.space({});
    REQUIRE(elsewhere);
    CHECK(elsewhere->folder == made);
    CHECK_FALSE(elsewhere->free_bytes);
    REQUIRE(here);
    CHECK(here->free_bytes.value_or(0) > 0);
    REQUIRE(gone);
    CHECK_FALSE(gone->free_bytes);

    StubEngine silent(engine_with({}, ""));
    DockerRuntime unnamed({.socket = silent.socket()});
    REQUIRE(unnamed.connect({}));
    const auto none = unnamed.space({});
    REQUIRE(none);
    CHECK_FALSE(none->free_bytes);
}
