// How what is done to software ended is told, whatever becomes of this berthd, the broker and the disk.
#include <algorithm>
#include <filesystem>
#include <iterator>

#include "test/service/twin_shop.hpp"
#include "test/support/captured_log.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::test;
using nlohmann::json;

namespace {

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("how an action ended is said again where the broker refused it", "[TW-50][service]") {
    service::ThingsConfig config{};
    config.sync_pause = std::chrono::milliseconds(100);
    Shop shop(config);
    shop.is_remote = true;  // it hears what was not refused
    shop.station().link.refuse_next("FINISHED_SUCCESS");
    const auto words =
        shop.install(shop.module("nav", shop.artifact(shop.descriptor("nav"))), "FINISHED_SUCCESS");
    CHECK(words.back() == "lastOperation FINISHED_SUCCESS");
}

TEST_CASE("how an operation ended is said until the broker has it", "[TW-12][TW-50][TW-51][service]") {
    Shop shop;
    const auto nav = shop.descriptor("nav-7");
    const auto again = [&] {
        shop.station().lose_broker();
        shop.settle();
        shop.station().link.set_broker(true);
        shop.cloud.take_said();
        const auto asked = shop.asked();
        shop.station().connect_broker();
        shop.require([&] { return shop.asked() > asked; });
        shop.tell("edge/thing/response", shop.cloud.edge_response());
        REQUIRE(shop.says("+Metrics"));
        shop.settle();
    };
    shop.station().link.set_broker(false);
    REQUIRE(shop.install(shop.module("nav", shop.artifact(nav)), "FINISHED_SUCCESS").size() == 7);
    shop.require([&] { return shop.cloud.status("Container:nav-7")["state"]["status"] == "RUNNING"; });
    REQUIRE(shop.install(shop.module("bad", shop.artifact(nav + "x")), "FINISHED_ERROR").size() == 4);
    again();
    CHECK(shop.cloud.said() == Words{"+SoftwareUpdatable", "SoftwareUpdatable lastOperation FINISHED_SUCCESS",
                                     "SoftwareUpdatable lastFailedOperation FINISHED_ERROR",
                                     "SoftwareUpdatable lastOperation FINISHED_ERROR", "+Container:nav-7",
                                     "+ContainerFactory", "+Metrics"});
    again();
    CHECK(shop.cloud.said() ==
          Words{"+SoftwareUpdatable", "+Container:nav-7", "+ContainerFactory", "+Metrics"});
}

TEST_CASE("what this berthd does not end, the next one says has failed", "[TW-50][service]") {
    Shop shop;
    shop.engine.put_in_registry("far:1");
    shop.engine.hang_pulls(true);
    const auto pulls = shop.engine.calls(Verb::Pull);
    const auto modules = json::array({shop.module("nav", shop.artifact(shop.descriptor("nav-7", "far:1"))),
                                      shop.module("map", shop.artifact(shop.descriptor("map-7")))});
    REQUIRE(shop.ask("SoftwareUpdatable", "install", "i1",
                     {{"correlationId", "one"}, {"softwareModules", modules}}) == 204);
    REQUIRE(shop.ask("SoftwareUpdatable", "remove", "i2",
                     {{"correlationId", "two"}, {"software", {{{"name", "a"}}, {{"name", "b"}}}}}) == 204);
    REQUIRE(shop.engine.await_calls(Verb::Pull, pulls + 1, kPatience));
    shop.stop();
    shop.engine.hang_pulls(false);

    const auto failures = [&shop] {
        shop.cloud.take_said();
        shop.start();
        shop.connect();
        return shop.times_said("SoftwareUpdatable lastFailedOperation FINISHED_ERROR");
    };
    const auto before = static_cast<std::ptrdiff_t>(shop.cloud.operations().size());
    CHECK(failures() == 3);
    std::vector<json> ends(shop.cloud.operations().begin() + before, shop.cloud.operations().end());
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());  // each as a failure, and as the last
    REQUIRE(ends.size() == 3);
    for (const auto& end : ends)
        CHECK_THAT(end["message"].get<std::string>(), ContainsSubstring("berthd ended"));
    CHECK(ends[0]["softwareModule"]["name"] == "nav");
    CHECK(ends[1]["softwareModule"]["name"] == "map");
    CHECK(ends[2]["correlationId"] == "two");
    CHECK(ends[2]["software"].size() == 2);
    CHECK(shop.keeps_nothing());
    shop.stop();
    CHECK(failures() == 0);
    CHECK(shop.engine.containers().empty());
}

TEST_CASE("an action is on disk before it is answered, and its end before that is said", "[TW-50][service]") {
    Shop shop;
    Words found;  // on disk as each of these was said
    shop.station().on_loop([&] {
        shop.station().link.when_published([&](const service::Publication& one) {
            if (one.topic.ends_with("/204")) found.push_back(shop.record());
            if (one.payload.find("FINISHED") != one.payload.npos) found.push_back(shop.record());
        });
    });
    shop.station().link.set_broker(false);  // which would take what is said, and then it is known
    const auto modules = json::array({shop.module("nav", shop.artifact(shop.descriptor("nav-7"))),
                                      shop.module("map", shop.artifact(shop.descriptor("map-7")))});
    REQUIRE(shop.ask("SoftwareUpdatable", "install", "i1",
                     {{"correlationId", "one"}, {"softwareModules", modules}}) == 204);
    REQUIRE(
        shop.until([&] { return shop.times_said("SoftwareUpdatable lastOperation FINISHED_SUCCESS") == 2; }));
    shop.stop();
    REQUIRE(found.size() == 3);
    CHECK_THAT(found[0], ContainsSubstring("\"nav\"") && ContainsSubstring("\"map\""));
    CHECK_THAT(found[0], !ContainsSubstring("FINISHED"));
    CHECK_THAT(found[1], ContainsSubstring("FINISHED_SUCCESS") && ContainsSubstring("modules"));
    CHECK_THAT(found[2], ContainsSubstring("FINISHED_SUCCESS") && !ContainsSubstring("modules"));

    shop.cloud.take_said();
    shop.start();
    shop.connect();
    Words again;
    for (const auto& word : shop.cloud.take_said())
        if (word.find("SoftwareUpdatable") != word.npos) again.push_back(word);
    CHECK(again == Words{"+SoftwareUpdatable", "SoftwareUpdatable lastOperation FINISHED_SUCCESS",
                         "SoftwareUpdatable lastOperation FINISHED_SUCCESS"});
    CHECK(shop.keeps_nothing());
}

TEST_CASE("an end that is said again is not the last word on what came after it", "[TW-50][service]") {
    service::ThingsConfig config{};
    config.sync_pause = std::chrono::milliseconds(300);
    Shop shop(config);
    shop.is_remote = true;
    shop.station().link.refuse_next("FINISHED_SUCCESS");
    const auto install = [&shop](const std::string& name, const std::string& url) {
        return shop.ask(
            "SoftwareUpdatable", "install", name,
            {{"correlationId", name}, {"softwareModules", {shop.module(name, shop.artifact(url))}}});
    };
    const auto nav = shop.descriptor("nav");
    REQUIRE(install("first", nav) == 204);
    REQUIRE(install("second", nav + "x") == 204);
    REQUIRE(shop.says("+Metrics"));  // all again
    CHECK(shop.cloud.operations().back()["correlationId"] == "second");
    const auto said = shop.cloud.said();
    CHECK(std::find(said.begin(), said.end(), "SoftwareUpdatable lastOperation FINISHED_SUCCESS") !=
          said.end());
    CHECK(shop.keeps_nothing());
}

TEST_CASE("of a removal in its midst the next berthd says what is gone and what is not",
          "[TW-54][TW-55][service]") {
    Shop shop;
    for (const char* id : {"a", "b"})
        shop.install(shop.module(id, shop.artifact(shop.descriptor(id))), "FINISHED_SUCCESS");
    for (const auto& container : shop.engine.containers())
        if (container.spec.id == "b") shop.engine.make_stubborn(container.engine_id);  // it takes its time
    REQUIRE(shop.ask("SoftwareUpdatable", "remove", "r",
                     {{"correlationId", "gone"}, {"software", {{{"name", "a"}}, {{"name", "b"}}}}}) == 204);
    REQUIRE(shop.says("SoftwareUpdatable lastOperation REMOVED"));
    shop.stop();

    shop.cloud.take_said();
    shop.start();
    shop.connect();
    Words words;
    for (const auto& word : shop.cloud.take_said())
        if (word.find("Operation ") != word.npos) words.push_back(word.substr(18));
    CHECK(words == Words{"lastFailedOperation FINISHED_ERROR", "lastOperation FINISHED_ERROR",
                         "lastOperation FINISHED_SUCCESS"});
    const auto& operations = shop.cloud.operations();
    CHECK(operations[operations.size() - 2]["software"][0]["name"] == "b");
    CHECK(operations.back()["software"][0]["name"] == "a");
    CHECK(operations.back()["software"].size() == 1);
    CHECK(shop.keeps_nothing());
}

TEST_CASE("an end that cannot be written is not said to be another one by the next berthd",
          "[TW-50][service]") {
    const CapturedLog log;
    Shop shop;
    shop.engine.put_in_registry("far:1");
    shop.engine.hang_pulls(true);
    REQUIRE(shop.ask("SoftwareUpdatable", "install", "i1",
                     {{"correlationId", "one"},
                      {"softwareModules",
                       {shop.module("nav", shop.artifact(shop.descriptor("nav-7", "far:1")))}}}) == 204);
    for (const auto& file : std::filesystem::directory_iterator(shop.records()))  // what is written beside
        std::filesystem::create_directories(file.path().string() + ".new/in the way");
    shop.station().link.set_broker(false);
    shop.engine.hang_pulls(false);
    REQUIRE(shop.says("SoftwareUpdatable lastOperation FINISHED_SUCCESS"));
    CHECK(log.count("what is under way of software is not kept") == 1);
    const auto before = shop.cloud.operations().size();
    SECTION("also where it was never heard") {
        shop.stop();
    }
    SECTION("but in the same one it is said until it is") {
        shop.station().lose_broker();
        shop.station().connect_broker();
        shop.require([&] { return shop.asked() == 2; });
        shop.tell("edge/thing/response", shop.cloud.edge_response());
        shop.require([&] { return shop.cloud.operations().size() > before; });
        CHECK(shop.cloud.operations().back()["status"] == "FINISHED_SUCCESS");
        shop.stop();
    }
    shop.start();
    shop.connect();
    for (const auto& operation : shop.cloud.operations())
        CHECK(operation["status"] != "FINISHED_ERROR");
}

TEST_CASE("a disk that takes no record stops no install, and what it holds may be damaged",
          "[TW-50][service]") {
    const CapturedLog log;
    Shop shop;
    write_file(shop.records().string(), "in the way");
    CHECK(
        shop.install(shop.module("nav", shop.artifact(shop.descriptor("nav"))), "FINISHED_SUCCESS").size() ==
        7);
    CHECK(log.count("what is under way of software is not kept") == 1);
    shop.stop();

    std::filesystem::remove(shop.records());
    std::filesystem::create_directories(shop.records());
    write_file((shop.records() / "7").string(), R"({"ends":[{"status":"HALF"}]})");
    write_file((shop.records() / "8").string(), std::string(65 * 1024 * 1024, ' '));
    write_file((shop.records() / "9").string(),
               R"({"thing":"acme.fleet:gw:truck-7:edge:containers","modules":[{"name":"map"}]})");
    shop.start();
    shop.connect();
    CHECK(log.contains("is no word of an operation"));
    CHECK(log.contains("has 68157440 bytes"));
    CHECK(std::filesystem::exists(shop.records() / "7.bad"));
    CHECK(std::filesystem::exists(shop.records() / "8.bad"));
    CHECK(shop.cloud.operations().back()["softwareModule"]["name"] == "map");
    shop.cloud.take_said();
    CHECK(
        shop.install(shop.module("map", shop.artifact(shop.descriptor("map"))), "FINISHED_SUCCESS").size() ==
        7);
}

TEST_CASE("a failure is heard once both properties are", "[TW-51][service]") {
    service::ThingsConfig config{};
    config.sync_pause = std::chrono::milliseconds(100);
    Shop shop(config);
    shop.is_remote = true;
    shop.station().link.drop_next("lastFailedOperation");
    shop.install(shop.module("bad", shop.artifact(shop.descriptor("nav") + "x")), "FINISHED_ERROR");
    CHECK(shop.says("SoftwareUpdatable lastFailedOperation FINISHED_ERROR"));
    CHECK(shop.keeps_nothing());
}

TEST_CASE("of ends that nobody hears the newest are kept, as many as there is room for", "[TW-50][service]") {
    const CapturedLog log;
    Shop shop;
    shop.station().link.set_broker(false);
    json software = json::array();
    for (int i = 0; i < 1000; ++i)
        software.push_back({{"name", "none-" + std::to_string(i) + std::string(900, 'x')}});
    const json remove = {{"correlationId", "many"}, {"software", software}, {"forced", true}};
    for (int i = 0; i < 6; ++i) {  // of almost a MiB each
        REQUIRE(shop.ask("SoftwareUpdatable", "remove", "r" + std::to_string(i), remove) == 204);
        shop.require(
            [&] { return shop.times_said("SoftwareUpdatable lastOperation FINISHED_ERROR") == i + 1; });
    }
    CHECK(log.count("ended is not told") > 0);
    CHECK(shop.record().size() < 6 * 1024 * 1024);
    shop.station().broker_comes();
    CHECK(shop.keeps_nothing());
}
