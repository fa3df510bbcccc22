// The formulas, and counters that come round.
#include "metrics/measure.hpp"

#include <map>
#include <string>
#include <utility>
#include <variant>

#include "test/support/catch.hpp"

using namespace berth;
using metrics::Accumulator;

namespace {

std::map<std::string, double> values(const Usage& now, const std::optional<CpuUse>& before = {},
                                     std::uint64_t machine = 8192) {
    std::map<std::string, double> all;
    for (const auto& measurement : metrics::measure(now, before, machine))
        all[std::string(measurement.id)] =
            std::visit([](auto value) { return static_cast<double>(value); }, measurement.value);
    return all;
}

}  // namespace

TEST_CASE("measurements have their order and units", "[TW-61][TW-62][metrics]") {
    Usage now{};
    now.cpu = CpuUse{300, 2000};
    now.memory = MemoryUse{3000, 1000, 4000};
    now.io = Transfer{1, 2};
    now.net = Transfer{3, 4};
    now.pids = 5;
    std::vector<std::string> order;
    for (const auto& measurement : metrics::measure(now, CpuUse{100, 1000}, 8192))
        order.emplace_back(measurement.id);
    CHECK(order == std::vector<std::string>{"cpu.utilization", "memory.total", "memory.used",
                                            "memory.utilization", "io.readBytes", "io.writeBytes",
                                            "net.readBytes", "net.writeBytes", "pids"});
    CHECK(values(now, CpuUse{100, 1000}) == std::map<std::string, double>{{"cpu.utilization", 20},
                                                                          {"memory.total", 4000},
                                                                          {"memory.used", 2000},
                                                                          {"memory.utilization", 50},
                                                                          {"io.readBytes", 1},
                                                                          {"io.writeBytes", 2},
                                                                          {"net.readBytes", 3},
                                                                          {"net.writeBytes", 4},
                                                                          {"pids", 5}});
}

TEST_CASE("what there is no data for is left out", "[TW-62][TW-63][metrics]") {
    CHECK(values({}).empty());
    Usage now{};
    now.cpu = CpuUse{300, 2000};
    CHECK(values(now).empty());                                     // no baseline
    CHECK(values(now, CpuUse{100, 2000}).empty());                  // no time went by
    CHECK(values(now, CpuUse{0, 1900})["cpu.utilization"] == 100);  // clamped
    CHECK(values(now, CpuUse{400, 1000})["cpu.utilization"] == 0);  // a new process
    now = {};
    now.memory = MemoryUse{1000, 3000, 0};
    CHECK(values(now)["memory.used"] == 0);
    CHECK(values(now)["memory.total"] == 8192);  // the machine's, without a limit
    now.memory = MemoryUse{1000, 0, 1 << 20};
    CHECK(values(now)["memory.total"] == 8192);  // and where that is lower
    now.memory = MemoryUse{1000, 0, 0};
    CHECK(values(now, {}, 0).count("memory.utilization") == 0);
}

TEST_CASE("two readings of different sources give no utilisation", "[TW-63][metrics]") {
    Usage now{};
    now.cpu = CpuUse{300, 2000, CpuSource::Engine};
    CHECK(values(now, CpuUse{100, 1000, CpuSource::Kernel}).empty());
    CHECK(values(now, CpuUse{100, 1000, CpuSource::Engine})["cpu.utilization"] == 20);
}

TEST_CASE("counters never fall", "[TW-62][metrics]") {
    Accumulator plain;
    CHECK(plain.add(10) == 10);
    CHECK(plain.add(30) == 30);
    CHECK(plain.add(5) == 35);  // begun anew
    CHECK(plain.add(6) == 36);

    constexpr std::uint64_t kRound = std::uint64_t{1} << 32;
    Accumulator round;
    CHECK(round.add(kRound - 10) == kRound - 10);
    CHECK(round.add(5, Accumulator::Fall::ComesRound) == kRound + 5);
    Accumulator large;
    CHECK(large.add(5 * kRound) == 5 * kRound);
    CHECK(large.add(1, Accumulator::Fall::ComesRound) == 5 * kRound + 1);
}

TEST_CASE("a restart adds what flowed, and nothing else", "[TW-62][metrics]") {
    const auto reading = [](std::uint64_t net, std::uint64_t io) {
        Usage usage{};
        usage.net = Transfer{net, net};
        usage.io = Transfer{io, io};
        return usage;
    };
    metrics::Accumulators sums;
    const auto apply = [&](Usage usage, std::int64_t pid) {
        sums.apply(usage, pid);
        return usage;
    };
    constexpr std::uint64_t kLarge = 3'000'000'000;
    constexpr std::uint64_t kRound = std::uint64_t{1} << 32;
    CHECK(apply(reading(kLarge, kLarge), 7) == reading(kLarge, kLarge));
    CHECK(apply(reading(1000, 1000), 8) == reading(kLarge + 1000, kLarge + 1000));
    // More than before the restart is new all the same.
    CHECK(apply(reading(3000, 3000), 9) == reading(kLarge + 4000, kLarge + 4000));
    // The process of a run may become known late.
    CHECK(apply(reading(10, 10), -1) == Usage{});
    CHECK(apply(reading(20, 20), 10) == reading(kLarge + 4020, kLarge + 4020));
    // Within a run only interfaces come round.
    CHECK(apply(reading(kRound - 1, kRound - 1), 10) ==
          reading(kLarge + 4000 + kRound - 1, kLarge + 4000 + kRound - 1));
    CHECK(apply(reading(9, 9), 10) == reading(kLarge + 4000 + kRound + 9, kLarge + 4000 + kRound - 1 + 9));
}

TEST_CASE("nothing is counted twice while the process is not known", "[TW-62][metrics]") {
    metrics::Accumulators sums;
    const auto flowed = [&sums](std::uint64_t bytes, std::int64_t pid) {
        Usage usage{};
        usage.net = Transfer{bytes, bytes};
        usage.io = Transfer{bytes, bytes};
        sums.apply(usage, pid);
        CHECK(usage.net == usage.io);
        return usage.net;
    };
    CHECK(flowed(5, 0) == Transfer{5, 5});  // of a first one there is no doubt
    CHECK(flowed(1000, 7) == Transfer{1000, 1000});
    CHECK_FALSE(flowed(1100, 0));
    CHECK_FALSE(flowed(1150, -1));
    CHECK(flowed(1200, 7) == Transfer{1200, 1200});
    CHECK_FALSE(flowed(10, 0));  // it may have been started anew
    CHECK(flowed(20, 8) == Transfer{1220, 1220});
}

TEST_CASE("an interface or a device that goes takes nothing of the sum away", "[TW-62][metrics]") {
    metrics::Accumulators sums;
    const auto apply = [&sums](const Transfers& interfaces, const Transfers& devices) {
        Usage usage{};
        usage.by_interface = interfaces;
        usage.by_device = devices;
        usage.net = total_of(interfaces);
        usage.io = total_of(devices);
        sums.apply(usage, 7);
        return std::pair(*usage.net, *usage.io);
    };
    using Sums = std::pair<Transfer, Transfer>;
    CHECK(apply({{"eth0", {1000, 10}}, {"eth1", {500, 5}}}, {{"8:0", {40, 4}}, {"8:16", {20, 2}}}) ==
          Sums{{1500, 15}, {60, 6}});
    CHECK(apply({{"eth1", {500, 5}}}, {{"8:16", {20, 2}}}) == Sums{{1500, 15}, {60, 6}});
    CHECK(apply({{"eth1", {600, 6}}}, {{"8:16", {30, 3}}}) == Sums{{1600, 16}, {70, 7}});
    // One of the same name that comes later counts from its own beginning, however much that is by now.
    CHECK(apply({{"eth0", {2000, 20}}, {"eth1", {600, 6}}}, {{"8:0", {50, 5}}, {"8:16", {30, 3}}}) ==
          Sums{{3600, 36}, {120, 12}});
}

TEST_CASE("an interface comes round however much all of them have counted", "[TW-62][metrics]") {
    constexpr std::uint64_t kRound = std::uint64_t{1} << 32;
    metrics::Accumulators sums;
    const auto add_up = [&sums](std::uint64_t first, std::uint64_t second) {
        Usage usage{};
        usage.by_interface = {{"eth0", {first, 0}}, {"eth1", {second, 0}}};
        usage.net = total_of(usage.by_interface);
        sums.apply(usage, 7);
        return usage.net->read;
    };
    CHECK(add_up(kRound - 10, kRound - 100) == 2 * kRound - 110);
    CHECK(add_up(5, kRound - 100) == 2 * kRound - 95);
    CHECK(add_up(5, 7) == 2 * kRound + 12);
}
