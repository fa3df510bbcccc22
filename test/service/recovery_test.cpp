// What Berth finds when it starts, and after the engine was away.
#include <chrono>
#include <filesystem>
#include <fstream>

#include "service/stop_all.hpp"
#include "service/store.hpp"
#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/gateway.hpp"
#include "test/support/station.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using berth::test::container;
using berth::test::eventually;
using berth::test::FakeRuntime;
using berth::test::running;
using berth::test::spec;
using berth::test::Station;
using berth::test::TemporaryFolder;

TEST_CASE("a lost store is rebuilt from the engine's labels", "[CM-27][service]") {
    TemporaryFolder folder;
    FakeRuntime engine;
    engine.put(running(spec("web")));
    const auto record = folder.path() / "containers" / "id-web" / "config.json";
    Station station(engine, folder.path());
    station.await_ready();
    REQUIRE(eventually([&] { return std::filesystem::exists(record); }));
    CHECK((std::filesystem::status(record).permissions() & std::filesystem::perms::all) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    CHECK(service::store::load(folder.path())->records[0].spec.name == "web");
}

TEST_CASE("limits that were changed in place are read from the engine where the store is lost",
          "[CM-27][service]") {
    for (const bool has_swap_limits : {true, false}) {
        INFO("swap limits: " << has_swap_limits);
        test::Gateway device;
        if (!has_swap_limits)
            device.engine.hold_otherwise([](ContainerSpec& held) { held.resources.memory_swap = "-1"; });
        device.deploy("one", {{"web", "app:1", test::pair("memory", "64M")}});
        device.deploy("two", {{"web", "app:1", test::pair("memory", "96M")}});
        device.station.reset();
        std::filesystem::remove_all(device.folder.path() / "containers");
        device.on();
        REQUIRE(eventually([&] { return device.records() == 1; }));
        device.deploy("three", {{"web", "app:1", test::pair("memory", "96M")}});
        CHECK(device.engine.calls(test::Verb::Update) == 1);
        device.deploy("four", {{"web", "app:1", test::pair("memory", "64M")}});
        CHECK(device.engine.calls(test::Verb::Update) == 2);
        CHECK(device.engine.limits_of(device.engine.named("web")->engine_id) == Resources{"64M", "", "128M"});
    }
}

TEST_CASE(
    "memory that was limited in place without a word on swap has no limit of swap where the store is lost",
    "[CM-27][service]") {
    test::Gateway device;
    device.deploy("one", {{"web"}});
    device.station.reset();
    std::filesystem::remove_all(device.folder.path() / "containers");
    device.engine.hold_otherwise([](ContainerSpec& held) { held.resources = {"64M", "", ""}; });
    device.on();
    std::vector<Container> records;
    REQUIRE(eventually([&] {
        const auto loaded = service::store::load(device.folder.path());
        if (loaded) records = loaded->records;
        return records.size() == 1;
    }));
    CHECK((records[0].spec.resources == Resources{"64M", "", "-1"}));
}

TEST_CASE("a container that was renamed keeps its new name where the store is lost", "[CM-27][service]") {
    TemporaryFolder folder;
    FakeRuntime engine;
    auto web = running(spec("web"));
    web.engine_name = "shop";
    auto replaced = container(spec("web", "app:0"), Status::Exited);
    replaced.spec.id = "id-replaced";
    replaced.engine_id = "engine-replaced";
    replaced.engine_name = "shop.old-" + runtime::id8(replaced.spec.id);
    engine.put(web);
    engine.put(replaced);
    Station station(engine, folder.path());
    station.await_ready();
    REQUIRE(eventually([&] { return engine.containers().size() == 1; }));
    REQUIRE(eventually([&] {
        const auto loaded = service::store::load(folder.path());
        return loaded && loaded->records.size() == 1;
    }));
    CHECK(service::store::load(folder.path())->records[0].spec.name == "shop");
    CHECK(engine.named("shop"));
}

TEST_CASE("what an open update has stopped stays down, also where the record of that is not on disk",
          "[UA-57][service]") {
    test::Gateway device;
    device.deploy("one", {{"web"}});
    const auto ran = service::store::load(device.folder.path())->records.at(0);
    device.on().desire(test::message("two", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    for (const std::string word : {"DOWNLOAD", "UPDATE"})
        device.on().command("two", word);
    REQUIRE(device.on().says("two", "UPDATE_SUCCESS"));
    device.station.reset();
    REQUIRE(service::store::save(device.folder.path(), ran));
    const auto starts = device.engine.calls(test::Verb::Start);
    device.on().command("two", "ACTIVATE");
    REQUIRE(device.on().says("two", "ACTIVATION_SUCCESS"));
    CHECK(device.engine.calls(test::Verb::Start) == starts + 1);  // the new one
    device.on().command("two", "CLEANUP");
    REQUIRE(device.on().says("two", "COMPLETED"));
    CHECK(device.names_and_images() == test::Words{"web=app:2"});
}

TEST_CASE("a damaged record is replaced by the label's document", "[CM-27][service]") {
    TemporaryFolder folder;
    FakeRuntime engine;
    engine.put(running(spec("web")));
    std::filesystem::create_directories(folder.path() / "containers" / "id-web");
    std::ofstream(folder.path() / "containers" / "id-web" / "config.json") << "{\"container_id\": \"id-w";
    Station station(engine, folder.path());
    station.await_ready();
    CHECK(eventually([&] { return !service::store::load(folder.path())->records.empty(); }));
}

TEST_CASE("a record whose writing was cut short leaves nothing beside it", "[BX-08][service]") {
    TemporaryFolder folder;
    FakeRuntime engine;
    engine.put(running(spec("web")));
    const auto records = folder.path() / "containers" / "id-web";
    REQUIRE(service::store::save(folder.path(), running(spec("web"))));
    std::ofstream(records / "config.json.new") << "{\"container_id\": \"id-w";
    Station station(engine, folder.path());
    station.await_ready();
    CHECK(std::filesystem::exists(records / "config.json"));
    CHECK_FALSE(std::filesystem::exists(records / "config.json.new"));
}

TEST_CASE("a record that could not be written when an update was taken back is written later",
          "[BX-08][service]") {
    test::Gateway device;
    const auto limited = [](const std::string& memory) {
        return std::vector<test::Wanted>{{"web", "app:1", test::pair("memory", memory)}};
    };
    device.deploy("before", limited("64M"));
    const auto web = device.engine.containers().at(0);
    const auto recorded = [&] {
        return service::store::load(device.folder.path())->records.at(0).spec.resources.memory;
    };
    device.on().desire(test::message("two", limited("96M"), 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    device.on().command("two", "DOWNLOAD");
    device.on().command("two", "UPDATE");
    REQUIRE(device.on().says("two", "UPDATE_SUCCESS"));
    REQUIRE(recorded() == "96M");
    // Where the next record would be written first.
    const auto in_the_way = device.folder.path() / "containers" / web.spec.id / "config.json.new";
    std::filesystem::create_directory(in_the_way);
    device.on().command("two", "CLEANUP");
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    REQUIRE(device.engine.limits_of(web.engine_id).memory == "64M");
    REQUIRE(recorded() == "96M");
    std::filesystem::remove(in_the_way);
    REQUIRE(eventually([&] { return recorded() == "64M"; }));

    device.station.reset();
    device.deploy("again", limited("96M"));
    CHECK(device.engine.limits_of(web.engine_id).memory == "96M");
}

TEST_CASE("an instance that is gone when Berth starts is made again", "[CM-27][service]") {
    TemporaryFolder folder;
    FakeRuntime engine;
    engine.put_image("app:1");
    REQUIRE(service::store::save(folder.path(), running(spec("web"))));
    auto stopped = container(spec("db"), Status::Stopped);
    stopped.manually_stopped = true;
    REQUIRE(service::store::save(folder.path(), stopped));
    Station station(engine, folder.path());
    CHECK(eventually([&] { return engine.named("web") && engine.named("web")->runs(); }));
    CHECK(eventually([&] { return engine.named("db").has_value(); }));
    CHECK_FALSE(engine.named("db")->runs());
}

TEST_CASE("an instance that was made again, but not started before Berth ended, is started by the next one",
          "[CM-27][service]") {
    TemporaryFolder folder;
    FakeRuntime engine;
    REQUIRE(service::store::save(folder.path(), container(spec("web"), Status::Exited)));
    auto stopped = container(spec("db"), Status::Stopped);
    stopped.manually_stopped = true;
    REQUIRE(service::store::save(folder.path(), stopped));
    for (const char* name : {"web", "db", "never"})
        engine.put(container(spec(name), Status::Created));
    Station station(engine, folder.path());
    CHECK(eventually([&] { return engine.named("web")->runs(); }));
    CHECK(eventually([&] { return station.is_at_rest(); }));
    CHECK_FALSE(engine.named("db")->runs());
    CHECK_FALSE(engine.named("never")->runs());
}

TEST_CASE("an instance that is being made again and is not wanted any more is not made", "[UA-25][service]") {
    TemporaryFolder folder;
    FakeRuntime engine;
    engine.put_in_registry("app:1");
    engine.hang_pulls(true);
    REQUIRE(service::store::save(folder.path(), running(spec("web"))));
    Station station(engine, folder.path());
    REQUIRE(engine.await_calls(berth::test::Verb::Pull, 1));
    station.desire(berth::test::message("none", {}));
    REQUIRE(station.says("none", "COMPLETED"));
    engine.hang_pulls(false);
    CHECK(eventually([&] { return station.is_at_rest(); }));
    CHECK(engine.containers().empty());
    CHECK(std::filesystem::is_empty(folder.path() / "containers"));
}

TEST_CASE("what ran before the engine went down runs again, what was stopped does not", "[CM-27][service]") {
    TemporaryFolder folder;
    FakeRuntime engine;
    auto failing = spec("once");
    failing.restart = {"on-failure", 0, 0};
    auto never = spec("never");
    never.restart = {"no", 0, 0};
    for (const auto& what : {failing, never, spec("stopped")}) {
        auto record = running(what);
        if (what.name == "stopped") record.manually_stopped = true;
        REQUIRE(service::store::save(folder.path(), record));
        engine.put(container(what, Status::Exited));
    }
    Station station(engine, folder.path());
    station.await_ready();
    CHECK(eventually([&] { return engine.named("once")->runs(); }));
    CHECK_FALSE(engine.named("never")->runs());
    CHECK_FALSE(engine.named("stopped")->runs());
}

TEST_CASE("what was stopped with Berth runs again with the next one, by its policy", "[CM-26][service]") {
    test::Gateway device;
    const auto engine_id = [&](const std::string& name) { return device.engine.named(name)->engine_id; };
    const auto is_recorded = [&](const std::string& name, Status status) {
        return eventually([&] {
            const auto loaded = service::store::load(device.folder.path());
            return loaded &&
                   std::any_of(loaded->records.begin(), loaded->records.end(), [&](const auto& record) {
                       return record.spec.name == name && record.state.status == status;
                   });
        });
    };
    device.deploy("one",
                  {{"web"}, {"stubborn"}, {"once", "app:1", test::pair("restartPolicy", "no")}, {"down"}});
    REQUIRE(device.engine.stop(engine_id("down"), {}, {}));  // by hand
    REQUIRE(is_recorded("down", Status::Stopped));
    for (const char* name : {"web", "stubborn", "once"})
        REQUIRE(is_recorded(name, Status::Running));
    device.station.reset();

    device.engine.make_stubborn(engine_id("stubborn"));
    service::stop_all(device.engine, std::chrono::milliseconds(50));
    for (const auto& one : device.engine.containers()) {
        INFO(one.spec.name);
        CHECK_FALSE(one.is_up());
    }
    CHECK(device.engine.policy_of(engine_id("web")) == "no");  // else the engine may be there before Berth

    device.on();
    for (const char* name : {"web", "stubborn"}) {
        INFO(name);
        CHECK(eventually([&] { return device.engine.named(name)->runs(); }));
        CHECK(device.engine.policy_of(engine_id(name)) == device.engine.named(name)->spec.restart.type);
    }
    CHECK_FALSE(device.engine.named("once")->runs());
    CHECK_FALSE(device.engine.named("down")->runs());
}

TEST_CASE("what was stopped with Berth in the middle of an update runs after it, by its policy",
          "[CM-26][UA-57][service]") {
    constexpr int kOften = 200;
    const auto busy = fail(Errc::Busy, "in use");
    test::Gateway device;
    device.steps.gate = std::chrono::hours(1);
    device.deploy("one", {{"web"}});
    const auto newest = [&] { return device.engine.containers().back(); };
    const auto at_last = [](const auto& call) {
        for (int i = 0; i <= kOften; ++i)
            if (call()) return true;
        return false;
    };
    SECTION("as the new one was started, which nobody heard") {
        device.engine.fail_next(test::Verb::Start, busy, kOften);
        device.on().desire(test::message("two", {{"web", "app:2"}}));
        REQUIRE(device.engine.await_calls(test::Verb::Start, 2));
        device.station.reset();
        REQUIRE(at_last([&] { return static_cast<bool>(device.engine.start(newest().engine_id, {})); }));
    }
    SECTION("as it was started beside the old one") {
        device.on().desire(
            test::message("two", {{"web", "app:2", test::pair("updateOrder", "start-first")}}));
        REQUIRE(eventually([&] { return newest().spec.image == "app:2" && newest().runs(); }));
        device.station.reset();
    }
    SECTION("as the old one was removed") {
        device.engine.fail_next(test::Verb::Remove, busy, kOften);
        device.on().desire(test::message("two", {{"web", "app:2"}}));
        REQUIRE(device.engine.await_calls(test::Verb::Remove, 1));
        REQUIRE(eventually([&] {
            const auto loaded = service::store::load(device.folder.path());
            return loaded &&
                   std::any_of(loaded->records.begin(), loaded->records.end(), [](const auto& record) {
                       return record.spec.image == "app:2" && record.state.status == Status::Running;
                   });
        }));
        device.station.reset();
        REQUIRE(at_last([&] { return static_cast<bool>(device.engine.remove("nobody", {})); }));
    }
    REQUIRE(newest().runs());
    service::stop_all(device.engine, std::chrono::milliseconds(50));
    REQUIRE_FALSE(newest().runs());
    device.steps.gate = std::chrono::milliseconds(10);
    REQUIRE(device.on().says("two", "COMPLETED"));
    CHECK(eventually([&] { return device.names_and_images() == test::Words{"web=app:2"}; }));
    CHECK(device.engine.policy_of(newest().engine_id) == "unless-stopped");
}

TEST_CASE("a stop that came to no end with its Berth leaves no policy behind, also in an open update",
          "[CM-26][service]") {
    test::Gateway device;
    device.deploy("one", {{"web"}});
    device.on().desire(test::message("two", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    device.station.reset();
    const auto web = device.engine.named("web")->engine_id;
    runtime::UpdateOptions hold{};
    hold.restart = RestartPolicy{"no", 0, 0};
    REQUIRE(device.engine.update(web, hold, {}));
    device.on();
    CHECK(eventually([&] { return device.engine.policy_of(web) == "unless-stopped"; }));
}

TEST_CASE("what an engine stops while it shuts down runs again with it", "[CM-27][service]") {
    TemporaryFolder folder;
    FakeRuntime engine;
    auto failing = spec("web");
    failing.restart = {"on-failure", 0, 0};
    const auto id = engine.put(running(failing));
    Station station(engine, folder.path());
    station.await_ready();
    REQUIRE(engine.stop(id, {}, {}));
    engine.set_reachable(false);
    REQUIRE(eventually([&] { return !station.is_ready(); }));
    engine.set_reachable(true);
    CHECK(eventually([&] { return engine.named("web")->runs(); }));
}

TEST_CASE("an unfinished update without its operation ends with one instance", "[service]") {
    TemporaryFolder folder;
    FakeRuntime engine;
    engine.put_image("app:1");
    auto old = container(spec("web"), Status::Exited);
    old.manually_stopped = true;
    old.engine_name = "web";
    auto fresh = container(spec("web", "app:2"), Status::Created);
    fresh.spec.id = "new-web";
    fresh.engine_id.clear();
    fresh.engine_name = "web.staged-12345678";
    fresh.replaces = "id-web";
    fresh.role = Role::Staged;
    SECTION("the new one never ran: it goes, the old one runs") {
        REQUIRE(service::store::save(folder.path(), old));
        REQUIRE(service::store::save(folder.path(), fresh));
        engine.put(old);
        engine.put(fresh);
        Station station(engine, folder.path());
        CHECK(eventually([&] { return engine.containers().size() == 1 && engine.containers()[0].runs(); }));
        CHECK(engine.containers()[0].spec.id == "id-web");
    }
    SECTION("the new one ran: it stays, the old one goes") {
        fresh.role = Role::Plain;
        fresh.started_before = true;
        fresh.state.status = Status::Running;
        old.role = Role::Old;
        REQUIRE(service::store::save(folder.path(), old));
        REQUIRE(service::store::save(folder.path(), fresh));
        engine.put(old);
        engine.put(fresh);
        Station station(engine, folder.path());
        CHECK(eventually([&] { return engine.containers().size() == 1; }));
        CHECK(engine.containers()[0].spec.id == "new-web");
    }
}

TEST_CASE("a new instance that ran beside the old one comes to the others without its operation",
          "[BX-22][service]") {
    TemporaryFolder folder;
    FakeRuntime engine;
    engine.put_image("app:1");
    auto fresh = container(spec("web", "app:2"), Status::Created);
    fresh.spec.id = "new-web";
    fresh.engine_id.clear();
    fresh.engine_name = "web.staged-12345678";
    fresh.replaces = "id-web";
    fresh.role = Role::Staged;
    REQUIRE(service::store::save(folder.path(), running(spec("web"))));
    REQUIRE(service::store::save(folder.path(), fresh));
    engine.put(running(spec("web")));
    const auto id = engine.put(fresh);
    REQUIRE(engine.move_to(id, fresh.spec, runtime::Place::Apart, {}));
    SECTION("it runs: it stays") {
        REQUIRE(engine.start(id, {}));
        Station station(engine, folder.path());
        CHECK(eventually([&] { return engine.containers().size() == 1; }));
        CHECK(eventually([&] { return engine.place_of(id) == runtime::Place::Shared; }));
    }
    SECTION("it never ran: it goes, and so does what was made for it") {
        engine.take_deeds();
        Station station(engine, folder.path());
        CHECK(eventually([&] { return engine.containers().size() == 1; }));
        CHECK(engine.take_deeds().front() == "nowhere app:2");
        CHECK(engine.containers()[0].spec.id == "id-web");
    }
}

TEST_CASE("what an update has left and could not be removed is tried again by itself", "[UA-57][service]") {
    TemporaryFolder folder;
    FakeRuntime engine;
    auto left = running(spec("web"));
    left.role = Role::Discarded;
    REQUIRE(service::store::save(folder.path(), left));
    engine.put(left);
    engine.fail_next(test::Verb::Remove, fail(Errc::Internal, "device or resource busy"), 2);
    service::Loop loop;
    service::Workers workers(loop, {{service::Lane::Steps, 1U}, {service::Lane::Quick, 1U}});
    service::World world(loop, workers, engine, folder.path().string());
    service::Steps steps(loop, workers, engine, world, {});
    const auto nobody = [](const ContainerId&) { return false; };
    service::Recovery recovery(loop, world, steps, {nobody, nobody, nobody}, std::chrono::milliseconds(10));
    world.when_ready([&] { recovery.on_ready({}); });
    loop.post([&] { world.on_connected(); });
    CHECK(test::run_until(loop, [&] { return engine.containers().empty() && world.all().empty(); }));
    CHECK(engine.calls(test::Verb::Remove) == 3);
    workers.stop();
}

TEST_CASE("names and policies that an update left are put right", "[CM-27][UA-70][service]") {
    TemporaryFolder folder;
    FakeRuntime engine;
    auto web = running(spec("web"));
    web.engine_name = "renamed-by-hand";
    const auto id = engine.put(web);
    REQUIRE(engine.update(id, {RestartPolicy{"no", 0, 0}, std::nullopt}, {}));
    REQUIRE(service::store::save(folder.path(), web));
    Station station(engine, folder.path());
    CHECK(eventually([&] { return engine.named("web").has_value(); }));
    CHECK(eventually([&] { return engine.policy_of(id) == "unless-stopped"; }));
}

TEST_CASE("ids from outside become folder names only if they are", "[service]") {
    for (const std::string good : {"a", "a-b", "550e8400-e29b-41d4-a716-446655440000", "A.b_C"})
        CHECK(service::store::is_safe_id(good));
    for (const std::string bad :
         {"", ".", "..", "a/b", "../x", "a..b", "-a", "a-", "a b",
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
        CHECK_FALSE(service::store::is_safe_id(bad));
    CHECK_FALSE(service::store::save("/dev/null", running(spec("web"))));
}
