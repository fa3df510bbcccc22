// The actions of an operation, told beforehand: the plan that a sender asks for.
#pragma once

#include <string>
#include <vector>

#include "protocol/plan_result.hpp"
#include "reconcile/identify.hpp"
#include "reconcile/room.hpp"

namespace berth::reconcile {

// Without activity and time, which are the sender's. Env values are masked by the patterns of `redact`.
PlanResult preview(const Identified& identified, const std::vector<std::string>& redact);

// Images that the operation pulls where the engine does not have them, each once.
std::vector<std::string> images_of(const Identified& identified);

// What those cost, added to the preview of the same actions; and, where there is no room or an image cannot
// be had, what DOWNLOAD would fail with.
void tell_sizes(PlanResult& result, const Identified& identified, const Survey& found);

}  // namespace berth::reconcile
