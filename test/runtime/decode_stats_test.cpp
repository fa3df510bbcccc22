// What an engine says of a container's use: whole answers of one with control groups of version 1, and of one
// with version 2, whose numbers are those of test/data/cgroup-v2.
#include <fstream>
#include <sstream>

#include "runtime/docker/decode.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::runtime::docker;

namespace {

Result<Usage> decoded(const std::string& name) {
    std::ostringstream body;
    body
        << std::ifstream(std::string(BERTH_SOURCE_DIR) + "/test/data/engine-stats/" + name + ".json").rdbuf();
    return decode_stats(body.str());
}

}  // namespace

TEST_CASE("stats of an engine with control groups of version 1", "[CM-40][TW-62][runtime]") {
    const auto usage = decoded("version-1");
    REQUIRE(usage);
    CHECK(usage->cpu ==
          CpuUse{3'033'825'417, 129'780'000'000, CpuSource::Engine});  // not times the number of CPUs
    CHECK(usage->memory == MemoryUse{13'070'336, 10'506'240, 67'108'864});
    CHECK(usage->io == Transfer{1'785'856, 10'486'272});  // two devices, and no line counted twice
    CHECK(usage->net == Transfer{3'000'001'182, 5'000'000'042});
    CHECK(usage->pids == 4);
}

TEST_CASE("stats of an engine with control groups of version 2", "[CM-40][TW-62][runtime]") {
    const auto usage = decoded("version-2");
    REQUIRE(usage);
    CHECK(usage->cpu == CpuUse{3'033'825'000, 129'780'000'000, CpuSource::Engine});
    CHECK(usage->memory == MemoryUse{13'070'336, 10'506'240, 67'108'864});
    CHECK(usage->io == Transfer{1'781'760, 10'485'760});
    CHECK(usage->net == Transfer{1182, 0});
    CHECK(usage->by_interface.contains("eth0"));  // as the kernel's files call it
    CHECK(usage->pids == 2);
}

TEST_CASE("stats without devices, interfaces and limits have no such part", "[CM-40][TW-62][runtime]") {
    const auto usage = decoded("version-2-host-idle");
    REQUIRE(usage);
    CHECK(usage->cpu == CpuUse{700'246'000, 156'170'000'000, CpuSource::Engine});
    CHECK(usage->memory == MemoryUse{229'376, 0, 2'070'081'536});  // the machine's
    CHECK_FALSE(usage->io);
    CHECK_FALSE(usage->net);
    CHECK(usage->pids == 1);
}

TEST_CASE("stats of what does not run are a conflict, odd ones no end", "[CM-40][runtime]") {
    CHECK(decoded("stopped").error().code == Errc::Conflict);
    CHECK(decode_stats("{}").error().code == Errc::Conflict);
    CHECK(decode_stats("[]").error().code == Errc::Internal);
    CHECK(decode_stats("").error().code == Errc::Internal);
    const auto odd = decode_stats(R"({"pids_stats": {"current": 1}, "cpu_stats": {"system_cpu_usage": -1},
        "memory_stats": {"usage": "1", "stats": null}, "networks": {"eth0": 7},
        "blkio_stats": {"io_service_bytes_recursive": [null, {"op": "READ", "value": 5}, {"op": 1}]}})");
    REQUIRE(odd);
    CHECK_FALSE(odd->cpu);
    CHECK(odd->memory == MemoryUse{});
    CHECK(odd->io == Transfer{5, 0});
    CHECK(odd->net == Transfer{});
}
