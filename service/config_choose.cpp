// Which of the written settings count.
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "service/config_steps.hpp"

namespace berth::service {

namespace {

int rank(const Written& written) {
    return written.from_flag ? 2 : written.match.kanto_spelling ? 0 : 1;
}

bool is_empty_list(const Value& value) {
    const auto* list = std::get_if<std::vector<std::string>>(&value);
    return list && list->empty();
}

void report_unknown(const Setting& setting, Case key_case, Severity unknown, Problems& problems) {
    const auto [misused, reason] = explain_unknown(setting.path, key_case);
    if (misused && is_empty_list(setting.value)) return;  // registry = []
    problems.push_back({misused ? Severity::Error : unknown, setting.origin, joined(setting.path), reason});
}

// Two say the same thing: `before` becomes the one that counts.
void settle(Written& before, Written written, Problems& problems) {
    const bool wins = rank(written) >= rank(before);
    const auto& winner = wins ? written : before;
    const auto& loser = wins ? before : written;
    if (!winner.from_flag && winner.key != loser.key)
        problems.push_back({Severity::Warning, winner.origin, winner.key,
                            fmt::format("{} says the same thing and does not count", loser.key)});
    if (wins) before = std::move(written);
}

}  // namespace

std::vector<Written> choose(const Settings& settings, bool json, Severity unknown, Problems& problems) {
    const auto key_case = json ? Case::Ignored : Case::Exact;
    using Key = std::tuple<std::string_view, std::vector<std::string>, bool>;
    std::map<Key, std::size_t> places;
    std::vector<Written> chosen;
    for (const auto& setting : settings) {
        auto found = match(setting.path, key_case);
        if (!found) {
            report_unknown(setting, key_case, unknown, problems);
            continue;
        }
        const bool lenient = json || setting.from_flag || found->kanto_spelling;
        Written written{std::move(*found), setting.value,
                        setting.origin,    setting.from_flag ? std::string{} : joined(setting.path),
                        lenient,           setting.from_flag};
        // A registry is one table in Berth's spelling and one host in Kanto's: they meet later, by host.
        const bool apart = written.match.kanto_spelling && written.match.option->key.starts_with("registry.");
        const auto [place, added] =
            places.try_emplace(Key{written.match.option->key, written.match.captures, apart}, chosen.size());
        if (added)
            chosen.push_back(std::move(written));
        else
            settle(chosen[place->second], std::move(written), problems);
    }
    return chosen;
}

}  // namespace berth::service
