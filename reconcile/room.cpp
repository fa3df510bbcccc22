#include "reconcile/room.hpp"

#include <limits>

namespace berth::reconcile {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kTimes = 3;

// Sizes come from outside: what is beyond all measure stays at the most there is.
std::int64_t sum_of(std::int64_t a, std::int64_t b) {
    return a > kMost - b ? kMost : a + b;
}

// What is needed and kept is rounded up, what is free down, so that the numbers never seem to fit.
std::string rounded_up(std::int64_t bytes) {
    return std::to_string(bytes / kMiB + (bytes % kMiB > 0 ? 1 : 0)) + " MiB";
}

std::string rounded_down(std::int64_t bytes) {
    return std::to_string(bytes / kMiB) + " MiB";
}

}  // namespace

std::int64_t bytes_of(const std::vector<Layer>& layers, std::set<std::string>& counted) {
    std::int64_t bytes = 0;
    for (const auto& layer : layers)
        if (layer.bytes > 0 && counted.insert(layer.digest).second) bytes = sum_of(bytes, layer.bytes);
    return bytes;
}

std::int64_t need_of(const Pulls& pulls) {
    std::set<std::string> counted;
    std::int64_t compressed = 0;
    for (const auto& [image, layers] : pulls)
        compressed = sum_of(compressed, bytes_of(layers, counted));
    return compressed > kMost / kTimes ? kMost : compressed * kTimes;
}

Result<> admit(std::int64_t need, Told told, const Room& room) {
    if (!room.free) return {};
    const auto usable = *room.free - room.reserve;
    const bool blind = told == Told::Some && need == 0;
    if (blind ? usable > 0 : need == 0 || need <= usable) return {};
    return fail(Errc::NoSpace, "no space: need " + (blind ? std::string("unknown") : rounded_up(need)) +
                                   ", free " + rounded_down(*room.free) + ", reserve " +
                                   rounded_up(room.reserve));
}

}  // namespace berth::reconcile
