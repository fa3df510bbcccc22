// The module that says what a desired state would do, on desiredstate/plan: also while an update is under way
// and whatever is wrong with the message. Changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "protocol/desired_state.hpp"
#include "protocol/plan_result.hpp"
#include "protocol/topics.hpp"
#include "reconcile/identify.hpp"
#include "reconcile/room.hpp"
#include "runtime/runtime.hpp"
#include "service/clock.hpp"
#include "service/config.hpp"
#include "service/link.hpp"
#include "service/workers.hpp"
#include "service/world.hpp"

namespace berth::service {

struct PlannerConfig {
    UpdateAgentConfig update_agent{};
    std::vector<std::string> redact{};  // patterns
    bool require_qualified{};           // as in StepsConfig
    std::int64_t reserve_bytes{};
};

class Planner {
 public:
    struct Parts {
        Workers& workers;
        runtime::Runtime& runtime;
        Link& link;
        World& world;
        Stamps& stamps;
    };
    // What an update would be told now, on the loop.
    struct Asked {
        std::function<std::optional<std::string>()> open_activity{};        // the operation's that is open
        std::function<Result<>(const DesiredState& desired)> may_accept{};  // an error is its answer
    };

    Planner(const Parts& parts, PlannerConfig config, Asked asked);

    std::vector<Route> routes();

 private:
    void on_plan(const Message& message);
    void on_refused(const Message& message);
    void work_off();
    void answer_all(const Result<>& listed);
    void plan(const DesiredState& desired);
    void measure(reconcile::Identified identified, PlanResult result);
    void on_measured(const reconcile::Identified& identified, PlanResult result,
                     const Result<reconcile::Survey>& found);
    void say_failed(const std::string& activity_id, const std::string& message);
    void say(PlanResult result);

    Parts parts_;
    PlannerConfig config_;
    UpdateTopics topics_;
    Asked asked_;
    std::vector<DesiredState> waiting_;  // for the engine's list
    std::size_t measuring_{0};           // plans whose images are being looked at
    bool listing_{false};
};

}  // namespace berth::service
