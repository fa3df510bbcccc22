// containersupdate/desiredstate/plan/result: what a desired state would do, while nobody does it. Its
// question is a desired state as it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/component_texts.hpp"
#include "protocol/feedback.hpp"
#include "protocol/operation.hpp"
#include "protocol/result.hpp"

namespace berth {

struct PlannedAction {
    std::string name{};     // bare; encoded as <domain>:<name>, as in feedback
    std::string version{};  // left out when empty
    Action action{Action::Check};
    std::vector<KeyChange> changes{};          // of recreate and update
    bool gap{};                                // something that runs stops
    std::optional<std::int64_t> pull_bytes{};  // of create and recreate, compressed; absent: unknown
    bool operator==(const PlannedAction&) const = default;
};

struct PlanResult {
    std::string activity_id{};
    std::int64_t timestamp{};       // Unix ms
    Word status{Word::Identified};  // or IdentificationFailed
    std::string message{};          // left out when empty
    std::vector<PlannedAction> actions{};
    std::optional<std::int64_t> need_bytes{};  // of disk, for all pulls together; absent: unknown
    std::optional<std::int64_t> free_bytes{};  // where the engine keeps its images; absent: unknown
    bool operator==(const PlanResult&) const = default;
};

std::string encode(const PlanResult& result, std::string_view domain);

// The reading side, for tests and tools.
Result<PlanResult> decode_plan_result(std::string_view text, std::string_view domain);

}  // namespace berth
