// The small text grammars of the wire: sizes, booleans, integers, durations. Pure; no value is ever guessed.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace berth {

// "64M", "1.5 g": digits, optional fraction, one blank at most, unit letter k m g (any case), times 1024^n,
// cut to whole bytes. The unit letter is mandatory; "100" and "100B" are Invalid.
Result<std::int64_t> parse_size(std::string_view text);
// In the largest unit without a fraction, else in K: "96M", "1.5K". Of more than 0 bytes.
std::string format_size(std::int64_t bytes);

// 1 t T TRUE true True 0 f F FALSE false False; anything else is Invalid.
Result<bool> parse_bool(std::string_view text);

// Optional sign and decimal digits, within int64.
Result<std::int64_t> parse_int(std::string_view text);

// Go's duration syntax: "30s", "1m30s", "250ms", "1h2m3s5ms", "0"; units ns us ms s m h, sign allowed.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

// Go's way of printing one: "3m0s", "1.5s", "250ms", "0s".
std::string format_duration(std::chrono::nanoseconds value);

}  // namespace berth
