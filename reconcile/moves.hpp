// One advance in progress: the state as it changes and the effects as they are found. Internal to reconcile;
// everybody else calls advance().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reconcile/operation.hpp"

namespace berth::reconcile {

// The scope that a command's baseline names; nothing: there is none, or it has been cleaned up.
std::optional<std::size_t> find_scope(const OperationState& state, const std::string& baseline);

class Moves {
 public:
    explicit Moves(OperationState state) : state_(std::move(state)) {}

    const OperationState& state() const { return state_; }
    Advance result() && { return {std::move(state_), std::move(effects_), keep_}; }

    // Events.
    void command(Command command, const std::string& baseline);
    void command_after_end(Command command, const std::string& baseline);
    void step_done(std::size_t index, const std::optional<Error>& error, const std::string& remark);
    void progressed(std::size_t index, int percent);
    void delayed(std::size_t index, const std::string& trouble);
    void interrupt(const std::string& by);
    void supersede();
    void grace_over();
    void resume(bool same_boot);
    void abandon();

    // Moves that events share.
    void announce(Word word, std::string message = {});
    void start(Command command, std::size_t scope, const std::string& baseline);
    void end_without_phases();
    void wait_for_grace();

 private:
    RunningPhase& running() { return *state_.running; }
    void refuse(Command command, const std::string& baseline, std::string why);
    std::vector<std::size_t> concerned(Command command, std::size_t scope) const;
    void look_for_room();
    bool activated(std::size_t index) const;
    bool all_activated(const ScopeState& scope) const;
    bool passes_by(Command command, std::size_t index) const;
    void begin_anew(std::size_t scope);

    bool is_pulling(std::size_t index) const;
    void say_aside(Feedback feedback, Weight weight);

    void begin_action(std::size_t index);
    void hand_out_step(std::size_t index);
    void end_action(std::size_t index, const std::optional<Error>& error, const std::string& remark);
    void rolled_back(ActionState& action, const std::optional<Error>& error);
    void cleaned(ActionState& action, StepKind kind, const std::optional<Error>& error);
    void keep_for_good(const ScopeState& scope);
    StepKind step_for(std::size_t index) const;
    void announce_start();
    void go_on_after(std::size_t ended_index);
    void finish_phase();
    bool leaves_down() const;
    void finish_cleanup(const RunningPhase& phase);
    void after_phase(const RunningPhase& phase);
    void end_for_newer();
    void give_back();

    OperationState state_;
    std::vector<Effect> effects_;
    bool keep_{false};
};

}  // namespace berth::reconcile
