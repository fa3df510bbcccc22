// The update agent: desired states and commands in, an operation carried out, feedback out. Takes messages in
// order, holds the one operation, performs its effects. The decisions are reconcile's.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/desired_state.hpp"
#include "protocol/feedback.hpp"
#include "protocol/topics.hpp"
#include "reconcile/operation.hpp"
#include "service/config.hpp"
#include "service/inventory.hpp"
#include "service/link.hpp"
#include "service/loop.hpp"
#include "service/steps.hpp"
#include "service/world.hpp"

namespace berth::service {

class Updates {
 public:
    Updates(Loop& loop, Link& link, World& world, Steps& steps, InventoryReporter& inventory,
            UpdateAgentConfig config);

    std::vector<Route> routes();

 private:
    using Waiting = std::variant<DesiredState, CommandMessage>;

    // What comes in (updates_inbox.cpp).
    void on_desired_state(const Message& message);
    void on_command(const Message& message);
    void on_refused(const Message& message);
    bool is_copy(const DesiredState& desired, const Message& message);
    void accept(DesiredState desired);
    void work_off();
    bool take(const CommandMessage& command);  // true: done with it
    bool make_way(const DesiredState& desired);
    void give_up_waiting(const Error& error);
    bool is_open() const { return operation_ && !operation_->ended; }
    bool is_busy() const { return identifying_ || (is_open() && operation_->running); }

    // What is done about it (updates.cpp).
    void identify(DesiredState desired);
    void on_listed(const DesiredState& desired, const Result<>& listed);
    reconcile::Identification how(const DesiredState& desired);
    void on_event(const reconcile::Event& event);
    void settle(reconcile::Advance advance);
    void perform(const reconcile::Effect& effect);
    void run(const reconcile::Run& step);
    void say(Feedback feedback, bool progress_only = false);
    void say_identifying(const std::string& activity_id);
    void say_failed(const std::string& activity_id, const std::string& message);

    Loop& loop_;
    Link& link_;
    World& world_;
    Steps& steps_;
    InventoryReporter& inventory_;
    UpdateAgentConfig config_;
    UpdateTopics topics_;

    std::deque<Waiting> waiting_;
    std::optional<DesiredState> identifying_;
    bool asking_{false};  // whether the engine answers, before an open operation is given up
    std::optional<OperationState> operation_;
    std::optional<Feedback> last_said_;  // of the operation: a copy of its message gets it again
    std::uint64_t last_number_{0};
    std::int64_t last_stamp_{0};
    std::string last_retained_;  // digest of the retained desired state that was acted on
    std::chrono::steady_clock::time_point last_progress_{};
};

}  // namespace berth::service
