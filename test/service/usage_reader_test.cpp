// Where the numbers come from: a recorded tree of kernel files, and an engine in memory that says others.
#include "service/usage_reader.hpp"

#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/fake_runtime.hpp"

using namespace berth;
using berth::service::UsageReader;
using berth::service::UsageSource;
using berth::test::FakeRuntime;
using berth::test::Verb;

namespace {

const std::string kRecordedTree = BERTH_SOURCE_DIR "/test/data/cgroup-v2/systemd-bridge-limited";
const EngineId kRecordedId = "72bf02e2fba6e699ec4f23584100bb2ed667d9ddf8769681eb45439af12f1095";
constexpr std::int64_t kRecordedPid = 711;
constexpr std::uint64_t kRecordedMemory = 13'078'528;
constexpr std::uint64_t kToldMemory = 5000;

// Runs on the engine, which tells something else of it than the kernel.
UsageReader::Subject put_container(FakeRuntime& engine, const std::string& name, const EngineId& engine_id,
                                   std::int64_t pid) {
    auto container = berth::test::running(berth::test::spec(name));
    container.engine_id = engine_id;
    engine.put(container);
    Usage usage{};
    usage.memory = MemoryUse{kToldMemory, 0, 8000};
    usage.net = Transfer{1, 2};
    engine.put_usage(engine_id, usage);
    return {container.spec.id, name, engine_id, pid, false};
}

}  // namespace

TEST_CASE("numbers come from the kernel where it shows them, and from the engine where not",
          "[BX-13][CM-40][service]") {
    FakeRuntime engine;
    const auto seen = put_container(engine, "seen", kRecordedId, kRecordedPid);
    const auto unseen = put_container(engine, "unseen", "elsewhere", kRecordedPid);
    UsageReader reader(engine, UsageSource::Auto, kRecordedTree);
    const auto both = reader.read({unseen, seen}, {});
    REQUIRE(both.all.size() == 2);
    CHECK(both.all[0].subject.id == seen.id);  // in order
    CHECK(both.all[0].usage.memory->usage == kRecordedMemory);
    CHECK(both.all[1].usage.memory->usage == kToldMemory);
    CHECK(both.machine_memory == 2'021'564ULL * 1024);
    CHECK(engine.calls(Verb::Stats) == 1);
}

TEST_CASE("the source can be one of the two alone", "[BX-13][CM-40][service]") {
    FakeRuntime engine;
    const auto seen = put_container(engine, "seen", kRecordedId, kRecordedPid);
    const auto unseen = put_container(engine, "unseen", "elsewhere", kRecordedPid);
    UsageReader kernel(engine, service::usage_source("kernel"), kRecordedTree);
    const auto files = kernel.read({seen, unseen}, {});
    REQUIRE(files.all.size() == 1);
    CHECK(files.all[0].usage.memory->usage == kRecordedMemory);
    CHECK(engine.calls(Verb::Stats) == 0);

    UsageReader asking(engine, service::usage_source("engine"), kRecordedTree);
    const auto told = asking.read({seen, unseen}, {});
    REQUIRE(told.all.size() == 2);
    for (const auto& reading : told.all)
        CHECK(reading.usage.memory->usage == kToldMemory);
    CHECK(told.machine_memory == 0);  // the engine may be on another machine
    CHECK(engine.calls(Verb::Stats) == 2);
}

TEST_CASE("the engine is asked for all at once, and one that fails is left out", "[CM-40][service]") {
    FakeRuntime engine;
    std::vector<UsageReader::Subject> subjects;
    constexpr int kMany = 12;
    for (int i = 0; i < kMany; ++i)
        subjects.push_back(
            put_container(engine, "c" + std::to_string(i), "engine-" + std::to_string(i), kRecordedPid));
    engine.gather_stats(kMany);
    engine.fail_next(Verb::Stats, fail(Errc::Internal, "no"));
    UsageReader reader(engine, UsageSource::Engine);
    CHECK(reader.read(subjects, {}).all.size() == static_cast<std::size_t>(kMany - 1));
}

TEST_CASE("on the machine's network there is no traffic, whoever is asked", "[TW-62][service]") {
    FakeRuntime engine;
    auto subject = put_container(engine, "seen", kRecordedId, kRecordedPid);
    subject.on_host = true;
    for (const auto source : {UsageSource::Kernel, UsageSource::Engine}) {
        UsageReader reader(engine, source, kRecordedTree);
        const auto readings = reader.read({subject}, {});
        REQUIRE(readings.all.size() == 1);
        CHECK(readings.all[0].usage.net == Transfer{});
    }
}
