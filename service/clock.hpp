// The wall clock, for what is shown and sent; deadlines use the steady clock.
#pragma once

#include <cstdint>
#include <string>

namespace berth::service {

std::int64_t unix_ms();
std::string now_rfc3339();  // UTC, nanoseconds: 2026-01-02T03:04:05.678901234Z

}  // namespace berth::service
