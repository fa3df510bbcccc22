#include "runtime/docker/memory.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "protocol/sizes.hpp"

namespace berth::runtime::docker {
namespace {

Result<std::int64_t> bytes(const std::string& text, std::string_view key) {
    if (text.empty()) return std::int64_t{0};
    if (text == "-1") return std::int64_t{-1};
    const auto value = parse_size(text);
    if (!value) return fail(value.error(), key);
    return *value;
}

std::int64_t raised(std::int64_t value, std::string_view key, std::vector<std::string>& warnings) {
    if (value <= 0 || value >= kMemoryFloor) return value;
    warnings.push_back(
        fmt::format("{} of {} bytes is below the engine's minimum and raised to 6 MiB", key, value));
    return kMemoryFloor;
}

}  // namespace

Result<Memory> memory_of(const Resources& resources, std::vector<std::string>& warnings) {
    const auto memory = bytes(resources.memory, "memory");
    if (!memory) return memory.error();
    const auto swap = bytes(resources.memory_swap, "memorySwap");
    if (!swap) return swap.error();
    const auto reservation = bytes(resources.memory_reservation, "memoryReservation");
    if (!reservation) return reservation.error();

    Memory result{.memory = raised(*memory, "memory", warnings),
                  .swap = *swap,
                  .reservation = raised(*reservation, "memoryReservation", warnings)};
    if (result.swap == 0 && *memory > 0) result.swap = 2 * *memory;
    if (result.swap > 0) result.swap = std::max(result.swap, result.memory);
    return result;
}

Memory memory_update(const Memory& wanted, const Limits& now, const MachineMemory& machine) {
    // The engine has no word for "no limit": for memory 0 is "unchanged" and -1 an error, and a swap of -1 is
    // noted but does not reach a container that runs.
    const auto unlimited = std::max(wanted.memory, machine.ram + machine.swap);
    Memory sent = wanted;
    if (wanted.memory == 0 && now.memory != 0) {
        sent.memory = machine.ram;
        sent.swap = unlimited;
    }
    if (wanted.swap == -1) sent.swap = unlimited;
    if (wanted.reservation == 0 && now.reservation > 0) sent.reservation = -1;
    return sent;
}

}  // namespace berth::runtime::docker
