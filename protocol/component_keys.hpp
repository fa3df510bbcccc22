// The keys of a component's config: grammar, default and what a bad value does, as one table. Internal to
// protocol.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/desired_state.hpp"
#include "protocol/problems.hpp"

namespace berth {

// Says what is wrong with one component, as `component <id>, key <key>: reason (value "v")`.
class Notes {
 public:
    Notes(std::string component, Strictness strictness, Problems& refusals, Problems& warnings);

    // The value that was sent is left out where it says nothing or may be a secret.
    using Value = std::optional<std::string_view>;
    void refuse(std::string_view key, const std::string& reason, Value value = {});
    // A bad value that costs only itself; strict: the whole message. `instead` says what happens to it.
    void drop(std::string_view key, const std::string& reason, std::string_view value,
              const std::string& instead);
    void warn(std::string_view key, const std::string& reason, Value value = {});

 private:
    std::string text(std::string_view key, const std::string& reason, Value value) const;

    std::string component_;
    Strictness strictness_;
    Problems& refusals_;
    Problems& warnings_;
};

// Every key that sets something of a container, in the order in which they are read.
std::vector<std::string_view> component_keys();

// Empty: a component can be called so.
std::string fault_of_component_id(const std::string& id);

// The component with every default filled in. What is wrong is in the notes.
Component component_of(const std::string& id, const std::string& version, const std::vector<Pair>& config,
                       Notes& notes);

}  // namespace berth
