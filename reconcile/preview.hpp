// The actions of an operation, told beforehand: the plan that a sender asks for.
#pragma once

#include <string>
#include <vector>

#include "protocol/plan_result.hpp"
#include "reconcile/identify.hpp"

namespace berth::reconcile {

// Without activity and time, which are the sender's. Env values are masked by the patterns of `redact`.
PlanResult preview(const Identified& identified, const std::vector<std::string>& redact);

}  // namespace berth::reconcile
