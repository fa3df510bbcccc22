#include "protocol/twin/words.hpp"

#include <algorithm>

#include "protocol/json_text.hpp"

namespace berth::twin {

std::string upper_word(std::string_view engine_word) {
    std::string word(engine_word);
    for (char& c : word) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        if (c == '-') c = '_';
    }
    return word;
}

std::string engine_word(std::string_view word) {
    const bool upper =
        std::all_of(word.begin(), word.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
    if (!upper) return std::string(word);
    std::string result = lower(word);
    std::replace(result.begin(), result.end(), '_', '-');
    return result;
}

std::string short_time(std::string_view rfc3339) {
    std::string time(rfc3339);
    if (!time.ends_with('Z') || time.find('.') == time.npos) return time;
    time.pop_back();
    time.erase(time.find_last_not_of('0') + 1);
    if (time.ends_with('.')) time.pop_back();
    return time + "Z";
}

}  // namespace berth::twin
