// What the picture of the engine makes of what it is told, in whatever order that comes.
#include "service/world.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reconcile/showing.hpp"
#include "service/store.hpp"
#include "test/support/builders.hpp"
#include "test/support/captured_log.hpp"
#include "test/support/catch.hpp"
#include "test/support/fake_runtime.hpp"
#include "test/support/station.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using berth::runtime::EngineEventKind;
using berth::test::CapturedLog;

namespace {

constexpr const char* kStarted = "2025-12-31T00:00:00Z";

// Events come from the test, one by one; its loop runs only where an answer is awaited.
struct ToldWorld {
    ToldWorld() = default;
    ~ToldWorld() { workers.stop(); }
    ToldWorld(const ToldWorld&) = delete;
    ToldWorld& operator=(const ToldWorld&) = delete;

    void keep(Status status) {
        Container record{};
        record.spec = test::spec("web");
        record.spec.id = "id-web";
        record.state.status = status;
        world.keep(record, {});
    }
    void tell(EngineEventKind kind) {
        runtime::EngineEvent event{};
        event.kind = kind;
        event.engine_id = "engine-web";
        event.id = "id-web";
        event.signal = "SIGTERM";
        event.exit_code = 3;
        event.time = "2026-01-01T00:00:0" + std::to_string(++told) + "Z";
        world.on_event(event);
    }
    // It is in the engine, and runs; the picture has it from there.
    void find_running(const std::string& policy = "unless-stopped") {
        auto web = test::running(test::spec("web"));
        web.spec.restart.type = policy;
        web.engine_id = "engine-web";
        web.state.created = web.state.started_at = kStarted;
        web.state.pid = 7;
        engine.put(web);
        world.on_connected();
        REQUIRE(until([this] { return world.ready(); }));
    }
    // From now on the list waits until the engine lets it go.
    void begin_list(service::World::Then then) {
        const int before = engine.calls(test::Verb::List);
        engine.hang_lists(true);
        world.refresh(std::move(then));
        REQUIRE(engine.await_calls(test::Verb::List, before + 1));
    }
    void put_state(const ContainerState& state) {
        auto known = *engine.named("web");
        known.state = state;
        engine.put(known);
    }
    // It is down, and nobody tells.
    void find_down() {
        auto ended = web().state;
        ended.status = Status::Exited;
        put_state(ended);
    }
    // The event stream ends and is there again.
    void reconnect() {
        world.on_lost(fail(Errc::Unavailable, "it went away"));
        world.on_connected();
        REQUIRE(until([this] { return world.ready(); }));
    }
    bool until(const std::function<bool()>& condition) { return test::run_until(loop, condition); }
    const Container& web() const { return *world.find("id-web"); }

    test::TemporaryFolder folder{};
    test::FakeRuntime engine{};
    service::Loop loop{};
    service::Workers workers{loop, {{service::Lane::Quick, 1U}}};
    service::World world{loop, workers, engine, folder.path().string(), std::chrono::milliseconds(10)};
    int told{0};
};

}  // namespace

TEST_CASE("what became of an instance before its creation is answered stays, whatever it was before",
          "[CM-18][TW-69][service]") {
    struct Case {
        std::string name;
        std::vector<EngineEventKind> told;
        Status expected;
    };
    const std::vector<Case> cases = {
        {"nothing", {}, Status::Created},
        {"made", {EngineEventKind::Create}, Status::Created},
        {"started", {EngineEventKind::Create, EngineEventKind::Start}, Status::Running},
        {"paused", {EngineEventKind::Create, EngineEventKind::Start, EngineEventKind::Pause}, Status::Paused},
        {"stopped",
         {EngineEventKind::Create, EngineEventKind::Start, EngineEventKind::Kill, EngineEventKind::Die},
         Status::Stopped},
        {"ended", {EngineEventKind::Create, EngineEventKind::Start, EngineEventKind::Die}, Status::Exited},
    };
    const CapturedLog log;
    for (const auto& c : cases)
        for (const Status before : {Status::Creating, Status::Exited})
            DYNAMIC_SECTION(to_string(before) << ", then " << c.name) {
                ToldWorld told;
                told.keep(before);
                for (const auto kind : c.told) {
                    told.tell(kind);
                    CHECK(told.web().state.created == "2026-01-01T00:00:01Z");
                }
                told.world.on_created("id-web", "engine-web");
                CHECK(told.web().state.status == c.expected);
                CHECK(told.web().engine_id == "engine-web");
                CHECK_FALSE(told.web().state.created.empty());
                told.tell(EngineEventKind::Create);  // where it is the later one
                CHECK(told.web().state.status == c.expected);
            }
}

TEST_CASE("what happens while the engine is listed is told by its events alone", "[TW-69][CM-27][service]") {
    const std::vector<EngineEventKind> ending = {EngineEventKind::Kill, EngineEventKind::Die};
    const CapturedLog log;
    for (std::size_t early = 0; early <= ending.size(); ++early)
        DYNAMIC_SECTION("events that come before the list: " << early) {
            ToldWorld told;
            told.find_running();
            bool listed = false;
            told.begin_list([&listed](const Result<>&) { listed = true; });
            REQUIRE(told.engine.stop("engine-web", {}, {}));
            for (std::size_t i = 0; i < early; ++i)
                told.tell(ending[i]);
            told.engine.hang_lists(false);
            REQUIRE(told.until([&listed] { return listed; }));
            // What is told too late does not hold up who asked.
            CHECK(told.web().state.status == (early == 0 ? Status::Exited : Status::Stopped));
            for (std::size_t i = early; i < ending.size(); ++i)
                told.tell(ending[i]);
            CHECK(told.web().state.status == Status::Stopped);
            CHECK(told.web().state.started_at == kStarted);
            CHECK(told.world.take_gone_down().empty());
        }
}

TEST_CASE("what is about to end is looked at, as the list may show it later than a stop is answered",
          "[CM-27][service]") {
    const CapturedLog log;
    ToldWorld told;
    told.find_running();
    const int looks = told.engine.calls(test::Verb::Inspect);
    told.engine.late_lists(true);
    const bool announced = GENERATE(true, false);
    if (announced) told.tell(EngineEventKind::Kill);
    REQUIRE(told.engine.stop("engine-web", {}, {}));
    bool listed = false;
    told.world.refresh([&listed](const Result<>&) { listed = true; });
    REQUIRE(told.until([&listed] { return listed; }));
    CHECK(told.web().state.status == (announced ? Status::Stopped : Status::Running));
    CHECK(told.engine.calls(test::Verb::Inspect) == looks + (announced ? 1 : 0));
    CHECK(told.world.take_gone_down().empty());
    told.tell(EngineEventKind::Die);
    CHECK(told.web().state.status == (announced ? Status::Stopped : Status::Exited));
}

TEST_CASE("an engine that hangs with what cannot be ended is listed all the same", "[CM-27][service]") {
    const CapturedLog log;
    ToldWorld told;
    told.find_running();
    told.tell(EngineEventKind::Kill);
    const Errc code = GENERATE(Errc::Timeout, Errc::Unavailable);
    told.engine.fail_next(test::Verb::Inspect, fail(code, "no answer"));
    bool listed = false;
    bool good = false;
    told.world.refresh([&](const Result<>& result) {
        listed = true;
        good = static_cast<bool>(result);
    });
    REQUIRE(told.until([&listed] { return listed; }));
    CHECK(good == (code == Errc::Timeout));
    CHECK(told.world.ready() == good);
    CHECK(told.web().state.status == Status::Running);
}

TEST_CASE("an engine that hangs with one known container is ready all the same", "[CM-27][service]") {
    const CapturedLog log;
    ToldWorld told;
    const bool known = GENERATE(true, false);
    if (known) told.keep(Status::Running);
    told.engine.fail_next(test::Verb::Inspect, fail(Errc::Timeout, "no answer"));
    told.find_running();
    CHECK(told.engine.calls(test::Verb::List) == (known ? 1 : 2));
    CHECK(told.web().engine_id == "engine-web");
    CHECK(told.web().runs());
}

TEST_CASE("who asks for a list while one is made gets one of his own", "[CM-27][service]") {
    const CapturedLog log;
    ToldWorld told;
    told.find_running();
    const int before = told.engine.calls(test::Verb::List);
    std::vector<int> lists;
    const auto note = [&](const Result<>&) { lists.push_back(told.engine.calls(test::Verb::List) - before); };
    told.begin_list(note);
    told.world.refresh(note);
    told.world.refresh(note);
    told.engine.hang_lists(false);
    REQUIRE(told.until([&lists] { return lists.size() == 3; }));
    CHECK(lists == std::vector<int>{1, 2, 2});
}

TEST_CASE("an event from before what a list has seen is not taken for it", "[CM-27][service]") {
    const CapturedLog log;
    ToldWorld told;
    told.find_running();
    bool listed = false;
    told.begin_list([&listed](const Result<>&) { listed = true; });
    told.tell(EngineEventKind::Pause);
    told.tell(EngineEventKind::Unpause);
    REQUIRE(told.engine.stop("engine-web", {}, {}));
    told.engine.hang_lists(false);
    REQUIRE(told.until([&listed] { return listed; }));
    CHECK_FALSE(told.web().runs());
}

TEST_CASE("who asks for a list sees what it has seen, where the events come soon", "[CM-27][service]") {
    const CapturedLog log;
    ToldWorld told;
    told.find_running();
    Status seen{};
    bool listed = false;
    told.begin_list([&](const Result<>&) {
        seen = told.web().state.status;
        listed = true;
    });
    REQUIRE(told.engine.stop("engine-web", {}, {}));
    told.engine.hang_lists(false);
    told.loop.post_after(std::chrono::milliseconds(50), [&told] {
        told.tell(EngineEventKind::Kill);
        told.tell(EngineEventKind::Die);
    });
    REQUIRE(told.until([&listed] { return listed; }));
    CHECK(seen == Status::Stopped);
}

TEST_CASE("what is stopped as the engine comes back did not go down with it", "[CM-27][service]") {
    const CapturedLog log;
    ToldWorld told;
    told.find_running();
    told.world.on_lost(fail(Errc::Unavailable, "it went away"));
    told.engine.hang_lists(true);
    told.world.on_connected();
    REQUIRE(told.engine.stop("engine-web", {}, {}));
    told.tell(EngineEventKind::Kill);
    told.tell(EngineEventKind::Die);
    told.engine.hang_lists(false);
    REQUIRE(told.until([&told] { return told.world.ready(); }));
    CHECK(told.web().state.status == Status::Stopped);
    CHECK(told.world.take_gone_down().empty());
}

TEST_CASE("a list that is made while nobody listens does not stand for what comes after it",
          "[CM-27][service]") {
    const CapturedLog log;
    ToldWorld told;
    told.find_running();
    told.world.on_lost(fail(Errc::Unavailable, "it went away"));
    bool listed = false;
    told.world.refresh([&listed](const Result<>&) { listed = true; });
    REQUIRE(told.until([&listed] { return listed; }));
    auto again = told.web();
    again.state.started_at = "2026-01-01T00:00:00Z";
    again.state.pid = 8;
    told.engine.put(again);
    told.world.on_connected();
    REQUIRE(told.until([&told] { return told.world.ready(); }));
    CHECK(told.web().state.pid == 8);
}

TEST_CASE("an end that is known is no news when the engine is listed anew", "[TW-69][service]") {
    const CapturedLog log;
    ToldWorld told;
    told.find_running("no");
    const bool asked = GENERATE(false, true);
    if (asked) told.world.expect_stop("id-web");
    told.engine.end_process("engine-web", 3);
    told.tell(EngineEventKind::Die);
    const Container ended = told.web();
    REQUIRE(ended.state.status == (asked ? Status::Stopped : Status::Exited));
    told.reconnect();
    CHECK(told.web().state == ended.state);
    CHECK(reconcile::showings(&ended, &told.web(), "now").empty());

    // Another one is, though it looks the same.
    auto again = *told.engine.named("web");
    again.state.started_at = "2026-06-01T00:00:00Z";
    again.state.finished_at = "2026-06-01T00:00:01Z";
    told.engine.put(again);
    told.reconnect();
    CHECK(reconcile::showings(&ended, &told.web(), "now").size() == 1);
}

TEST_CASE("a restart that the engine gives up is seen without an event", "[CM-25][TW-69][service]") {
    const CapturedLog log;
    ToldWorld told;
    told.find_running("always");
    auto state = told.web().state;
    state.status = Status::Exited;
    state.restarting = true;
    state.exit_code = 3;
    state.pid = -1;
    told.put_state(state);
    told.tell(EngineEventKind::Die);
    const Container ended = told.web();
    REQUIRE(ended.state.restarting);
    const int looked = told.engine.calls(test::Verb::Inspect);
    REQUIRE(told.until([&] { return told.engine.calls(test::Verb::Inspect) >= looked + 2; }));
    CHECK(told.web().state == ended.state);  // it still waits

    state.restarting = false;
    SECTION("it could not be started") {
        state.status = Status::Stopped;
        state.error = "the mount's source is gone";
        told.put_state(state);
        REQUIRE(told.until([&] { return told.web().state.status == Status::Stopped; }));
        CHECK(told.web().state.error == state.error);
        CHECK(reconcile::showings(&ended, &told.web(), "now").size() == 1);
        CHECK_FALSE(told.web().manually_stopped);
    }
    SECTION("it was told not to") {
        told.put_state(state);
        REQUIRE(told.until([&] { return !told.web().state.restarting; }));
        CHECK(reconcile::showings(&ended, &told.web(), "now").empty());
    }
}

TEST_CASE("a stop ends the wait for a restart", "[CM-16][TW-69][service]") {
    const CapturedLog log;
    ToldWorld told;
    told.find_running("always");
    told.tell(EngineEventKind::Die);
    REQUIRE(told.web().state.status == Status::Exited);
    told.tell(EngineEventKind::Stop);
    CHECK(told.web().state.status == Status::Stopped);
    CHECK_FALSE(told.web().state.restarting);
    CHECK(told.web().manually_stopped);
}

TEST_CASE("that memory ran out is told with the end, whichever event comes first",
          "[CM-41][TW-69][service]") {
    const CapturedLog log;
    const bool late = GENERATE(false, true);
    ToldWorld told;
    told.find_running("always");
    if (!late) told.tell(EngineEventKind::Oom);
    told.tell(EngineEventKind::Die);
    const Container ended = told.web();
    CHECK(ended.state.oom_killed != late);
    if (late) {
        told.tell(EngineEventKind::Oom);
        CHECK(reconcile::showings(&ended, &told.web(), "now").size() == 1);
    }
    CHECK(told.web().state.status == Status::Exited);
    CHECK(told.web().state.oom_killed);
    CHECK(told.web().state.error == "OOM Killed");

    auto state = ended.state;  // the engine itself does not keep it
    state.oom_killed = false;
    state.error.clear();
    told.put_state(state);
    told.reconnect();
    CHECK(told.web().state.oom_killed);

    told.tell(EngineEventKind::Start);
    told.tell(EngineEventKind::Die);
    CHECK_FALSE(told.web().state.oom_killed);
    CHECK(told.web().state.error.empty());
}

TEST_CASE("what an engine stops before it goes away is shown stopped, and went down with it",
          "[CM-27][TW-69][service]") {
    const CapturedLog log;
    ToldWorld told;
    told.find_running();
    told.tell(EngineEventKind::Kill);
    told.tell(EngineEventKind::Die);
    told.find_down();
    told.world.on_lost(fail(Errc::Unavailable, "it went away"));
    CHECK(told.web().state.status == Status::Stopped);
    CHECK_FALSE(told.web().manually_stopped);

    // A Berth that starts now knows it as well, whatever else was written meanwhile.
    bool kept = false;
    told.world.keep(told.web(), [&kept](const Result<>& saved) { kept = static_cast<bool>(saved); });
    REQUIRE(told.until([&kept] { return kept; }));
    CHECK(service::store::load(told.folder.path())->records.at(0).runs());

    told.world.on_connected();
    REQUIRE(told.until([&told] { return told.world.ready(); }));
    CHECK(told.web().state.status == Status::Stopped);
    const auto gone_down = told.world.take_gone_down();
    CHECK(gone_down == std::set<ContainerId>{"id-web"});
}

TEST_CASE("an end that is told while the engine is listed and then lost went down with it",
          "[CM-27][service]") {
    const CapturedLog log;
    ToldWorld told;
    told.find_running("on-failure");
    told.begin_list({});
    told.tell(EngineEventKind::Kill);
    told.tell(EngineEventKind::Die);
    told.find_down();
    told.world.on_lost(fail(Errc::Unavailable, "it went away"));
    told.world.on_connected();
    told.engine.hang_lists(false);
    REQUIRE(told.until([&told] { return told.world.ready(); }));
    CHECK_FALSE(told.web().manually_stopped);
    CHECK(told.world.take_gone_down() == std::set<ContainerId>{"id-web"});
}

TEST_CASE("what an engine stops for its own end while it is listed went down with it", "[CM-27][service]") {
    const CapturedLog log;
    const bool is_listed_first = GENERATE(true, false);
    ToldWorld told;
    told.find_running("on-failure");
    const auto lose = [&told] { told.world.on_lost(fail(Errc::Unavailable, "it went away")); };
    bool listed = false;
    told.begin_list([&listed](const Result<>&) { listed = true; });
    told.tell(EngineEventKind::Kill);
    REQUIRE(told.engine.stop("engine-web", {}, {}));
    if (!is_listed_first) told.loop.post_after(std::chrono::milliseconds(50), lose);
    told.engine.hang_lists(false);
    REQUIRE(told.until([&listed] { return listed; }));
    if (is_listed_first) lose();
    told.world.on_connected();
    REQUIRE(told.until([&told] { return told.world.ready(); }));
    CHECK_FALSE(told.web().manually_stopped);
    CHECK(told.world.take_gone_down() == std::set<ContainerId>{"id-web"});
}

TEST_CASE("an end by a stop of ours that nobody has told of is one", "[CM-27][UA-57][service]") {
    const CapturedLog log;
    ToldWorld told;
    told.find_running();
    told.find_down();
    SECTION("the engine was lost before it could tell") {
        told.world.expect_stop("id-web");
        told.reconnect();
        CHECK(told.web().manually_stopped);
        CHECK(told.web().state.status == Status::Stopped);
        CHECK(told.world.take_gone_down().empty());
    }
    SECTION("it was down when the stop was repeated") {
        told.reconnect();
        told.world.take_gone_down();
        told.world.expect_stop("id-web");
        told.world.stopped("id-web");
        CHECK(told.until([&told] {
            const auto loaded = service::store::load(told.folder.path());
            return loaded && loaded->records.size() == 1 && !loaded->records[0].runs();
        }));
    }
}

TEST_CASE("what was in its crash loop went down with the engine", "[CM-27][service]") {
    const CapturedLog log;
    ToldWorld told;
    told.find_running("on-failure");
    told.tell(EngineEventKind::Die);
    REQUIRE(told.web().state.restarting);
    auto down = told.web().state;
    down.restarting = false;
    told.put_state(down);
    told.reconnect();
    CHECK(told.world.take_gone_down() == std::set<ContainerId>{"id-web"});
}

TEST_CASE("the record of what was removed goes as soon as the disk lets it", "[CM-27][service]") {
    ToldWorld told;
    const auto records = told.folder.path() / "containers";
    told.keep(Status::Stopped);
    const auto recorded = [&] { return service::store::load(told.folder.path())->records.size(); };
    REQUIRE(told.until([&] { return recorded() == 1; }));
    std::filesystem::rename(records, told.folder.path() / "aside");
    std::ofstream(records) << "no folder";
    bool refused = false;
    told.world.forget("id-web", [&](const Result<>& erased) { refused = !erased; });
    REQUIRE(told.until([&] { return refused; }));
    std::filesystem::remove(records);
    std::filesystem::rename(told.folder.path() / "aside", records);
    REQUIRE(recorded() == 1);
    CHECK(told.until([&] { return recorded() == 0; }));
}
