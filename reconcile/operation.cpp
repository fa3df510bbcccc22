#include "reconcile/operation.hpp"

#include <algorithm>
#include <utility>

#include "reconcile/moves.hpp"

namespace berth::reconcile {
namespace {

struct OnEvent {
    Moves& moves;

    void operator()(const CommandReceived& event) const { moves.command(event.command, event.baseline); }

    void operator()(const StepDone& event) const {
        if (event.operation == moves.state().number) moves.step_done(event.action, event.error, event.remark);
    }

    void operator()(const PullProgressed& event) const {
        if (event.operation == moves.state().number) moves.progressed(event.action, event.percent);
    }

    void operator()(const PullDelayed& event) const {
        if (event.operation == moves.state().number) moves.delayed(event.action, event.trouble);
    }

    void operator()(const Interrupted& event) const { moves.interrupt(event.by); }

    void operator()(const Superseded&) const { moves.supersede(); }

    void operator()(const Resumed& event) const { moves.resume(event.same_boot); }

    void operator()(const Abandoned& event) const {
        if (event.operation == moves.state().number) moves.abandon();
    }

    void operator()(const GraceOver& event) const {
        if (event.operation == moves.state().number) moves.grace_over();
    }
};

}  // namespace

Advance advance(OperationState state, const Event& event) {
    Moves moves(std::move(state));
    const auto* late = std::get_if<CommandReceived>(&event);
    if (!moves.state().ended)
        std::visit(OnEvent{moves}, event);
    else if (late)
        moves.command_after_end(late->command, late->baseline);
    return std::move(moves).result();
}

bool ends_download(const OperationState& state, Command command, const std::string& baseline) {
    if (command != Command::Rollback && command != Command::Cleanup) return false;
    if (!state.running || state.running->command != Command::Download) return false;
    if (!state.running->interrupted_by.empty()) return false;  // it ends already
    const auto scope = find_scope(state, baseline);
    if (!scope) return false;
    const bool is_its_own = *scope == state.running->scope;
    const Word after = is_its_own ? rule_of(Command::Download).failed : state.scopes[*scope].status;
    return rule_of(command).allowed_in.contains(after);
}

bool answers_after_end(const OperationState& state, const std::string& baseline) {
    const bool early = state.ended && !state.actions.empty() && !state.scopes.front().cleaned;
    if (!early || state.superseded || state.drives_itself) return false;
    return std::any_of(state.scopes.begin() + 1, state.scopes.end(), [&](const ScopeState& scope) {
        return scope.baseline == baseline && scope.actions.empty() && !scope.cleaned;
    });
}

Hold hold_on(const OperationState& state, const ContainerId& id) {
    if (state.ended) return Hold::Free;
    const auto is_it = [&id](const OldInstance& old) { return old.spec.id == id; };
    for (const auto& action : state.actions) {
        const bool stays = action.action == Action::Check || action.action == Action::Update;
        const bool runs_new = action.status == Word::ActivationSuccess;
        if (std::any_of(action.duplicates.begin(), action.duplicates.end(), is_it)) return Hold::Refused;
        if (action.spec.id == id && !id.empty()) return stays || runs_new ? Hold::Queued : Hold::Refused;
        if (action.old && is_it(*action.old)) return stays ? Hold::Queued : Hold::Refused;
    }
    return Hold::Free;
}

bool is_moving(const OperationState& state, const ContainerId& id) {
    if (state.ended || !state.running) return false;
    const auto is_it = [&id](const OldInstance& old) { return old.spec.id == id; };
    const bool clears = state.running->command == Command::Cleanup;
    const auto& active = state.running->active;
    return std::any_of(active.begin(), active.end(), [&](std::size_t index) {
        const auto& action = state.actions[index];
        if (!action.touched && !action.started) return false;
        // A removal leaves alone what stays: should that be down, no step would start it.
        if (action.spec.id == id) return !clears || action.restored;
        return (action.old && is_it(*action.old)) ||
               std::any_of(action.duplicates.begin(), action.duplicates.end(), is_it);
    });
}

bool keeps_down(const OperationState& state, const ContainerId& id) {
    const auto is_it = [&id](const OldInstance& old) { return old.spec.id == id; };
    return !state.ended &&
           std::any_of(state.actions.begin(), state.actions.end(), [&](const ActionState& action) {
               const bool drops_old = action.action == Action::Recreate || action.action == Action::Destroy;
               const bool drops_it = drops_old && action.old && is_it(*action.old);
               return action.touched &&
                      (drops_it || std::any_of(action.duplicates.begin(), action.duplicates.end(), is_it));
           });
}

}  // namespace berth::reconcile
