// Update order start-first on an engine in memory: what is asked of it in which order, and what becomes of an
// update that fails or ends in the middle.
#include <algorithm>
#include <stdexcept>

#include "test/support/catch.hpp"
#include "test/support/gateway.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using berth::runtime::Place;
using berth::test::eventually;
using berth::test::Gateway;
using berth::test::message;
using berth::test::pair;
using berth::test::Verb;
using berth::test::Wanted;
using berth::test::Words;

namespace {

constexpr std::chrono::milliseconds kShort{10};
constexpr std::chrono::hours kNeverOver{1};

Wanted beside(const std::string& name, const std::string& image, const std::string& more = {}) {
    return {name, image, pair("updateOrder", "start-first") + more};
}

// One container "web" of app:1 is there; its update to app:2 is sent with this gate.
void with_gate(Gateway& device, std::chrono::milliseconds gate) {
    device.steps.gate = gate;
    device.deploy("one", {{"web"}});
    device.engine.take_deeds();
}

Container of_image(const Gateway& device, const std::string& image) {
    for (const auto& container : device.engine.containers())
        if (container.spec.image == image) return container;
    throw std::logic_error("there is no container of " + image);
}

bool runs(const Gateway& device, const std::string& image) {
    const auto all = device.engine.containers();
    return std::any_of(all.begin(), all.end(),
                       [&](const auto& one) { return one.spec.image == image && one.runs(); });
}

}  // namespace

TEST_CASE("start-first: the new one starts apart, takes over, and only then the old one stops",
          "[BX-22][service]") {
    Gateway device;
    with_gate(device, kShort);
    device.deploy("two", {beside("web", "app:2")});
    CHECK(device.engine.take_deeds() ==
          Words{"apart app:2", "start app:2", "shared app:2", "nowhere app:1", "stop app:1"});
    CHECK(device.names_and_images() == Words{"web=app:2"});
    const auto web = of_image(device, "app:2");
    CHECK(device.engine.place_of(web.engine_id) == Place::Shared);
    CHECK(device.engine.policy_of(web.engine_id) == "unless-stopped");
    CHECK(device.records() == 1);
    CHECK(device.on().words_until("two", "COMPLETED") ==
          Words{"IDENTIFYING", "IDENTIFIED", "DOWNLOADING", "DOWNLOAD_SUCCESS", "UPDATE_SUCCESS",
                "ACTIVATING", "ACTIVATION_SUCCESS", "CLEANUP_SUCCESS", "COMPLETED"});

    device.deploy("again", {beside("web", "app:2")});
    CHECK(device.on().last("again")->actions[0].message == "running");
    CHECK(device.engine.take_deeds().empty());
}

TEST_CASE("a new instance that ends before it has held fails at once, and the old one knows nothing of it",
          "[BX-22][UA-54][service]") {
    Gateway device;
    with_gate(device, kNeverOver);
    const auto old = of_image(device, "app:1");
    const auto updates = device.engine.calls(Verb::Update);
    device.on().desire(message("two", {beside("web", "app:2")}));
    REQUIRE(eventually([&] { return runs(device, "app:2"); }));
    device.engine.end_process(of_image(device, "app:2").engine_id, 3);
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.on().last("two")->actions[0].message ==
          "component web: the new instance ended with exit code 3 before it could take over; new instance "
          "removed, old one running");
    const auto words = device.on().words_until("two", "");
    CHECK(std::find(words.begin(), words.end(), "ACTIVATION_FAILURE") != words.end());
    CHECK(device.names_and_images() == Words{"web=app:1"});
    CHECK(of_image(device, "app:1").state == old.state);
    CHECK(device.engine.calls(Verb::Update) == updates + 1);  // of the new one, which must not come back
    CHECK(device.engine.take_deeds() ==
          Words{"apart app:2", "start app:2", "nowhere app:2", "network of what is gone"});
    CHECK(device.records() == 1);
}

TEST_CASE("a new instance that ended unseen does not take over", "[BX-22][service]") {
    Gateway device;
    with_gate(device, std::chrono::seconds(2));
    device.on().desire(message("two", {beside("web", "app:2")}));
    REQUIRE(eventually([&] { return runs(device, "app:2"); }));
    const auto fresh = of_image(device, "app:2").engine_id;
    device.engine.set_reachable(false);  // nobody hears of it
    device.engine.end_process(fresh, 1);
    REQUIRE(eventually([&] { return !device.on().is_ready(); }));
    device.engine.set_reachable(true);
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK_THAT(device.on().last("two")->actions[0].message, ContainsSubstring("the new instance ended"));
    CHECK(device.names_and_images() == Words{"web=app:1"});
    CHECK(device.engine.calls(Verb::Stop) == 0);
}

TEST_CASE("a new instance that cannot be started leaves the old one alone", "[BX-22][service]") {
    Gateway device;
    with_gate(device, kShort);
    device.engine.break_image("app:2");
    device.on().desire(message("two", {beside("web", "app:2")}));
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK_THAT(device.on().last("two")->actions[0].message, ContainsSubstring("exec: not found"));
    CHECK(device.names_and_images() == Words{"web=app:1"});
    CHECK(device.engine.take_deeds() == Words{"apart app:2", "nowhere app:2", "network of what is gone"});
}

TEST_CASE("killed while the new one has to hold: the next Berth lets it hold and goes on",
          "[BX-22][UA-57][service]") {
    Gateway device;
    with_gate(device, kNeverOver);
    device.on().desire(message("two", {beside("web", "app:2")}));
    REQUIRE(eventually([&] { return runs(device, "app:2"); }));
    device.station.reset();
    CHECK(runs(device, "app:1"));
    const bool ends_meanwhile = GENERATE(false, true);
    if (ends_meanwhile) device.engine.end_process(of_image(device, "app:2").engine_id, 1);
    device.steps.gate = kShort;
    REQUIRE(device.on().says("two", ends_meanwhile ? "INCOMPLETE" : "COMPLETED"));
    CHECK(device.names_and_images() == Words{ends_meanwhile ? "web=app:1" : "web=app:2"});
    CHECK(device.engine.calls(Verb::Stop) == (ends_meanwhile ? 0 : 1));
    CHECK(device.records() == 1);
}

TEST_CASE("killed while the old one stops: the next Berth stops it and starts nothing again",
          "[BX-22][UA-57][service]") {
    Gateway device;
    with_gate(device, kShort);
    device.steps.stop_timeout = std::chrono::hours(1);
    device.station.reset();
    device.engine.make_stubborn(of_image(device, "app:1").engine_id);
    device.on().desire(message("two", {beside("web", "app:2")}));
    REQUIRE(device.engine.await_calls(Verb::Stop, 1));
    device.station.reset();
    device.engine.take_deeds();
    device.steps.stop_timeout = kShort;
    REQUIRE(device.on().says("two", "COMPLETED"));
    CHECK(device.engine.take_deeds() == Words{"stop app:1"});
    CHECK(device.names_and_images() == Words{"web=app:2"});
}

TEST_CASE("a rollback after the new one took over brings the old one back to the others",
          "[BX-22][UA-40][service]") {
    Gateway device;
    with_gate(device, kShort);
    const auto old = of_image(device, "app:1");
    device.on().desire(message("two", {beside("web", "app:2")}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    for (const std::string word : {"DOWNLOAD", "UPDATE"}) {
        device.on().command("two", word);
        REQUIRE(device.on().says("two", word + "_SUCCESS"));
        CHECK(runs(device, "app:1"));
        CHECK_FALSE(runs(device, "app:2"));
    }
    device.on().command("two", "ACTIVATE");
    REQUIRE(device.on().says("two", "ACTIVATION_SUCCESS"));
    CHECK(device.engine.place_of(old.engine_id) == Place::Nowhere);
    CHECK_FALSE(runs(device, "app:1"));
    for (const std::string word : {"ROLLBACK", "CLEANUP"})
        device.on().command("two", word);
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.names_and_images() == Words{"web=app:1"});
    CHECK(device.engine.place_of(old.engine_id) == Place::Shared);
    CHECK(device.engine.policy_of(old.engine_id) == "unless-stopped");
}

TEST_CASE("while the new one has to hold the old one is what the inventory shows",
          "[BX-22][UA-52][service]") {
    Gateway device;
    with_gate(device, kNeverOver);
    device.on().desire(message("two", {beside("web", "app:2")}));
    REQUIRE(eventually([&] { return runs(device, "app:2"); }));
    device.on().send("currentstate/get", R"({"activityId":"question"})");
    REQUIRE(device.on().await_inventory(
        [](const auto& text) { return text.find("\"question\"") != std::string::npos; }));
    const auto inventory = device.on().inventories().back();
    CHECK(inventory.find("app:1") != std::string::npos);
    CHECK(inventory.find("app:2") == std::string::npos);
    CHECK_FALSE(device.on().may_change(of_image(device, "app:2").spec.id));
}

TEST_CASE("start-first with a shared folder is refused, and nothing gives way to it",
          "[BX-22][UA-63][service]") {
    Gateway device;
    const auto mounted = pair("mount", "/data:/data");
    device.deploy("one", {{"web", "app:1", mounted}});
    const bool is_open = GENERATE(false, true);
    if (is_open) {
        device.on().desire(message("open", {{"web", "app:1", mounted}, {"db"}}, 5));
        REQUIRE(device.on().says("open", "IDENTIFIED"));
    }
    device.on().desire(message("two", {beside("web", "app:2", mounted)}));
    CHECK(device.on().words_until("two", "IDENTIFICATION_FAILED") ==
          Words{"IDENTIFYING", "IDENTIFICATION_FAILED"});
    CHECK(device.on().last("two")->message ==
          "component web, key updateOrder: start-first cannot be combined with mount /data:/data:rprivate, "
          "whose folder the old instance has, too; use stop-first");
    if (is_open) {
        device.on().command("open", "DOWNLOAD");
        CHECK(device.on().says("open", "DOWNLOAD_SUCCESS"));
    }
    CHECK(runs(device, "app:1"));
    CHECK(device.engine.calls(Verb::Stop) == 0);
}

TEST_CASE("what is refused makes nothing give way, also when an older one was about to",
          "[BX-22][UA-63][service]") {
    Gateway device;
    const auto mounted = pair("mount", "/data:/data");
    device.deploy("one", {{"web", "app:1", mounted}});
    device.on().desire(message("open", {{"web", "app:1", mounted}, {"db"}}, 5));
    REQUIRE(device.on().says("open", "IDENTIFIED"));
    device.engine.hang_lists(true);  // while the engine is asked for the first of the two the second comes
    device.on().desire(message("two", {{"web", "app:2", mounted}}));
    device.on().desire(message("three", {beside("web", "app:2", mounted)}));
    device.on().on_loop([] {});
    device.engine.hang_lists(false);
    REQUIRE(device.on().says("two", "SUPERSEDED"));
    REQUIRE(device.on().says("three", "IDENTIFICATION_FAILED"));
    device.on().command("open", "DOWNLOAD");
    CHECK(device.on().says("open", "DOWNLOAD_SUCCESS"));
}
