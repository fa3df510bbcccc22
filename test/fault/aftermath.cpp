#include "test/fault/aftermath.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "protocol/document.hpp"
#include "protocol/feedback.hpp"

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
    if (entries(folder) != std::set<std::string>{"config.json"})
        return "record " + seen.name + ": its folder holds more or less than config.json; ";
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

// The order in which an operation says its words; a word may be repeated, none comes back.
int place_of(Word word) {
    switch (word) {
        case Word::Identifying: return 0;
        case Word::Identified: return 1;
        case Word::Downloading: return 2;
        case Word::DownloadSuccess: return 3;
        case Word::Updating: return 4;
        case Word::UpdateSuccess: return 5;
        case Word::Activating: return 6;
        case Word::ActivationSuccess:
        case Word::ActivationFailure: return 7;
        case Word::Rollback: return 8;
        case Word::RollbackSuccess: return 9;
        case Word::CleanupSuccess: return 10;
        case Word::Completed:
        case Word::Incomplete: return 11;
        default: return -1;
    }
}

}  // namespace

std::string text_of(const Set& set) {
    std::string text;
    for (const auto& one : set)
        text += one.name + "=" + one.image + (one.memory.empty() ? "" : " " + one.memory) + " " + one.policy +
                (one.runs ? "" : " (down)") + " [" + one.id.substr(0, 8) + "], ";
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

// A message that was not acknowledged may come again, exactly as it was.
std::string wrong_feedback(const std::vector<std::string>& lines, bool changed) {
    std::set<std::string> known;
    std::optional<Feedback> last;
    std::string words;
    for (const auto& line : lines) {
        const auto said = decode_feedback(line, "containers");
        if (!said || said->activity_id != "cut" || !known.insert(line).second) continue;
        words += std::string(to_string(said->status)) + " ";
        const int place = place_of(said->status);
        if (place < 0 || (last && place < place_of(last->status))) return "out of order: " + words;
        if (last && said->timestamp < last->timestamp) return "a time stamp fell: " + words;
        last = *said;
    }
    const bool accepted = last && last->status != Word::Identifying;
    if (changed && !(last && last->status == Word::Completed)) return "not COMPLETED: " + words;
    if (!changed && accepted && last->status != Word::Incomplete) return "not INCOMPLETE: " + words;
    return {};
}

}  // namespace berth::test
