// Where the numbers come from: a recorded tree of kernel files, and an engine in memory that says others.
#include "service/usage_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/fake_runtime.hpp"
#include "test/support/station.hpp"

using namespace berth;
using berth::service::UsageReader;
using berth::service::UsageSource;
using berth::test::FakeRuntime;
using berth::test::TemporaryFolder;
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

// A tree of many containers, each with the recorded files but for the memory in use.
class ManyFiles {
 public:
    ManyFiles() {
        for (const char* file : {"proc/stat", "proc/meminfo", "proc/self/mountinfo"})
            copy(file, file);
    }
    void add(const UsageReader::Subject& subject, std::uint64_t memory) const {
        const auto group = group_of(subject.engine_id);
        const auto process = "proc/" + std::to_string(subject.pid);
        for (const char* file :
             {"/cpu.stat", "/io.stat", "/memory.max", "/memory.stat", "/pids.current", "/memory.current"})
            copy(group_of(kRecordedId) + file, group + file);
        std::ofstream(at(group + "/memory.current")) << memory << '\n';
        copy("proc/" + std::to_string(kRecordedPid) + "/net/dev", process + "/net/dev");
        std::ofstream(at(process + "/cgroup"))
            << "0::/system.slice/docker-" << subject.engine_id << ".scope\n";
    }
    // Whoever has the files open reads nothing from now on.
    void end(const UsageReader::Subject& subject) const {
        for (const auto& file : std::filesystem::directory_iterator(at(group_of(subject.engine_id))))
            std::filesystem::resize_file(file.path(), 0);
        std::filesystem::resize_file(at("proc/" + std::to_string(subject.pid) + "/net/dev"), 0);
    }
    std::string root() const { return folder_.path().string(); }

 private:
    static std::string group_of(const EngineId& engine_id) {
        return "sys/fs/cgroup/system.slice/docker-" + engine_id + ".scope";
    }
    std::filesystem::path at(const std::string& file) const { return folder_.path() / file; }
    void copy(const std::string& from, const std::string& to) const {
        std::filesystem::create_directories(at(to).parent_path());
        std::filesystem::copy_file(std::filesystem::path(kRecordedTree) / from, at(to));
    }

    TemporaryFolder folder_{};
};

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

TEST_CASE("of a hundred containers none is lost, but for one whose files show nothing any more",
          "[TW-62][service]") {
    constexpr std::size_t kMany = 100;
    constexpr std::size_t kGone = 41;
    constexpr std::uint64_t kMemory = 1'000'000;
    const ManyFiles files;
    std::vector<UsageReader::Subject> subjects;
    for (std::size_t i = 0; i < kMany; ++i) {
        const auto number = std::to_string(1000 + i);
        subjects.push_back({"c" + number, number, std::string(60, 'a') + number,
                            static_cast<std::int64_t>(1000 + i), false});
        files.add(subjects.back(), kMemory + i);
    }
    FakeRuntime engine;
    UsageReader reader(engine, UsageSource::Kernel, files.root());
    for (int report = 0; report < 3; ++report) {
        const auto readings = reader.read(subjects, {});
        REQUIRE(readings.all.size() == kMany);
        for (std::size_t i = 0; i < kMany; ++i) {
            CHECK(readings.all[i].subject.id == subjects[i].id);
            CHECK(readings.all[i].usage.cpu.has_value());
            REQUIRE(readings.all[i].usage.memory.has_value());
            CHECK(readings.all[i].usage.memory->usage == kMemory + i);
        }
    }
    files.end(subjects[kGone]);
    const auto readings = reader.read(subjects, {});
    REQUIRE(readings.all.size() == kMany - 1);
    for (std::size_t i = 0; i < kMany - 1; ++i)
        CHECK(readings.all[i].subject.id == subjects[i < kGone ? i : i + 1].id);
}
