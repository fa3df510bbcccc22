// The formulas: from two readings to what is published. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
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

std::uint64_t memory_total(const MemoryUse& memory, std::uint64_t machine);  // machine 0: not known
std::uint64_t memory_used(const MemoryUse& memory);

// In the order above, without those for which there is no data. `machine_memory` 0: not known.
std::vector<twin::Measurement> measure(const Usage& now, const std::optional<CpuUse>& baseline,
                                       std::uint64_t machine_memory);

// Counters of interfaces may have 32 bits and come round, and all begin anew when a container restarts; what
// they add up to does not fall.
class Accumulator {
 public:
    enum class Fall { BeginsAnew, ComesRound };  // what a lower reading means

    std::uint64_t add(std::uint64_t reading, Fall fall = Fall::BeginsAnew);
    std::uint64_t sum() const { return sum_; }

 private:
    std::uint64_t last_{};
    std::uint64_t sum_{};
};

// All interfaces of a container, or all its devices: each counts by itself, and what one that went has
// counted stays in the sum.
class Flow {
 public:
    Transfer add(const Transfers& parts, Accumulator::Fall fall);
    void begin_anew();  // the next readings are those of others

 private:
    struct Part {
        Accumulator read{}, written{};
    };
    void keep_sum_of(const Part& part);

    std::map<std::string, Part> parts_;
    Transfer gone_{};
};

struct Accumulators {  // of one container
    Flow io{}, net{};
    std::int64_t pid{};  // the last one that was known; one run of the container has one

    bool is_of_another_run(std::int64_t its_pid) const { return pid > 0 && its_pid > 0 && pid != its_pid; }
    // A pid that is not positive is not known. After one that was, nobody can say of which run the reading
    // is: it has no io and net then, and the next one that can be told makes up for it.
    void apply(Usage& usage, std::int64_t its_pid);
};

}  // namespace berth::metrics
