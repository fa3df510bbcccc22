// What a cut may leave: one of two sets of containers, their records, and feedback to the end. Everything
// else is said in a sentence.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "protocol/container.hpp"

namespace berth::test {

// A container as somebody sees it who looks at the engine.
struct Seen {
    std::string name{};  // the engine's
    std::string image{};
    std::string memory{};  // limit now
    std::string policy{};  // restart policy now
    bool runs{};
    bool on_bridge{};  // where the others find it
    ContainerId id{};  // io.berth.id
    auto operator<=>(const Seen&) const = default;
};
using Set = std::vector<Seen>;  // sorted

std::string text_of(const Set& set);
bool same_but_for_ids(const Set& a, const Set& b);

// Each empty if all is well.
std::string wrong_records(const std::filesystem::path& home, const Set& set);
struct Heard {  // a feedback of the activity that was cut
    std::string status{};
    std::int64_t timestamp{};
    std::string whole{};  // the same text: the same message once more
};
bool has_ended(const std::vector<Heard>& all);             // COMPLETED or INCOMPLETE is among its words
enum class Failures { NotInDownloadAndUpdate, Anywhere };  // which phases may have failed
// `all`: as the broker got them. `changed`: the new set is there.
std::string wrong_feedback(const std::vector<Heard>& all, bool changed,
                           Failures failures = Failures::NotInDownloadAndUpdate);
// Of one that a newer one was sent after: it has given way, or was through before.
std::string wrong_feedback_before_newer(const std::vector<Heard>& all);

}  // namespace berth::test
