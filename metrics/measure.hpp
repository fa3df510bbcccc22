// The formulas: from two readings to what is published. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/twin/metrics.hpp"
#include "protocol/usage.hpp"

namespace berth::metrics {

inline constexpr std::string_view kCpuUtilization = "cpu.utilization";  // percent of all CPUs together
inline constexpr std::string_view kMemoryTotal = "memory.total";        // bytes
inline constexpr std::string_view kMemoryUsed = "memory.used";
inline constexpr std::string_view kMemoryUtilization = "memory.utilization";  // percent
inline constexpr std::string_view kIoRead = "io.readBytes";
inline constexpr std::string_view kIoWritten = "io.writeBytes";
inline constexpr std::string_view kNetRead = "net.readBytes";
inline constexpr std::string_view kNetWritten = "net.writeBytes";
inline constexpr std::string_view kPids = "pids";

// In the order above, without those for which there is no data. `machine_memory` 0: not known.
std::vector<twin::Measurement> measure(const Usage& now, const std::optional<CpuUse>& baseline,
                                       std::uint64_t machine_memory);

// Counters of 32 bits come round, and begin anew when a container restarts; what they add up to does not.
class Accumulator {
 public:
    std::uint64_t add(std::uint64_t reading);

 private:
    std::uint64_t last_{};
    std::uint64_t sum_{};
};

struct Accumulators {  // of one container
    Accumulator io_read{}, io_written{}, net_read{}, net_written{};
    void apply(Usage& usage);
};

}  // namespace berth::metrics
