// The first look at a message: one streaming pass, before any tree is built, that checks size and nesting
// and picks out activityId, so that even a refused message can be answered.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace berth {

inline constexpr std::size_t kMaxMessageBytes = 1024 * 1024;
inline constexpr int kMaxNesting = 32;

struct Peek {
    std::optional<std::string>
        activity_id{};               // top level, name matched case-insensitively; absent if never reached
    std::optional<Error> refused{};  // too large, too deep, not JSON, not an object
};

Peek peek(std::string_view text);

// The activityId of a currentstate/get; anything unreadable, also an empty payload, gives "".
std::string decode_get(std::string_view text);

}  // namespace berth
