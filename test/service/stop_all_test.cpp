#include "service/stop_all.hpp"

#include <chrono>

#include "test/support/builders.hpp"
#include "test/support/captured_log.hpp"
#include "test/support/catch.hpp"
#include "test/support/fake_runtime.hpp"

using namespace berth;
using namespace berth::test;

TEST_CASE("of what is stopped after the end that is told which is down", "[TW-13][service]") {
    FakeRuntime engine;
    for (const char* name : {"one", "two", "three"})
        engine.put(running(spec(name)));
    engine.put(container(spec("idle"), Status::Exited));
    engine.fail_next(Verb::Stop, fail(Errc::Internal, "it cannot be killed"));
    const CapturedLog log;
    const auto stopped = service::stop_all(engine, std::chrono::milliseconds(300));
    CHECK(stopped.size() == 2);
    for (const auto& one : stopped) {
        CHECK(one.state.status == Status::Stopped);
        CHECK(one.state.pid == -1);
        CHECK(one.spec.name != "idle");
        CHECK_FALSE(engine.named(one.engine_name)->is_up());
    }
    CHECK(log.count("not stopped: ") == 1);
    CHECK(log.contains("it cannot be killed"));
}
