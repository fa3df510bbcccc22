#include "protocol/resembling.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace berth {
namespace {

// Levenshtein's distance, two rows at a time.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        before[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::vector<std::size_t> now(b.size() + 1, i);
        for (std::size_t j = 1; j <= b.size(); ++j)
            now[j] =
                std::min({before[j] + 1, now[j - 1] + 1, before[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
        before = std::move(now);
    }
    return before[b.size()];
}

}  // namespace

Resembling::Resembling(std::string written)
    : written_(std::move(written)), farthest_(std::min<std::size_t>(3, written_.size() / 4 + 1)) {}

void Resembling::see(std::string_view word) {
    const auto longer = std::max(word.size(), written_.size());
    if (longer - std::min(word.size(), written_.size()) > farthest_) return;
    const auto far = distance(written_, word);
    if (far > farthest_ || (far == farthest_ && !best_.empty())) return;
    best_ = word;
    farthest_ = far;
}

}  // namespace berth
