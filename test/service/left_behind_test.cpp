// What an update could neither bring back nor remove: it is the component, or it goes; never nobody's.
#include <chrono>
#include <string>

#include "test/support/catch.hpp"
#include "test/support/gateway.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using berth::test::eventually;
using berth::test::Gateway;
using berth::test::message;
using berth::test::Verb;
using berth::test::Words;

namespace {

void take_back(Gateway& device, const std::string& activity) {
    device.on().command(activity, "ROLLBACK");
    device.on().command(activity, "CLEANUP");
    REQUIRE(device.on().says(activity, "INCOMPLETE"));
}

const Error kTaken = fail(Errc::Internal, "port is already allocated");

}  // namespace

TEST_CASE("an old instance that cannot be started on the way back is the component all the same",
          "[UA-52][BX-08][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    const auto web = device.engine.named("web")->spec.id;
    device.activate("two", {{"web", "app:2"}});
    device.engine.fail_next(Verb::Start, kTaken, 2);
    take_back(device, "two");
    REQUIRE(device.on().says("two", "CLEANUP_FAILURE"));
    REQUIRE(device.names_and_images() == Words{"web=app:1 (down)"});
    device.deploy("three", {{"web"}});
    CHECK(device.names_and_images() == Words{"web=app:1"});
    CHECK(device.engine.named("web")->spec.id == web);
    device.deploy("four", {});
    CHECK(device.engine.containers().empty());
}

TEST_CASE("an old instance whose start is done and answered with an error is back", "[UA-25][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.activate("two", {{"web", "app:2"}});
    device.engine.lose_answer(Verb::Start);
    take_back(device, "two");
    CHECK(device.on().says("two", "ROLLBACK_SUCCESS"));
    CHECK(device.names_and_images() == Words{"web=app:1"});
    device.deploy("three", {});
    CHECK(device.engine.containers().empty());
}

TEST_CASE("what could not be removed goes with the next desired state or the next berthd, and is not started",
          "[UA-37][service]") {
    Gateway device;
    device.deploy("one", {{"web"}, {"gone"}});
    device.engine.fail_next(Verb::Remove, fail(Errc::Internal, "device or resource busy"));
    device.on().desire(message("two", {{"web"}}));
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    REQUIRE(device.engine.containers().size() == 2);
    const auto starts = device.engine.calls(Verb::Start);
    if (GENERATE(false, true))
        device.station.reset();
    else
        device.deploy("three", {{"web"}});
    device.on();
    CHECK(eventually([&] { return device.names_and_images() == Words{"web=app:1"}; }));
    CHECK(eventually([&] { return device.records() == 1; }));
    CHECK(device.engine.calls(Verb::Start) == starts);
}

TEST_CASE("a new instance that cannot be removed while the old one cannot be started does not win",
          "[UA-57][BX-08][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    const auto web = device.engine.named("web")->spec.id;
    device.activate("two", {{"web", "app:2"}});
    device.engine.fail_next(Verb::Remove, fail(Errc::Internal, "device or resource busy"), 2);
    device.engine.fail_next(Verb::Start, kTaken, 2);
    take_back(device, "two");
    REQUIRE(device.engine.containers().size() == 2);
    if (GENERATE(false, true)) device.station.reset();
    device.deploy("three", {{"web"}});
    CHECK(eventually([&] { return device.names_and_images() == Words{"web=app:1"}; }));
    CHECK(device.engine.named("web")->spec.id == web);
}

// The engine restarts nothing that it was asked to stop, also if that took no effect then.
TEST_CASE("an old instance that outlived its stop is started once when it ends", "[CM-16][BX-08][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    const auto instance = device.engine.named("web")->engine_id;
    device.engine.make_stubborn(instance);
    runtime::StopOptions without_force{};
    without_force.grace = std::chrono::milliseconds(1);
    without_force.force = false;
    REQUIRE_FALSE(device.engine.stop(instance, without_force, {}));
    device.engine.fail_next(Verb::Stop, fail(Errc::Internal, "it cannot be killed"));
    device.on().desire(message("two", {{"web", "app:2"}}));
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    REQUIRE(device.names_and_images() == Words{"web=app:1"});
    const auto starts = device.engine.calls(Verb::Start);
    device.engine.end_process(instance, 3);
    CHECK(eventually([&] { return device.engine.calls(Verb::Start) > starts; }));
    CHECK(eventually([&] { return device.names_and_images() == Words{"web=app:1"}; }));
}
