#include "service/config_match.hpp"

#include <algorithm>
#include <cctype>
#include <deque>

#include <fmt/format.h>

#include "protocol/resembling.hpp"

namespace berth::service {

namespace {

bool same(std::string_view a, std::string_view b, Case key_case) {
    if (key_case == Case::Exact) return a == b;
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view first_level(std::string_view pattern) {
    return pattern.substr(0, pattern.find('.'));
}

std::string_view behind_first(std::string_view pattern) {
    const auto dot = pattern.find('.');
    return dot == std::string_view::npos ? std::string_view{} : pattern.substr(dot + 1);
}

// How many levels of the path fit the pattern; captures collects what stands for "*".
std::size_t common_levels(const Path& path, std::string_view pattern, Case key_case,
                          std::vector<std::string>& captures) {
    std::size_t fitting = 0;
    for (; fitting < path.size() && !pattern.empty(); pattern = behind_first(pattern), ++fitting) {
        const auto level = first_level(pattern);
        if (level == "*")
            captures.push_back(path[fitting]);
        else if (!same(path[fitting], level, key_case))
            break;
    }
    return fitting;
}

std::size_t levels_in(std::string_view pattern) {
    return static_cast<std::size_t>(std::count(pattern.begin(), pattern.end(), '.')) + 1;
}

bool fits(const Path& path, std::string_view pattern, Case key_case, std::vector<std::string>& captures) {
    captures.clear();
    return !pattern.empty() && levels_in(pattern) == path.size() &&
           common_levels(path, pattern, key_case, captures) == path.size();
}

template <class See>
void every_spelling(See see) {
    for (const auto* option : all_options()) {
        see(option->key);
        for (const auto path : option->path)
            if (!path.empty() && path != option->key) see(path);
    }
}

std::string_view last_level(std::string_view key) {
    return key.substr(key.rfind('.') + 1);
}

// With what the path has in place of each "*".
std::string filled(std::string_view pattern, const Path& path) {
    auto levels = split_key(pattern);
    for (std::size_t i = 0; i < std::min(levels.size(), path.size()); ++i)
        if (levels[i] == "*") levels[i] = path[i];
    return joined(levels);
}

// A known key that is a slip of the finger away, or has the same last word in another section.
std::string resembling(Path path, Case key_case) {
    if (key_case == Case::Ignored)
        for (auto& level : path)
            for (auto& c : level)
                c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    Resembling near(joined(path));
    std::deque<std::string> seen;
    std::string same_word;
    every_spelling([&](std::string_view key) {
        const auto& word = seen.emplace_back(filled(key, path));
        near.see(word);
        if (same_word.empty() && first_level(key) == path.front() && last_level(key) == path.back())
            same_word = word;
    });
    return near.best().empty() ? same_word : std::string{near.best()};
}

}  // namespace

std::optional<Match> match(const Path& path, Case key_case) {
    Match found;
    for (const auto* option : all_options())
        if (fits(path, option->key, key_case, found.captures)) {
            found.option = option;
            return found;
        }
    found.kanto_spelling = true;
    for (const auto* option : all_options())
        for (const auto kanto : option->path)
            if (fits(path, kanto, key_case, found.captures)) {
                found.option = option;
                return found;
            }
    return {};
}

Unknown explain_unknown(const Path& path, Case key_case) {
    if (path.size() == 2 && path[0] == "registry")
        return {true, "registries are written [[registry]], with a host in each"};
    Unknown unknown;
    every_spelling([&](std::string_view key) {
        std::vector<std::string> captures;
        const auto levels = levels_in(key);
        const auto common = common_levels(path, key, key_case, captures);
        if (common == path.size() && levels > common) unknown = {true, "is a section, not a value"};
        if (common == levels && path.size() > levels && last_level(key) != "*")
            unknown = {true, fmt::format("{} is a value, not a section", key)};
    });
    if (unknown.misused) return unknown;
    const auto meant = resembling(path, key_case);
    unknown.reason = meant.empty() ? "unknown" : fmt::format("unknown; did you mean {}?", meant);
    return unknown;
}

std::string joined(const Path& path) {
    std::string text;
    for (const auto& level : path) {
        if (!text.empty()) text += '.';
        const bool plain = level.find('.') == std::string::npos && !level.empty();
        text += plain ? level : '"' + level + '"';
    }
    return text;
}

std::string to_string(const Problem& problem) {
    std::string place = problem.origin.file;
    if (problem.origin.line > 0) place += fmt::format(":{}", problem.origin.line);
    if (!place.empty()) place += ": ";
    const std::string key = problem.key.empty() ? "" : problem.key + ": ";
    const char* mark = problem.severity == Severity::Error     ? ""
                       : problem.severity == Severity::Warning ? "warning: "
                                                               : "note: ";
    return place + key + mark + problem.reason;
}

}  // namespace berth::service
