// What a container has used so far, as raw counters: read from kernel files or from the engine, turned into
// measurements by metrics.
#pragma once

#include <cstdint>
#include <optional>

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

struct CpuUse {  // nanoseconds
    std::uint64_t container{};
    std::uint64_t host{};  // of all CPUs together, idle included
    bool operator==(const CpuUse&) const = default;
};

struct Usage {  // absent: there is no such data
    std::optional<CpuUse> cpu{};
    std::optional<MemoryUse> memory{};
    std::optional<Transfer> io{};
    std::optional<Transfer> net{};
    std::uint64_t pids{};
    bool operator==(const Usage&) const = default;
};

}  // namespace berth
