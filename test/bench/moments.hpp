// The engine tells times as nanoseconds since 1970, arrivals are told on the steady clock: one in the other.
#pragma once

#include <chrono>
#include <cstdint>

#include "test/bench/mqtt.hpp"

namespace berth::bench {

inline std::int64_t unix_ns(Clock::time_point moment = Clock::now()) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto ago = Clock::now() - moment;
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now - ago).count();
}

}  // namespace berth::bench
