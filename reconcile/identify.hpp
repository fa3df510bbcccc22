// What a desired state makes of the world as listed: the actions that an operation carries out and that a
// plan shows. Both begin here, so that a plan is what happens afterwards.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/desired_state.hpp"
#include "protocol/operation.hpp"

namespace berth::reconcile {

struct Identified {
    std::vector<ActionState> actions{};  // what is to be made has no id yet
    std::vector<std::string> notices{};  // for the sender: warnings of the message, system containers in it
};

// `pinned`: system containers.
Identified identify(const DesiredState& desired, const std::vector<Container>& current,
                    const std::set<std::string>& pinned);

// "component web, key image", and whether that was made up: for what is wrong with the image.
std::string place_of_image(const ActionState& action);

// As a message says them: joined by "; ", empty ones left out.
std::string in_one(const std::vector<std::string>& parts);

}  // namespace berth::reconcile
