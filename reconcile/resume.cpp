// An operation after Berth was away, and one that nobody finishes.
#include <algorithm>

#include "reconcile/moves.hpp"

namespace berth::reconcile {
namespace {

// What differs from before while the operation stands there, so that it cannot stand there for ever.
bool stands_badly(Word status) {
    switch (status) {
        case Word::UpdateSuccess:
        case Word::RollbackSuccess:
        case Word::DownloadFailure:
        case Word::UpdateFailure:
        case Word::ActivationFailure:
        case Word::RollbackFailure:
        case Word::ActivationSuccess: return true;
        default: return false;
    }
}

}  // namespace

// A phase that was interrupted goes on: steps can be repeated, what was announced is not announced again.
// After a reboot nobody knows whether the sender is still there, so a phase in which containers are down goes
// back instead.
void Moves::resume(bool same_boot) {
    keep_ = true;
    if (state_.waits_for_grace) return wait_for_grace();
    if (!state_.running) {
        if (!same_boot) abandon();
        return;
    }
    auto& phase = running();
    const bool leaves_gap = phase.command == Command::Update || phase.command == Command::Activate;
    if (!same_boot && leaves_gap && !state_.drives_itself) return give_back();
    if (phase.command == Command::Download) look_for_room();
    if (phase.active.empty() && phase.waiting.empty()) return finish_phase();
    if (phase.active.empty()) {
        begin_action(phase.waiting.front());
        return announce_start();
    }
    for (const std::size_t index : phase.active)
        effects_.emplace_back(Run{step_for(index), state_.number, index, state_.actions[index]});
    if (!phase.interrupted_by.empty()) effects_.emplace_back(CancelRunning{});
}

void Moves::abandon() {
    if (state_.running || state_.drives_itself) return;
    const bool any = std::any_of(state_.scopes.begin(), state_.scopes.end(), [](const ScopeState& scope) {
        return !scope.cleaned && stands_badly(scope.status);
    });
    if (any) start(Command::Cleanup, 0, {});
}

// The interrupted phase counts as failed, and so does what was in progress; CLEANUP restores, without words
// if a newer desired state waits.
void Moves::give_back() {
    const RunningPhase phase = running();
    const auto& rule = rule_of(phase.command);
    for (const std::size_t index : phase.active) {
        auto& action = state_.actions[index];
        action.status = rule.action_failed;
        action.message = "interrupted, as the machine was started anew";
    }
    state_.scopes[phase.scope].status = rule.failed;
    state_.running.reset();
    if (state_.superseded) return end_for_newer();
    start(Command::Cleanup, 0, {});
}

}  // namespace berth::reconcile
