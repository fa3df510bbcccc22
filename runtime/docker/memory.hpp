// Memory limits as the engine wants them: bytes, not below its floor, and with a way around what it cannot
// do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/result.hpp"
#include "runtime/docker/encode.hpp"

namespace berth::runtime::docker {

struct Memory {  // bytes; 0: not set, or in an update: leave as it is
    std::int64_t memory{};
    std::int64_t swap{};  // memory + swap; -1: unlimited
    std::int64_t reservation{};
    bool operator==(const Memory&) const = default;
};

// Swap defaults to twice the memory. Values below kMemoryFloor are raised to it, with a warning.
Result<Memory> memory_of(const Resources& resources, std::vector<std::string>& warnings);

// The three numbers that turn what an instance has now into what is wanted. To be sent together: the engine
// refuses a memory limit above the swap limit it still holds.
Memory memory_update(const Memory& wanted, const Limits& now, const MachineMemory& machine);

}  // namespace berth::runtime::docker
