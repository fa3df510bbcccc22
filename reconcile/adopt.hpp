// The same desired state with another time stamp, while its operation is open: it begins anew, and what has
// been staged for it is not made twice.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/desired_state.hpp"
#include "protocol/operation.hpp"

namespace berth::reconcile {

// By component, what is staged for `open` and would be made for `desired` just so; it may be empty. Nothing:
// `open` has to give way as to any other, as the content differs, a phase is running, something was stopped,
// changed or started, or what is staged is not what would be made now. `pinned`: system containers.
std::optional<std::map<std::string, ContainerId>> adoptable(const OperationState& open,
                                                            const DesiredState& desired,
                                                            const std::vector<Container>& current,
                                                            const std::set<std::string>& pinned);

}  // namespace berth::reconcile
