#include "runtime/docker/api_version.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace berth::runtime::docker {
namespace {

std::optional<ApiVersion> parse(std::string_view text) {
    ApiVersion version;
    const char* const end = text.data() + text.size();
    const auto major = std::from_chars(text.data(), end, version.major);
    if (major.ec != std::errc{} || major.ptr == end || *major.ptr != '.') return std::nullopt;
    const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
    if (minor.ec != std::errc{} || minor.ptr != end) return std::nullopt;
    return version;
}

}  // namespace

std::string to_string(ApiVersion version) {
    return fmt::format("{}.{}", version.major, version.minor);
}

Result<ApiVersion> choose_api_version(std::string_view wanted, std::string_view highest_of_engine) {
    const auto highest = parse(highest_of_engine);
    if (!highest)
        return fail(Errc::Unsupported,
                    fmt::format("what answers names no Engine API version ('{}'), Berth needs {}",
                                highest_of_engine, to_string(kOldestApi)));
    if (wanted != "auto") {
        const auto pinned = parse(wanted);
        if (!pinned)
            return fail(Errc::Invalid, fmt::format("API version '{}' is neither auto nor a number", wanted));
        if (pinned->major != kOldestApi.major || *pinned < kOldestApi)
            return fail(Errc::Invalid, fmt::format("API version {} is none that Berth speaks, from {} on",
                                                   to_string(*pinned), to_string(kOldestApi)));
        if (*pinned <= *highest) return *pinned;
        return fail(Errc::Unsupported,
                    fmt::format("the engine speaks API versions up to {}, configured is {}",
                                to_string(*highest), to_string(*pinned)));
    }
    if (*highest < kOldestApi)
        return fail(Errc::Unsupported,
                    fmt::format("the engine is too old: it speaks API versions up to {}, Berth needs {}",
                                to_string(*highest), to_string(kOldestApi)));
    return std::min(*highest, kNewestApi);
}

}  // namespace berth::runtime::docker
