// Software modules that the cloud installs and removes.
#include "service/download.hpp"
#include "test/service/twin_shop.hpp"
#include "test/support/captured_log.hpp"
#include "test/support/catch.hpp"
#include "test/support/certificates.hpp"
#include "test/support/child.hpp"
#include "test/support/wait.hpp"
#include "test/support/web_server.hpp"

using namespace berth;
using namespace berth::test;
using nlohmann::json;

namespace {

using Words = std::vector<std::string>;

const std::string kNothing = "";  // its digests are well known
const std::string kMd5OfNothing = "d41d8cd98f00b204e9800998ecf8427e";
const std::string kSha1OfNothing = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
const std::string kSha256OfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

// openssl's own server sends its files as they are, status line and headers included.
class SecureServer {
 public:
    SecureServer()
        : server_({"sh", "-c", "cd \"$0\" && exec openssl s_server \"$@\"", folder_ / "", "-accept",
                   "127.0.0.1:" + port_, "-cert", certificates.server(), "-key", certificates.server_key(),
                   "-HTTP", "-quiet"},
                  folder_ / "log") {
        put("up", "yes");
        if (!eventually([this] { return bool(service::download(url("up"), certificates.ca(), {})); }))
            throw std::runtime_error("no server over TLS");
    }
    std::string put(const std::string& name, const std::string& text) {
        return put_raw(
            name, "HTTP/1.0 200 OK\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text);
    }
    std::string put_raw(const std::string& name, const std::string& answer) {
        write_file(folder_ / name, answer);
        return url(name);
    }

    const Certificates certificates;

 private:
    std::string url(const std::string& name) const { return "https://127.0.0.1:" + port_ + "/" + name; }

    const TempFolder folder_;
    const std::string port_ = std::to_string(free_port());
    const Child server_;
};

}  // namespace

TEST_CASE("a module that nothing is checked against is installed, and the log says so", "[TW-52][service]") {
    const CapturedLog log;
    Shop shop;
    shop.install(shop.module("nav", shop.artifact(shop.descriptor("nav"))), "FINISHED_SUCCESS");
    CHECK(log.contains("warning: artifact 'nav.json' has no checksum"));
}

TEST_CASE("a module is installed step by step", "[TW-49][TW-50][TW-72][service]") {
    Shop shop;
    CHECK(shop.install(shop.module("nav", shop.artifact(shop.descriptor("nav-7"))), "FINISHED_SUCCESS") ==
          Words{"lastOperation STARTED", "lastOperation DOWNLOADING", "lastOperation DOWNLOADED",
                "lastOperation INSTALLING", "installedDependencies", "lastOperation INSTALLED",
                "lastOperation FINISHED_SUCCESS"});
    CHECK(shop.until([&] { return shop.cloud.status("Container:nav-7")["state"]["status"] == "RUNNING"; }));
    CHECK(shop.cloud.operations().back() == json({{"correlationId", "roll"},
                                                  {"status", "FINISHED_SUCCESS"},
                                                  {"softwareModule", {{"name", "nav"}, {"version", "1"}}}}));
}

TEST_CASE("a descriptor does not wait for pulls of others", "[TW-50][service]") {
    Shop shop;
    shop.engine.hang_pulls(true);
    for (const std::string image : {"far:1", "far:2"}) {  // as many as are pulled at the same time
        shop.engine.put_in_registry(image);
        shop.command("ContainerFactory", "create", image, {{"imageRef", image}});
    }
    REQUIRE(shop.engine.await_calls(Verb::Pull, 2));
    CHECK(shop.install(shop.module("nav", shop.artifact(shop.descriptor("nav-7"))), "FINISHED_SUCCESS")
              .back() == "lastOperation FINISHED_SUCCESS");
    shop.engine.hang_pulls(false);
    CHECK(shop.answered("far:1") == 200);
    CHECK(shop.answered("far:2") == 200);
}

TEST_CASE("what is wrong with a module decides how it ends", "[TW-51][TW-52][service]") {
    Shop shop;
    const auto good = shop.descriptor("good");
    struct Case {
        std::string name;
        json artifact;
        std::string ending;
        std::string message;
    };
    const std::vector<Case> cases = {
        {"another text", shop.artifact(good, {{"SHA256", std::string(64, '0')}}), "FINISHED_REJECTED",
         "sha256"},
        {"md5 counts first", shop.artifact(good, {{"MD5", std::string(32, '0')}, {"SHA256", "x"}}),
         "FINISHED_REJECTED", "md5"},
        {"no digits", shop.artifact(good, {{"SHA1", "xyz"}}), "FINISHED_REJECTED", "hex"},
        {"of an unknown kind", shop.artifact(good, {{"SHA512", "0"}}), "FINISHED_REJECTED",
         "'SHA512' is of an unknown kind"},
        {"only the known kind counts", shop.artifact(good, {{"SHA512", "0"}, {"SHA256", "zz"}}),
         "FINISHED_REJECTED", "hex"},
        {"too many digits", shop.artifact(good, {{"SHA1", std::string(41, '0')}}), "FINISHED_ERROR",
         "internal runtime error"},
        {"no usable protocol", json({{"filename", "f"}, {"download", {{"FTP", {{"url", "ftp://h/f"}}}}}}),
         "FINISHED_ERROR", "internal runtime error"},
        {"not there", shop.artifact(good + "x"), "FINISHED_ERROR", "404"},
        {"not JSON", shop.artifact(shop.web.put("/broken", "{")), "FINISHED_ERROR", "JSON"},
        {"no container", shop.artifact(shop.web.put("/bad", R"({"container_name":"a","image":{"name":""}})")),
         "FINISHED_REJECTED", "image"},
        {"no such image", shop.artifact(shop.descriptor("far", "missing:1")), "FINISHED_ERROR", "missing:1"},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        const auto words = shop.install(shop.module(c.name, c.artifact), c.ending);
        REQUIRE(words.size() >= 2);
        CHECK(words[words.size() - 2] == "lastFailedOperation " + c.ending);
        CHECK(words.back() == "lastOperation " + c.ending);
        CHECK_THAT(shop.cloud.operations().back()["message"].get<std::string>(),
                   ContainsSubstring(c.message));
    }
    CHECK(shop.engine.containers().empty());
}

TEST_CASE("what one thing asked for is told to that thing alone", "[TW-10][TW-50][service]") {
    Shop shop;
    shop.engine.put_in_registry("far:1");
    shop.engine.hang_pulls(true);
    const auto pulls = shop.engine.calls(Verb::Pull);
    shop.command(
        "SoftwareUpdatable", "install", "i1",
        {{"correlationId", "one"},
         {"softwareModules", {shop.module("nav", shop.artifact(shop.descriptor("nav-7", "far:1")))}}});
    REQUIRE(shop.engine.await_calls(Verb::Pull, pulls + 1, kPatience));
    Cloud moved("acme.fleet:gw:truck-8");
    shop.introduce(moved);
    shop.engine.hang_pulls(false);
    const auto told = [&](const std::string& part) {
        const auto all = shop.station().link.all();
        return std::any_of(all.begin(), all.end(), [&](const service::Publication& one) {
            return one.topic == moved.event_topic() && one.payload.find(part) != one.payload.npos;
        });
    };
    shop.require([&] { return told("RUNNING"); });
    shop.settle();
    CHECK_FALSE(told("lastOperation"));
    shop.tell("edge/thing/response", shop.cloud.edge_response());  // and back
    CHECK(shop.says("SoftwareUpdatable lastOperation FINISHED_SUCCESS"));
    CHECK_FALSE(told("lastOperation"));
}

TEST_CASE("a module that fails does not stop the next, and actions wait for each other", "[TW-53][service]") {
    Shop shop;
    const auto first = shop.descriptor("first");
    const auto second = shop.descriptor("second");
    shop.command(
        "SoftwareUpdatable", "install", "i1",
        {{"correlationId", "one"},
         {"softwareModules",
          {shop.module("bad", shop.artifact(first + "x")), shop.module("good", shop.artifact(first))}}});
    shop.command(
        "SoftwareUpdatable", "install", "i2",
        {{"correlationId", "two"}, {"softwareModules", {shop.module("more", shop.artifact(second))}}});
    REQUIRE(shop.until([&] {
        const auto& all = shop.cloud.operations();
        return !all.empty() && all.back()["correlationId"] == "two" &&
               all.back()["status"] == "FINISHED_SUCCESS";
    }));
    Words order;
    for (const auto& operation : shop.cloud.operations()) {
        const std::string word = operation["correlationId"].get<std::string>() + " " +
                                 operation["softwareModule"]["name"].get<std::string>();
        if (order.empty() || order.back() != word) order.push_back(word);
    }
    CHECK(order == Words{"one bad", "one good", "two more"});
    CHECK(shop.engine.containers().size() == 2);
}

TEST_CASE("whatever a container is called, the twin is not held up by it", "[TW-12][service]") {
    Shop shop;
    shop.engine.put_in_registry("far:1");
    shop.engine.hang_pulls(true);
    const auto pulls = shop.engine.calls(Verb::Pull);
    shop.command(
        "SoftwareUpdatable", "install", "i1",
        {{"correlationId", "one"},
         {"softwareModules", {shop.module("twin", shop.artifact(shop.descriptor("twin", "far:1")))}}});
    REQUIRE(shop.engine.await_calls(Verb::Pull, pulls + 1, kPatience));
    Cloud moved("acme.fleet:gw:truck-8");  // another thing has another file to read
    shop.introduce(moved);
    shop.engine.hang_pulls(false);
}

TEST_CASE("what a module has made stays when the rest of it fails", "[TW-53][service]") {
    Shop shop;
    auto module = shop.module("two", shop.artifact(shop.descriptor("first")));
    module["artifacts"].push_back(shop.artifact(shop.descriptor("second", "missing:1")));
    shop.install(module, "FINISHED_ERROR");
    REQUIRE(shop.engine.containers().size() == 1);
    CHECK(shop.engine.containers()[0].spec.id == "first");
    CHECK(shop.engine.containers()[0].state.status == Status::Created);
    shop.settle();
    CHECK(shop.cloud.has("Container:first"));
}

TEST_CASE("past the bound of waiting actions the answer is a failure", "[TW-79][service]") {
    Shop shop;
    shop.engine.put_in_registry("far:1");
    shop.engine.hang_pulls(true);
    const auto far = shop.artifact(shop.descriptor("far", "far:1"));
    const auto install = [&](const std::string& request, std::size_t bytes) {
        auto module = shop.module("nav", far);
        module["more"] = std::string(bytes, 'x');
        shop.command("SoftwareUpdatable", "install", request,
                     {{"correlationId", request}, {"softwareModules", json::array({module})}});
    };
    SECTION("by their number") {
        for (int i = 0; i < 300; ++i)
            install("m" + std::to_string(i), 0);
        REQUIRE(shop.answered("m299") == 500);
        CHECK_THAT(shop.error_of("m299"), ContainsSubstring("too many"));
        CHECK(shop.answered("m256") == 204);  // one is under way
        CHECK(shop.answered("m257") == 500);
    }
    SECTION("by their size") {
        for (int i = 0; i < 8; ++i)
            install("m" + std::to_string(i), 900'000);
        CHECK(shop.answered("m4") == 204);
        CHECK(shop.answered("m5") == 500);
        CHECK(shop.answered("m7") == 500);
    }
    shop.engine.hang_pulls(false);
}

TEST_CASE("software is removed by force, one by one", "[TW-54][TW-55][TW-56][TW-72][service]") {
    Shop shop;
    for (const char* id : {"a", "b", "c"})
        REQUIRE(
            shop.install(shop.module(id, shop.artifact(shop.descriptor(id))), "FINISHED_SUCCESS").size() ==
            7);
    const auto remove = [&](const Words& names, bool forced, const std::string& last) {
        json software = json::array();
        for (const auto& name : names)
            software.push_back({{"group", "fleet"}, {"name", name}, {"version", "1"}, {"type", "app"}});
        return shop.run("remove", {{"correlationId", "gone"}, {"software", software}, {"forced", forced}},
                        last);
    };
    CHECK(remove({"a"}, false, "FINISHED_SUCCESS") == Words{"lastOperation REMOVING", "installedDependencies",
                                                            "lastOperation REMOVED",
                                                            "lastOperation FINISHED_SUCCESS"});

    CHECK(remove({"none", "b"}, false, "FINISHED_ERROR") ==
          Words{"lastOperation REMOVING", "lastFailedOperation FINISHED_REJECTED",
                "lastOperation FINISHED_REJECTED", "lastFailedOperation FINISHED_ERROR",
                "lastOperation FINISHED_ERROR"});
    CHECK(shop.cloud.operations().back()["message"] == "container with ID = none does not exist");
    CHECK(shop.cloud.operations()[shop.cloud.operations().size() - 2]["software"] ==
          json::array({{{"group", "fleet"}, {"name", "none"}, {"version", "1"}, {"type", "app"}}}));
    CHECK_THAT(shop.cloud.operations()[shop.cloud.operations().size() - 3]["message"].get<std::string>(),
               ContainsSubstring("not tried"));
    CHECK(shop.cloud.has("Container:b"));

    CHECK(remove({"none", "b", "nobody", "c"}, true, "FINISHED_SUCCESS") ==
          Words{"lastOperation REMOVING", "lastOperation REMOVING", "installedDependencies",
                "lastOperation REMOVED", "lastOperation REMOVING", "lastOperation REMOVING",
                "installedDependencies", "lastOperation REMOVED", "lastFailedOperation FINISHED_ERROR",
                "lastOperation FINISHED_ERROR", "lastOperation FINISHED_SUCCESS"});
    const auto& operations = shop.cloud.operations();
    CHECK(operations[operations.size() - 2]["message"] ==
          "2 errors:\n\n* container with ID = none does not exist\n* container with ID = nobody does not "
          "exist");
    CHECK(operations.back()["software"].size() == 2);
    CHECK(shop.engine.containers().empty());
}

TEST_CASE("a long list of containers that are not there is told one by one", "[TW-55][TW-56][service]") {
    Shop shop;
    const auto remove = [&](std::size_t count, bool forced) {
        json software = json::array();
        for (std::size_t i = 0; i < count; ++i)
            software.push_back({{"name", "none"}});
        return json({{"correlationId", "gone"}, {"software", software}, {"forced", forced}});
    };
    const std::size_t most = twin::kMostSoftware;
    CHECK(shop.run("remove", remove(most, true), "FINISHED_ERROR").size() == most + 2);
    CHECK(shop.cloud.operations().back()["software"].size() == most);
    CHECK(shop.run("remove", remove(most, false), "FINISHED_ERROR").size() == 5);
    // As many as a message holds: every one would have been a call inside the one before.
    CHECK(shop.ask("SoftwareUpdatable", "remove", "huge", remove(60'000, true)) == 400);
    // Many that wait for each other end one after the other as well.
    for (int i = 0; i < 200; ++i)
        shop.command("SoftwareUpdatable", "remove", "one-" + std::to_string(i), remove(1, false));
    CHECK(shop.answered("one-199") == 204);
    CHECK(
        shop.until([&] { return shop.times_said("SoftwareUpdatable lastOperation FINISHED_ERROR") == 200; }));
}

TEST_CASE("the first checksum that is there counts", "[TW-52][service]") {
    using service::check;
    CHECK(check(kNothing, {}));
    CHECK(check(kNothing, {kMd5OfNothing, "", ""}));
    CHECK(check(kNothing, {"", kSha1OfNothing, ""}));
    CHECK(check(kNothing, {"", "", kSha256OfNothing}));
    CHECK(check(kNothing, {kMd5OfNothing, "wrong", "wrong"}));
    CHECK(check(kNothing, {"D41D8CD98F00B204E9800998ECF8427E", "", ""}));
    CHECK(check("x", {kMd5OfNothing, "", ""}).error().code == Errc::Conflict);
    CHECK(check(kNothing, {"", kSha1OfNothing.substr(1), ""}).error().code == Errc::Conflict);
    CHECK(check(kNothing, {"", "", "zz"}).error().code == Errc::Invalid);
    CHECK(check(kNothing, {kMd5OfNothing + "0", "", ""}).error().code == Errc::Internal);
}

TEST_CASE("a download is small, over HTTP, and there", "[TW-51][service]") {
    WebServer web;
    const auto url = web.put("/text", "hello");
    CHECK(*service::download(url, "", {}) == "hello");
    CHECK(service::download(url + "x", "", {}).error().code == Errc::Unavailable);
    CHECK(service::download(url, "", {}, {3, std::chrono::seconds(5)}).error().code == Errc::TooLarge);
    CHECK(service::download("file:///etc/hostname", "", {}).error().code == Errc::Unsupported);
    CHECK(*service::download(web.redirect("/moved", url), "", {}) == "hello");
    CHECK_FALSE(service::download(web.redirect("/file", "file:///etc/hostname"), "", {}));
    std::stop_source stopped;
    stopped.request_stop();
    CHECK_FALSE(service::download(url, "", stopped.get_token()));
}

TEST_CASE("over https the server is verified, and stays with https", "[TW-51][service]") {
    SecureServer secure;
    WebServer plain;
    const auto in_the_clear = plain.put("/text", "hello");
    const auto text = secure.put("text", "hello");
    const auto moved = secure.put_raw("away", "HTTP/1.0 302 Found\r\nLocation: " + in_the_clear + "\r\n\r\n");
    const auto& certificates = secure.certificates;
    CHECK(*service::download(text, certificates.ca(), {}) == "hello");
    CHECK(service::download(text, certificates.other_ca(), {}).error().code == Errc::Unavailable);
    CHECK(service::download(text, "", {}).error().code == Errc::Unavailable);
    const auto away = service::download(moved, certificates.ca(), {});
    REQUIRE_FALSE(away);
    CHECK(away.error().code == Errc::Unsupported);
    CHECK(*service::download("HTTP" + in_the_clear.substr(4), "", {}) == "hello");
}

TEST_CASE("a module over https comes from whom things.download_ca trusts", "[TW-50][TW-51][service]") {
    SecureServer secure;
    const json descriptor = {
        {"container_id", "nav-7"}, {"container_name", "nav"}, {"image", {{"name", "app:1"}}}};
    const json artifact = {{"filename", "nav.json"},
                           {"download", {{"HTTPS", {{"url", secure.put("nav.json", descriptor.dump())}}}}},
                           {"checksums", json::object()}};
    service::ThingsConfig config{};
    config.download_ca = secure.certificates.other_ca();
    Shop careful(config);
    CHECK(careful.install(careful.module("nav", artifact), "FINISHED_ERROR").back() ==
          "lastOperation FINISHED_ERROR");
    CHECK(careful.engine.containers().empty());
    config.download_ca = secure.certificates.ca();
    Shop shop(config);
    CHECK(shop.install(shop.module("nav", artifact), "FINISHED_SUCCESS").back() ==
          "lastOperation FINISHED_SUCCESS");
    CHECK(shop.engine.containers().size() == 1);
}

TEST_CASE("what is secret in an address is shown nowhere", "[TW-51][service]") {
    using service::presentable;
    CHECK(presentable("https://repo.example:8443/a@1/x.json") == "https://repo.example:8443/a@1/x.json");
    CHECK(presentable("https://me:pw@repo.example/x.json?X-Amz-Signature=s#f") ==
          "https://repo.example/x.json");
    CHECK(presentable("http://me:p@w@repo.example") == "http://repo.example");
    CHECK(presentable("me:pw@repo.example/x") == "repo.example/x");
    CHECK(presentable("https://repo.example?token=a@b") == "https://repo.example");
    CHECK(presentable("") == "");

    Shop shop;
    const auto url = shop.descriptor("nav") + "x?token=hidden";
    shop.install(shop.module("nav", shop.artifact("http://me:hidden@" + url.substr(7))), "FINISHED_ERROR");
    const auto message = shop.cloud.operations().back()["message"].get<std::string>();
    CHECK_THAT(message, ContainsSubstring(url.substr(7, url.find('?') - 7)));
    CHECK(message.find("hidden") == message.npos);
}
