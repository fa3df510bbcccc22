// Update order start-first: whether an old and a new instance can run at the same time.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/desired_state.hpp"
#include "protocol/result.hpp"

namespace berth::reconcile {

// Invalid, for the sender: a component asks for it, and both instances would have the same folder. What no
// two instances can ever have at once was refused when the message was read. `pinned`: system containers.
std::optional<Error> refusal(const DesiredState& desired, const std::vector<Container>& current,
                             const std::set<std::string>& pinned);

}  // namespace berth::reconcile
