// What the twin is told when the picture of one container changes: one thing per transition, in order, with
// the container as it was then. Pure; who listens and what it looks like is not known here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/container.hpp"

namespace berth::reconcile {

enum class Shown {
    Whole,  // it is new
    State,  // of `container.state`
    Name,
    Configuration,
    Removed
};

struct Showing {
    Shown what{};
    Container container{};
    bool operator==(const Showing&) const = default;
};

// Being created, or of no readable document: there is nothing to show yet.
bool is_shown(const Container& container);

// Null: not there. `now` (RFC 3339) stamps an end of which only the absence is known.
std::vector<Showing> showings(const Container* before, const Container* after, const std::string& now);

}  // namespace berth::reconcile
