// Waiting in tests: for a condition, with a deadline, never for a duration.
#pragma once

#include <chrono>
#include <functional>

#include "service/loop.hpp"

namespace berth::test {

inline constexpr std::chrono::milliseconds kPatience{60'000};  // sanitizers and busy machines included

// Looks until the condition holds; false: it never did.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience = kPatience);

// The same while the loop runs; the condition is looked at on the loop.
bool run_until(service::Loop& loop, const std::function<bool()>& condition,
               std::chrono::milliseconds patience = kPatience);

}  // namespace berth::test
