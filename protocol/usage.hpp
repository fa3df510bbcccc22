// What a container has used so far, as raw counters: read from kernel files or from the engine, turned into
// measurements by metrics.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace berth {

struct MemoryUse {  // bytes
    std::uint64_t usage{};
    std::uint64_t inactive_file{};
    std::uint64_t limit{};  // 0: none
    bool operator==(const MemoryUse&) const = default;
};

struct Transfer {  // bytes since the container started
    std::uint64_t read{};
    std::uint64_t written{};
    bool operator==(const Transfer&) const = default;
};

using Transfers = std::map<std::string, Transfer>;  // by interface, or by device as "8:0"

inline std::optional<Transfer> total_of(const Transfers& parts) {  // absent: of nothing
    if (parts.empty()) return std::nullopt;
    Transfer sum{};
    for (const auto& [name, part] : parts) {
        sum.read += part.read;
        sum.written += part.written;
    }
    return sum;
}

enum class CpuSource {
    Kernel,
    Engine
};  // each has its own sum of the host: an engine leaves stolen time out

struct CpuUse {  // nanoseconds
    std::uint64_t container{};
    std::uint64_t host{};  // of all CPUs together, idle included
    CpuSource source{CpuSource::Kernel};
    bool operator==(const CpuUse&) const = default;
};

struct Usage {  // absent: there is no such data
    std::optional<CpuUse> cpu{};
    std::optional<MemoryUse> memory{};
    std::optional<Transfer> io{};
    std::optional<Transfer> net{};
    Transfers by_device{};     // what io is the sum of; empty: not known
    Transfers by_interface{};  // the same of net
    std::uint64_t pids{};
    bool operator==(const Usage&) const = default;
};

}  // namespace berth
