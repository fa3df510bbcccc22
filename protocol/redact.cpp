#include "protocol/redact.hpp"

#include <algorithm>

namespace berth {
namespace {

char small(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

// Goes back to the last * only: long names cannot make it slow.
bool glob_matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t after_star = pattern.npos;
    std::size_t resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            after_star = ++p;
            resume = t;
        } else if (p < pattern.size() && small(pattern[p]) == small(text[t])) {
            ++p;
            ++t;
        } else if (after_star != pattern.npos) {
            p = after_star;
            t = ++resume;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == pattern.npos;
}

bool is_masked(std::string_view entry) {
    const auto at = entry.find('=');
    return at != entry.npos && entry.substr(at + 1) == kMask;
}

bool is_secret_reference(std::string_view entry) {
    const auto at = entry.find('=');
    return at != entry.npos && entry.substr(at + 1).starts_with("secret:");
}

std::string redact_env(std::string_view entry, const std::vector<std::string>& patterns) {
    const auto at = entry.find('=');
    if (at == entry.npos || is_secret_reference(entry)) return std::string(entry);
    const auto name = entry.substr(0, at);
    const bool secret = std::any_of(patterns.begin(), patterns.end(), [name](const std::string& pattern) {
        return glob_matches(pattern, name);
    });
    return secret ? std::string(name) + "=" + std::string(kMask) : std::string(entry);
}

}  // namespace berth
