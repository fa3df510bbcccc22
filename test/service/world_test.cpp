// What the picture of the engine makes of what it is told, in whatever order that comes.
#include "service/world.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "test/support/builders.hpp"
#include "test/support/captured_log.hpp"
#include "test/support/catch.hpp"
#include "test/support/fake_runtime.hpp"
#include "test/support/station.hpp"

using namespace berth;
using berth::runtime::EngineEventKind;
using berth::test::CapturedLog;

namespace {

// Events and answers come from the test, one by one: its loop does not run.
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
    const Container& web() const { return *world.find("id-web"); }

    test::TemporaryFolder folder{};
    test::FakeRuntime engine{};
    service::Loop loop{};
    service::Workers workers{loop, {{service::Lane::Quick, 1U}}};
    service::World world{loop, workers, engine, folder.path().string()};
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
