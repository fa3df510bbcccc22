// How actions, phases and the whole operation end, and what follows.
#include <algorithm>

#include "reconcile/identify.hpp"
#include "reconcile/moves.hpp"

namespace berth::reconcile {
namespace {

std::string done_message(StepKind kind, Action action) {
    const bool stays = action == Action::Check || action == Action::Update;
    switch (kind) {
        case StepKind::Stage: return "created";
        case StepKind::StopOld: return stays ? "others of this name stopped" : "old instance stopped";
        case StepKind::Apply: return "changed in place";
        case StepKind::StartNew:
        case StepKind::StartBeside:
        case StepKind::StopReplaced: return "started";
        case StepKind::EnsureRunning: return "running";
        case StepKind::Restore: return "restored";
        case StepKind::RemoveOld: return "removed";
    }
    return {};
}

std::string undone_message(const ActionState& action) {
    switch (action.action) {
        case Action::Create: return "new instance removed";
        case Action::Recreate:
            // Nothing was done to it: whoever was about to make it again goes on.
            if (action.old && action.old->missing && !action.touched) return "new instance removed";
            return action.old && action.old->ran ? "new instance removed, old one running"
                                                 : "new instance removed, old one as it was";
        case Action::Update: return "old values set again";
        case Action::Destroy:
            return action.touched && action.old && action.old->ran ? "running again" : "kept";
        case Action::Check: return "others of this name as they were";
    }
    return {};
}

// Back as a whole: there is nothing left of what was done.
void forget_deeds(ActionState& action) {
    action.staged = action.touched = action.started = false;
}

std::string with_cause(const std::string& cause, const std::string& text) {
    return cause.empty() ? text : cause + "; " + text;
}

}  // namespace

void Moves::end_action(std::size_t index, const std::optional<Error>& error, const std::string& remark) {
    auto& phase = running();
    auto& action = state_.actions[index];
    const StepKind kind = step_for(index);
    action.progress = 0;
    if (phase.command == Command::Rollback) return rolled_back(action, error);
    if (phase.command == Command::Cleanup) return cleaned(action, kind, error);
    const auto& rule = rule_of(phase.command);
    action.status = error ? rule.action_failed : rule.action_done;
    action.message = error ? error->message : in_one({done_message(kind, action.action), remark});
    if (error && error->code == Errc::Interrupted && !phase.interrupted_by.empty())
        action.message = "interrupted by " + phase.interrupted_by;
    if (error) phase.failed = true;
}

void Moves::rolled_back(ActionState& action, const std::optional<Error>& error) {
    action.status = rule_of(Command::Rollback).action_done;
    action.message =
        with_cause(action.message, error ? "not restored: " + error->message : undone_message(action));
    action.restored = true;
    if (!error) return forget_deeds(action);
    running().failed = true;
}

// A replaced instance that cannot be removed is no failure of the update: it is down and out of the
// inventory.
void Moves::cleaned(ActionState& action, StepKind kind, const std::optional<Error>& error) {
    const auto& rule = rule_of(Command::Cleanup);
    if (kind == StepKind::Restore) {
        action.restored = true;
        if (!error) return forget_deeds(action);
        action.message = with_cause(action.message, "not restored: " + error->message);
        running().failed = true;
        return;
    }
    action.finished = !error;
    if (action.action != Action::Destroy) return;
    action.status = error ? rule.action_failed : rule.action_done;
    action.message = error ? error->message : done_message(kind, action.action);
    if (error) running().failed = true;
}

// What a baseline has brought to its end stays, whatever becomes of the others. Where an old instance is to
// be removed that is its end.
void Moves::keep_for_good(const ScopeState& scope) {
    for (const std::size_t index : scope.actions) {
        auto& action = state_.actions[index];
        if (activated(index) && !step_of(Command::Cleanup, action)) action.finished = true;
    }
}

void Moves::finish_phase() {
    const RunningPhase phase = running();
    if (phase.command == Command::Cleanup) return finish_cleanup(phase);
    const auto& rule = rule_of(phase.command);
    const Word word = phase.failed ? rule.failed : rule.done;
    state_.scopes[phase.scope].status = word;
    announce(word);
    state_.running.reset();
    keep_ = true;
    after_phase(phase);
}

void Moves::finish_cleanup(const RunningPhase& phase) {
    auto& scope = state_.scopes[phase.scope];
    const bool activated_scope =
        all_activated(scope) && (scope.status == Word::ActivationSuccess || !scope.actions.empty());
    scope.succeeded = activated_scope && !phase.failed;
    scope.cleaned = true;
    keep_for_good(scope);
    if (!phase.quiet) announce(phase.failed ? Word::CleanupFailure : Word::CleanupSuccess);
    state_.running.reset();
    keep_ = true;

    const auto open = [](const ScopeState& s) {
        return !s.baseline.empty() && !s.cleaned && !s.actions.empty();
    };
    const bool last = phase.scope == 0 || std::none_of(state_.scopes.begin(), state_.scopes.end(), open);
    if (!last) {
        if (state_.superseded) end_for_newer();
        return;
    }
    if (phase.scope != 0 && leaves_down()) return start(Command::Cleanup, 0, {});
    const auto lasts = [this](const ScopeState& s) {
        return s.actions.empty() || (s.succeeded && all_activated(s));
    };
    const bool completed = phase.scope == 0
                               ? scope.succeeded
                               : std::all_of(state_.scopes.begin() + 1, state_.scopes.end(), lasts);
    state_.ended = true;
    if (!phase.quiet) announce(completed ? Word::Completed : Word::Incomplete);
}

// Commands for everything have stopped or staged what its baseline had done with.
bool Moves::leaves_down() const {
    const auto left = concerned(Command::Cleanup, 0);
    return state_.scopes[0].status != Word::Identified &&
           std::any_of(left.begin(), left.end(), [this](std::size_t index) { return !activated(index); });
}

void Moves::after_phase(const RunningPhase& phase) {
    if (state_.superseded) return end_for_newer();
    if (!state_.drives_itself) return;
    switch (phase.command) {
        case Command::Download: return start(phase.failed ? Command::Cleanup : Command::Update, 0, {});
        case Command::Update: return start(phase.failed ? Command::Rollback : Command::Activate, 0, {});
        case Command::Activate: return start(phase.failed ? Command::Rollback : Command::Cleanup, 0, {});
        case Command::Rollback: return start(Command::Cleanup, 0, {});
        case Command::Cleanup: return;
    }
}

void Moves::supersede() {
    state_.superseded = true;
    keep_ = true;
    if (!state_.running) return end_for_newer();
    interrupt("a newer desired state");
}

// What is activated is finished, everything else goes back, without further words about it.
void Moves::end_for_newer() {
    announce(Word::Superseded);
    state_.drives_itself = state_.waits_for_grace = false;
    state_.running = RunningPhase{};
    running().command = Command::Cleanup;
    running().quiet = true;
    running().waiting = concerned(Command::Cleanup, 0);
    if (running().waiting.empty()) return finish_phase();
    begin_action(running().waiting.front());
}

void Moves::end_without_phases() {
    announce(Word::Completed);
    state_.ended = true;
    keep_ = true;
}

}  // namespace berth::reconcile
