// What a cut may leave: one of two sets of containers, their records, and feedback to the end. Everything
// else is said in a sentence.
#pragma once

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
    ContainerId id{};  // io.berth.id
    auto operator<=>(const Seen&) const = default;
};
using Set = std::vector<Seen>;  // sorted

std::string text_of(const Set& set);
bool same_but_for_ids(const Set& a, const Set& b);

// Each empty if all is well.
std::string wrong_records(const std::filesystem::path& home, const Set& set);
// `lines`: all that the broker got, envelope by envelope. `changed`: the new set is there.
std::string wrong_feedback(const std::vector<std::string>& lines, bool changed);

}  // namespace berth::test
