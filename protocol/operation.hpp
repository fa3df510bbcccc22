// An update operation as plain data: what a restart, a test and the journal hold in their hands.
// reconcile/operation advances it; nobody else changes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/desired_state.hpp"
#include "protocol/feedback.hpp"

namespace berth {

enum class Action {
    Check,     // unchanged: only make sure that it runs
    Create,    // new
    Recreate,  // a new instance replaces the old one
    Update,    // restart policy or resources change in place
    Destroy    // not desired any more
};

std::string_view to_string(Action action);  // "check", ...
std::optional<Action> parse_action(std::string_view text);

// The instance that was there when the operation was identified.
struct OldInstance {
    ContainerSpec spec{};
    bool ran{};  // running, paused or about to be started again by the engine; if missing: it should run
    bool paused{};
    bool manually_stopped{};  // somebody had asked for its end
    bool missing{};           // there was its record alone
    bool operator==(const OldInstance&) const = default;
};

struct ActionState {
    Action action{Action::Check};
    std::string name{};
    std::string version{};
    Word status{Word::Identified};
    std::string message{};
    int progress{};        // percent of the pull, only while DOWNLOADING
    ContainerSpec spec{};  // what is wanted; spec.id is the instance that shall run. Empty for Destroy
    std::optional<OldInstance> old{};  // all but Create
    // Further instances of that name, which somebody else made: stopped, and removed in the end.
    std::vector<OldInstance> duplicates{};
    // What may have happened already. Set when the step is handed out, so that restoring never misses
    // anything.
    bool staged{};    // a new instance may exist
    bool touched{};   // the old instance may be stopped or changed
    bool started{};   // the new instance may have been started, or the one that stays where it was down
    bool restored{};  // it has gone back, or was told to; if whole, nothing of the above may have happened
    bool finished{};  // for good: CLEANUP has left nothing to be taken back
    // Recreate only. The old instance is touched once the new one has held, that is proved itself beside it.
    bool start_first{};
    bool held{};
    bool operator==(const ActionState&) const = default;
};

// All actions, or one baseline of them. Each scope has its own status; they share the actions.
struct ScopeState {
    std::string baseline{};  // title; empty for the scope of all actions, which is always the first
    std::vector<std::size_t> actions{};
    Word status{Word::Identified};
    bool cleaned{};  // CLEANUP has been carried out
    bool succeeded{};
    bool operator==(const ScopeState&) const = default;
};

// A command that is being carried out.
struct RunningPhase {
    Command command{Command::Download};
    std::size_t scope{};
    std::string baseline{};  // as sent, echoed in feedback
    std::vector<std::size_t> waiting{};
    std::vector<std::size_t> active{};
    bool failed{};
    bool quiet{};                  // restoring or finishing for a newer desired state: no feedback
    std::string interrupted_by{};  // DOWNLOAD only: what ended it early
    bool operator==(const RunningPhase&) const = default;
};

struct OperationState {
    std::uint64_t number{};  // of this operation; steps carry it, so that a late result finds nothing
    std::string activity_id{};
    std::int64_t timestamp{};  // of the message, Unix ms
    std::string digest{};      // of its content
    bool drives_itself{};
    bool waits_for_grace{};  // a command within the grace makes it command-driven for good
    unsigned parallel{1};    // actions in progress at once, 1-16
    std::vector<ActionState> actions{};
    std::vector<ScopeState> scopes{};
    std::optional<RunningPhase> running{};
    bool superseded{};  // a newer desired state waits for it to end
    bool ended{};
    bool operator==(const OperationState&) const = default;
};

}  // namespace berth
