// The module that says what a desired state would do, on desiredstate/plan: also while an update is under way
// and whatever is wrong with the message. Changes nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "protocol/desired_state.hpp"
#include "protocol/plan_result.hpp"
#include "protocol/topics.hpp"
#include "service/clock.hpp"
#include "service/config.hpp"
#include "service/link.hpp"
#include "service/world.hpp"

namespace berth::service {

class Planner {
 public:
    using OpenActivity = std::function<std::optional<std::string>()>;  // the operation's that is open

    Planner(Link& link, World& world, Stamps& stamps, UpdateAgentConfig config,
            const std::vector<std::string>& redact, OpenActivity open_activity);

    std::vector<Route> routes();

 private:
    void on_plan(const Message& message);
    void on_refused(const Message& message);
    void work_off();
    void answer_all(const Result<>& listed);
    PlanResult plan(const DesiredState& desired) const;
    void say_failed(const std::string& activity_id, const std::string& message);
    void say(PlanResult result);

    Link& link_;
    World& world_;
    Stamps& stamps_;
    UpdateAgentConfig config_;
    UpdateTopics topics_;
    std::vector<std::string> redact_;
    OpenActivity open_activity_;
    std::vector<DesiredState> waiting_;  // for the engine's list
    bool listing_{false};
};

}  // namespace berth::service
