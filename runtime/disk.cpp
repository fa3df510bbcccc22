#include "runtime/disk.hpp"

#include <algorithm>
#include <limits>
#include <system_error>

namespace berth::runtime {

std::optional<std::int64_t> free_bytes(const std::filesystem::path& folder) {
    constexpr std::uintmax_t kMost = std::numeric_limits<std::int64_t>::max();
    std::error_code error;
    const auto space = std::filesystem::space(folder, error);
    if (error) return std::nullopt;
    return static_cast<std::int64_t>(std::min(space.available, kMost));
}

}  // namespace berth::runtime
