// The phases of an update as tables: which command is legal when, its words, which actions it concerns.
#pragma once

#include <optional>
#include <set>

#include "protocol/desired_state.hpp"
#include "protocol/feedback.hpp"
#include "protocol/operation.hpp"

namespace berth::reconcile {

enum class StepKind {
    Stage,          // pull if missing, create the new instance
    StopOld,        // stop what is replaced or destroyed, and duplicates
    Apply,          // change resources and restart policy in place
    StartNew,       // start the new instance, then let the names follow
    StartBeside,    // start-first: start the new instance beside the old one, and see whether it holds
    StopReplaced,   // start-first: let it take over, stop what it replaces, then let the names follow
    EnsureRunning,  // start what is down, resume what is paused
    Restore,        // undo: new instance away, old values and run state back
    RemoveOld       // what was replaced or destroyed, and duplicates
};

struct PhaseRule {
    Command command{};
    std::set<Word> allowed_in{};  // scope statuses
    Word running{};               // overall word while it runs, and of an action in progress
    Word done{};
    Word failed{};  // also the word of a refused command
    Word action_running{};
    Word action_done{};
    Word action_failed{};
};

const PhaseRule& rule_of(Command command);

// The step that `command` takes for `action`; nothing if it does not concern it. With start-first ACTIVATE
// takes two, one after the other: which is next is in the action.
std::optional<StepKind> step_of(Command command, const ActionState& action);

// Its end is the moment in which the engine shall hold what was asked for: of what is made or changed, not of
// what is only checked.
bool ends_change(StepKind kind, Action action);

// How many actions of the phase may be in progress at once.
std::size_t width_of(Command command, unsigned parallel);

}  // namespace berth::reconcile
