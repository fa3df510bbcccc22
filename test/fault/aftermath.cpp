#include "test/fault/aftermath.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "protocol/document.hpp"

namespace berth::test {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

std::set<std::string> entries(const fs::path& folder) {
    std::set<std::string> names;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(folder, none))
        names.insert(entry.path().filename());
    return names;
}

std::string wrong_record(const fs::path& folder, const Seen& seen) {
    if (const auto held = entries(folder); held != std::set<std::string>{"config.json"}) {
        std::string names;
        for (const auto& name : held)
            names += " " + name;
        return "record " + seen.name + ": its folder holds" + (names.empty() ? " nothing" : names) + "; ";
    }
    const auto record = decode_record(content(folder / "config.json"));
    if (!record) return "record " + seen.name + ": " + record.error().message + "; ";
    std::string wrong;
    if (record->role != Role::Plain) wrong += " its role";
    if (record->manually_stopped) wrong += " that somebody stopped it";
    if (record->spec.resources.memory != seen.memory) wrong += " memory " + record->spec.resources.memory;
    if (record->spec.restart.type != seen.policy) wrong += " policy " + record->spec.restart.type;
    if (record->spec.image != seen.image) wrong += " image " + record->spec.image;
    return wrong.empty() ? "" : "record " + seen.name + ":" + wrong + "; ";
}

// The order in which an operation says its words; a word may be repeated, none comes back. -1: not one of
// them.
int place_of(const std::string& word, Failures failures) {
    static const std::map<std::string, int> kPlaces = {
        {"IDENTIFYING", 0}, {"IDENTIFIED", 1},         {"DOWNLOADING", 2},      {"DOWNLOAD_SUCCESS", 3},
        {"UPDATING", 4},    {"UPDATE_SUCCESS", 5},     {"ACTIVATING", 6},       {"ACTIVATION_SUCCESS", 7},
        {"ROLLBACK", 8},    {"ACTIVATION_FAILURE", 7}, {"ROLLBACK_SUCCESS", 9}, {"CLEANUP_SUCCESS", 10},
        {"COMPLETED", 11},  {"INCOMPLETE", 11},        {"SUPERSEDED", 12}};
    static const std::map<std::string, int> kFailures = {
        {"DOWNLOAD_FAILURE", 3}, {"UPDATE_FAILURE", 5}, {"ROLLBACK_FAILURE", 9}, {"CLEANUP_FAILURE", 10}};
    if (const auto failed = kFailures.find(word); failed != kFailures.end())
        return failures == Failures::Anywhere ? failed->second : -1;
    const auto found = kPlaces.find(word);
    return found == kPlaces.end() ? -1 : found->second;
}

struct Words {
    std::string all{};
    std::string last{};
    std::string wrong{};  // with their order
};

// A message that was not acknowledged may come again, exactly as it was.
Words words_of(const std::vector<Heard>& all, Failures failures) {
    std::set<std::string> known;
    std::int64_t timestamp = 0;
    Words words{};
    for (const auto& heard : all) {
        if (!known.insert(heard.whole).second) continue;
        words.all += heard.status + " ";
        const int place = place_of(heard.status, failures);
        if (place < 0 || place < place_of(words.last, failures))
            words.wrong = "out of order: " + words.all;
        else if (heard.timestamp < timestamp)
            words.wrong = "a time stamp fell: " + words.all;
        if (!words.wrong.empty()) return words;
        words.last = heard.status;
        timestamp = heard.timestamp;
    }
    return words;
}

}  // namespace

std::string text_of(const Set& set) {
    std::string text;
    for (const auto& one : set)
        text += one.name + "=" + one.image + (one.memory.empty() ? "" : " " + one.memory) + " " + one.policy +
                (one.runs ? "" : " (down)") + (one.on_bridge ? "" : " (off the bridge)") + " [" +
                one.id.substr(0, 8) + "], ";
    return text.empty() ? "nothing" : text;
}

bool same_but_for_ids(const Set& a, const Set& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](Seen one, Seen other) {
        one.id = other.id = {};
        return one == other;
    });
}

std::string wrong_records(const fs::path& home, const Set& set) {
    std::string wrong;
    std::set<std::string> ids;
    for (const auto& seen : set) {
        ids.insert(seen.id);
        wrong += wrong_record(home / "containers" / seen.id, seen);
    }
    for (const auto& name : entries(home / "containers"))
        if (!ids.contains(name)) wrong += "record " + name + " belongs to no container; ";
    for (const auto& name : entries(home / "operation"))
        if (name != "journal") wrong += "file operation/" + name + "; ";
    for (const auto& name : entries(home))
        if (name != "containers" && name != "operation") wrong += "file " + name + "; ";
    return wrong;
}

bool has_ended(const std::vector<Heard>& all) {
    return std::any_of(all.begin(), all.end(), [](const Heard& heard) {
        return heard.status == "COMPLETED" || heard.status == "INCOMPLETE";
    });
}

std::string wrong_feedback(const std::vector<Heard>& all, bool changed, Failures failures) {
    const auto words = words_of(all, failures);
    if (!words.wrong.empty()) return words.wrong;
    const bool accepted = place_of(words.last, failures) > 0;
    if (changed && words.last != "COMPLETED") return "not COMPLETED: " + words.all;
    if (!changed && accepted && words.last != "INCOMPLETE") return "not INCOMPLETE: " + words.all;
    return {};
}

std::string wrong_feedback_before_newer(const std::vector<Heard>& all) {
    const auto words = words_of(all, Failures::Anywhere);
    if (!words.wrong.empty()) return words.wrong;
    const bool accepted = place_of(words.last, Failures::Anywhere) > 0;
    const bool has_end = words.last == "SUPERSEDED" || words.last == "COMPLETED";
    return accepted && !has_end ? "neither SUPERSEDED nor COMPLETED: " + words.all : "";
}

}  // namespace berth::test
