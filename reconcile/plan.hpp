// The difference between what is there and what is wanted, as one change per container. Pure; it cannot fail:
// whatever could be wrong with a desired state was refused while it was decoded.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/desired_state.hpp"
#include "protocol/operation.hpp"

namespace berth::reconcile {

struct Change {
    Action action{Action::Check};
    std::string name{};
    std::string reason{};  // sent as feedback: written for the operator; never holds a value of env
    std::vector<std::string> keys{};            // what differs, by component key; capabilities have none
    ContainerId current{};                      // the compared instance; empty for Create
    std::vector<ContainerId> duplicates{};      // other plain instances of that name, sorted
    UpdateOrder order{UpdateOrder::StopFirst};  // of a Recreate
    bool operator==(const Change&) const = default;
};

using Plan =
    std::vector<Change>;  // components in message order, then removals by name; pinned ones never appear

// Only plain instances count; of several with one name the running, else the newest is compared.
// `start_first`: names of those whose new instance starts before the old one stops; nothing differs for that.
Plan plan(const std::vector<Container>& current, const std::vector<ContainerSpec>& desired,
          const std::set<std::string>& pinned, const std::set<std::string>& start_first = {});

// The keys in which `wanted` differs from `now`: those that need a new instance, and those that do not.
struct Differences {
    std::vector<std::string> recreate{};
    std::vector<std::string> in_place{};
    std::set<std::string> all() const;
    bool operator==(const Differences&) const = default;
};

Differences compare(const ContainerSpec& now, const ContainerSpec& wanted);

}  // namespace berth::reconcile
