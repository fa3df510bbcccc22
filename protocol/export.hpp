// containersupdate/desiredstate/export/result: what is there, as a desired state that finds nothing to do
// where it was made.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/desired_state.hpp"

namespace berth {

struct ExportedComponent {
    std::string name{};
    std::string version{};
    std::vector<Pair> config{};  // the image, and what is not the default
    bool operator==(const ExportedComponent&) const = default;
};

struct Incomplete {  // a component that its config does not say in full
    std::string component{};
    std::string reason{};
    bool operator==(const Incomplete&) const = default;
};

struct Export {
    std::string activity_id{};
    std::int64_t timestamp{};                     // Unix ms
    std::string message{};                        // not empty: why there is no desired state
    std::vector<ExportedComponent> components{};  // by name
    std::vector<Incomplete> incomplete{};         // by name; also of those that had to be left out
    bool operator==(const Export&) const = default;
};

// Staged and old instances are left out, and `system` containers. Env values are masked by the patterns.
Export export_of(const std::vector<Container>& containers, const std::set<std::string>& system,
                 const std::vector<std::string>& redact);

// With a message: that, and no domain, so that nobody takes it for a desired state.
std::string encode(const Export& given, std::string_view domain);

}  // namespace berth
