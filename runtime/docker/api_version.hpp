// Which version of the Engine API is spoken. Pure.
#pragma once

#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace berth::runtime::docker {

struct ApiVersion {
    int major{1};
    int minor{41};
    auto operator<=>(const ApiVersion&) const = default;
};

inline constexpr ApiVersion kOldestApi{1, 41};  // one-shot stats, container labels in events
inline constexpr ApiVersion kNewestApi{1, 45};  // the newest that was tried

std::string to_string(ApiVersion version);  // "1.41"

// wanted: "auto" (the lower of the engine's highest and kNewestApi) or a number, which is taken or refused.
// Unsupported: names both versions. Invalid: wanted is neither.
Result<ApiVersion> choose_api_version(std::string_view wanted, std::string_view highest_of_engine);

}  // namespace berth::runtime::docker
