// All actions, or one baseline of them: what a command for a scope concerns, when the other scope of an
// action may have had its commands, too.
#include <algorithm>

#include "reconcile/moves.hpp"

namespace berth::reconcile {

std::optional<std::size_t> find_scope(const OperationState& state, const std::string& baseline) {
    if (baseline.empty() || baseline == "*") return 0;
    for (std::size_t i = 1; i < state.scopes.size(); ++i)
        if (state.scopes[i].baseline == baseline && !state.scopes[i].cleaned) return i;
    return std::nullopt;
}

std::vector<std::size_t> Moves::concerned(Command command, std::size_t scope) const {
    std::vector<std::size_t> indices;
    for (const std::size_t index : state_.scopes[scope].actions) {
        const auto& action = state_.actions[index];
        if (command != Command::Cleanup) {
            if (step_of(command, action) && !passes_by(command, index)) indices.push_back(index);
            continue;
        }
        const bool removes = activated(index) && step_of(command, action) && !action.finished;
        const bool restores = !activated(index) && (action.staged || action.touched);
        if (removes || restores) indices.push_back(index);
    }
    return indices;
}

// An action is in two scopes, all actions and its baseline: what the other one has brought to an end is not
// done again. DOWNLOAD leaves alone what may run already, as it would be only staged from then on.
bool Moves::passes_by(Command command, std::size_t index) const {
    const auto& action = state_.actions[index];
    if (command == Command::Rollback) return action.finished;
    return activated(index) || (command == Command::Download && action.started);
}

// One scope is the unit that is whole or not at all. What has gone back since is not activated, whichever
// scope's command that was.
bool Moves::activated(std::size_t index) const {
    if (state_.actions[index].finished) return true;
    if (state_.actions[index].restored) return false;
    return std::any_of(state_.scopes.begin(), state_.scopes.end(), [index](const ScopeState& scope) {
        return scope.status == Word::ActivationSuccess &&
               std::find(scope.actions.begin(), scope.actions.end(), index) != scope.actions.end();
    });
}

bool Moves::all_activated(const ScopeState& scope) const {
    return std::all_of(scope.actions.begin(), scope.actions.end(),
                       [this](std::size_t index) { return activated(index); });
}

// With what has gone back as a whole by a command for the other scope.
void Moves::begin_anew(std::size_t scope) {
    for (const std::size_t index : state_.scopes[scope].actions) {
        auto& action = state_.actions[index];
        if (!action.staged && !action.touched) action.restored = false;
    }
}

}  // namespace berth::reconcile
