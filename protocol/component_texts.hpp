// A model as the texts of a component's config, key by key: the way back from component_keys, for whoever
// shows what differs or writes a desired state.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/container.hpp"

namespace berth {

enum class Values {
    One,
    Several,  // in any order
    InOrder
};

struct KeyTexts {
    std::string_view key{};  // what no key sets has the name by which it is reported
    Values values{Values::One};
    bool settable{true};
    bool usual{};                      // what a component without the key gets
    std::vector<std::string> texts{};  // empty: not set
};

// A row for each key, defaults too; always the same rows in the same order, what no key sets at the end.
std::vector<KeyTexts> texts_of(const ContainerSpec& spec);

// Values of a key that repeats are joined by ", ", an empty one is "": of cmd all, of the others those that
// the other side lacks.
struct KeyChange {
    std::string key{};
    std::string old{};
    std::string wanted{};  // "new" on the wire
    bool operator==(const KeyChange&) const = default;
};

// From one model to the other, those of `keys`; env values masked by the patterns, long texts cut.
std::vector<KeyChange> key_changes(const ContainerSpec& now, const ContainerSpec& wanted,
                                   const std::set<std::string>& keys, const std::vector<std::string>& redact);

}  // namespace berth
