// Containers of which the record is left alone: the engine has lost its data while Berth was away.
#include <chrono>
#include <optional>
#include <utility>

#include "service/recovery.hpp"
#include "service/store.hpp"
#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/gateway.hpp"
#include "test/support/station.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using berth::test::eventually;
using berth::test::FakeRuntime;
using berth::test::Gateway;
using berth::test::message;
using berth::test::TemporaryFolder;
using berth::test::Verb;
using berth::test::Words;

namespace {

// One container, deployed and lost, with its image. Berth is away.
struct Bereft : Gateway {
    Bereft() {
        deploy("one", {{"web"}});
        station.reset();
        for (const auto& one : engine.containers())
            REQUIRE(engine.remove(one.engine_id, {}));
        engine.remove_image("app:1");
    }
    // It has begun to make again what it misses.
    void wake() {
        on();
        REQUIRE(engine.await_calls(Verb::Pull, 1));
    }
    // The next Berth finds the image there.
    void wake_with_image() {
        station.reset();
        engine.put_image("app:1");
        on();
    }
    bool has_web() const {
        return eventually([this] { return names_and_images() == Words{"web=app:1"}; });
    }
};

}  // namespace

TEST_CASE("the same desired state makes anew what has lost its instance", "[CM-27][service]") {
    Bereft device;
    device.wake();
    SECTION("at once, where the image can be had") {
        device.engine.put_image("app:1");
        device.deploy("again", {{"web"}});
        CHECK(device.names_and_images() == Words{"web=app:1"});
    }
    SECTION("without the image it says so, and that goes on to be made again") {
        device.on().desire(message("again", {{"web"}}));
        REQUIRE(device.on().says("again", "INCOMPLETE"));
        const auto last = device.on().last("again");
        REQUIRE(last->actions.size() == 1);
        CHECK(last->actions[0].status == Word::DownloadFailure);
        CHECK_THAT(last->actions[0].message, ContainsSubstring("manifest unknown"));
        CHECK(device.records() == 1);
        device.wake_with_image();
        CHECK(device.has_web());
    }
    CHECK(device.records() == 1);
}

TEST_CASE("what had lost its instance runs when an update of it has failed", "[UA-69][service]") {
    Bereft device;
    device.engine.break_image("app:2");
    device.wake();
    device.engine.put_image("app:1");
    device.on().desire(message("two", {{"web", "app:2"}}));
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.on().says("two", "ROLLBACK_SUCCESS"));
    CHECK(device.names_and_images() == Words{"web=app:1"});
    CHECK(device.records() == 1);
}

TEST_CASE("what a rollback cannot make again is not given up", "[UA-69][service]") {
    Bereft device;
    device.wake();
    device.activate("two", {{"web", "app:2"}});
    device.on().command("two", "ROLLBACK");
    REQUIRE(device.on().says("two", "ROLLBACK_FAILURE"));
    device.on().command("two", "CLEANUP");
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.engine.containers().empty());
    device.wake_with_image();
    CHECK(device.has_web());
    CHECK(device.records() == 1);
}

TEST_CASE("what is made again for long stands in no update's way", "[UA-69][service]") {
    Bereft device;
    device.engine.put_in_registry("app:1");
    device.engine.hang_pulls(true);
    device.wake();
    device.on().desire(message("two", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    device.on().command("two", "DOWNLOAD");
    REQUIRE(device.on().says("two", "DOWNLOAD_SUCCESS"));
    SECTION("before UPDATE it runs once it is made") {
        device.engine.hang_pulls(false);
        CHECK(eventually([&] {
            const auto web = device.engine.named("web");
            return web && web->runs();
        }));
        CHECK(device.engine.calls(Verb::Pull) == 1);
    }
    SECTION("from then on it is made by the way back alone") {
        device.on().command("two", "UPDATE");
        REQUIRE(device.on().says("two", "UPDATE_SUCCESS"));
        device.engine.hang_pulls(false);
        device.on().command("two", "ROLLBACK");
        REQUIRE(device.on().says("two", "ROLLBACK_SUCCESS"));
        CHECK(device.engine.calls(Verb::Pull) == 2);
    }
    SECTION("from then on it is made by the way back alone, also by the next Berth") {
        device.on().command("two", "UPDATE");
        REQUIRE(device.on().says("two", "UPDATE_SUCCESS"));
        device.station.reset();
        device.engine.hang_pulls(false);
        device.on().command("two", "ROLLBACK");
        REQUIRE(device.on().says("two", "ROLLBACK_SUCCESS"));
        CHECK(device.engine.calls(Verb::Pull) == 2);
    }
    device.on().command("two", "CLEANUP");
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.names_and_images() == Words{"web=app:1"});
    CHECK(device.records() == 1);
}

TEST_CASE("what an update keeps down is made again once that has ended without it", "[UA-69][service]") {
    TemporaryFolder folder;
    FakeRuntime engine;
    engine.put_image("app:1");
    REQUIRE(service::store::save(folder.path(), test::running(test::spec("web"))));
    service::Loop loop;
    service::Workers workers(loop, {{service::Lane::Steps, 1U}, {service::Lane::Quick, 1U}});
    service::World world(loop, workers, engine, folder.path().string());
    service::Steps steps(loop, workers, engine, world, {});
    bool is_open = true;
    int asked = 0;
    service::Recovery recovery(
        loop, world, steps,
        {[&](const ContainerId&) { return is_open; }, [](const ContainerId&) { return false; },
         [&](const ContainerId&) {
             ++asked;
             return is_open;
         }},
        std::chrono::milliseconds(10));
    world.when_ready([&] { recovery.on_ready({}); });
    loop.post([&] { world.on_connected(); });
    REQUIRE(test::run_until(loop, [&] { return asked > 2; }));
    CHECK(engine.calls(Verb::Create) == 0);
    is_open = false;
    CHECK(test::run_until(loop, [&] {
        const auto web = engine.named("web");
        return web && web->runs();
    }));
    workers.stop();
}

TEST_CASE("what is removed while its record is written is not made", "[service]") {
    TemporaryFolder folder;
    FakeRuntime engine;
    engine.put_image("app:1");
    service::Loop loop;
    service::Workers workers(loop, {{service::Lane::Steps, 1U}, {service::Lane::Quick, 1U}});
    service::World world(loop, workers, engine, folder.path().string());
    service::Steps steps(loop, workers, engine, world, {});
    const auto web = test::missing(test::spec("web"));
    std::optional<Errc> failed;
    bool removed = false;
    // The picture has it as its record is on the way to disk.
    world.when_changed([&, asked = false]() mutable {
        if (std::exchange(asked, true)) return;
        steps.discard(web.spec.id, "web", [&](const std::optional<Error>& error) { removed = !error; });
    });
    loop.post([&] {
        steps.make_again(web, [&](const std::optional<Error>& error) {
            if (error) failed = error->code;
        });
    });
    CHECK(test::run_until(loop, [&] { return removed && failed.has_value(); }));
    CHECK(failed == Errc::Interrupted);
    CHECK(engine.calls(Verb::Create) == 0);
    CHECK(service::store::load(folder.path())->records.empty());
    workers.stop();
}
