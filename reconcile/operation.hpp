// An update operation moves by advance(state, event) -> next state and effects. Pure: no clock, no engine, no
// MQTT; time, ids and results are in the events, and what is to be done comes back as values.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/desired_state.hpp"
#include "protocol/feedback.hpp"
#include "protocol/operation.hpp"
#include "protocol/result.hpp"
#include "reconcile/phases.hpp"
#include "reconcile/plan.hpp"

namespace berth::reconcile {

// Events.
struct CommandReceived {
    Command command{};
    std::string baseline{};  // as sent
};
struct StepDone {
    std::uint64_t operation{};
    std::size_t action{};
    std::optional<Error> error{};
    std::string remark{};  // said behind the message of a step that succeeded
};
struct PullProgressed {
    std::uint64_t operation{};
    std::size_t action{};
    int percent{};
};
struct PullDelayed {
    std::uint64_t operation{};
    std::size_t action{};
    std::string trouble{};  // what it failed of, and when it is tried again
};
struct Interrupted {   // ends a DOWNLOAD early; every other phase ends first
    std::string by{};  // "ROLLBACK", "CLEANUP", "a newer desired state"
};
struct Superseded {};  // a newer, valid desired state waits
struct GraceOver {
    std::uint64_t operation{};
};
struct Resumed {       // Berth started again and has looked at the world
    bool same_boot{};  // of the machine, as when the state was written
};
struct Abandoned {  // no command came for update_agent.abandon_after
    std::uint64_t operation{};
};
using Event = std::variant<CommandReceived, StepDone, PullProgressed, PullDelayed, Interrupted, Superseded,
                           GraceOver, Resumed, Abandoned>;

// Effects, in the order in which they are to happen.
enum class Weight {
    Lasting,   // a transition: each of them is sent, and known after a restart
    Progress,  // droppable, and not more often than the sender's interval
    Trouble    // droppable, and at once
};
struct Send {
    Feedback feedback{};  // timestamp left to the sender
    Weight weight{Weight::Lasting};
};
struct LookForRoom {  // for all that the phase may pull, before its first Stage; those wait for the answer
    std::vector<std::string> images{};  // each once
};
struct Run {
    StepKind kind{};
    std::uint64_t operation{};
    std::size_t index{};
    ActionState action{};
};
struct CancelRunning {};  // the steps that are in progress
struct StartGrace {
    std::uint64_t operation{};
};
using Effect = std::variant<Send, LookForRoom, Run, CancelRunning, StartGrace>;

struct Advance {
    OperationState next{};
    std::vector<Effect> effects{};
    bool keep{};  // worth a journal write before the effects happen
};

enum class Drive {
    Itself,  // deploys at once, or after the grace
    WaitsForCommands
};

struct Identification {
    std::uint64_t number{};
    std::string domain{"containers"};
    Drive drive{Drive::WaitsForCommands};
    bool grace{};  // a self-driving one waits for GraceOver first
    unsigned parallel{1};
    std::string notice{};  // what IDENTIFIED says besides the message's own warnings
    std::set<std::string> pinned{};
    std::map<std::string, ContainerId> staged{};  // by component: what is taken over and not made anew
    std::function<ContainerId()> new_id{};
};

// The operation for a decoded desired state and the world as listed; sends IDENTIFIED and, if it drives
// itself, sets out at once. Nothing to do: IDENTIFIED, COMPLETED, ended.
Advance begin(const DesiredState& desired, const std::vector<Container>& current, const Identification& how);

Advance advance(OperationState state, const Event& event);

// Whether this command, next in line, ends the DOWNLOAD that runs early: ROLLBACK and CLEANUP do, unless they
// would be refused afterwards all the same.
bool ends_download(const OperationState& state, Command command, const std::string& baseline);

// After the operation has ended early because nothing was to be removed: a client that goes through all
// baselines is still answered for that empty one, its CLEANUP with the final word again.
bool answers_after_end(const OperationState& state, const std::string& baseline);

// What others, such as the twin and the command line, may do to an instance meanwhile; reading they always
// may.
enum class Hold {
    Free,    // no part of an open operation
    Queued,  // stays: changes wait their turn in the container's order
    Refused  // staged, to be replaced or to be destroyed: changes would be lost
};
Hold hold_on(const OperationState& state, const ContainerId& id);

// A step that stops, changes, starts or removes this instance is under way: it alone knows what becomes of
// it.
bool is_moving(const OperationState& state, const ContainerId& id);

// It has stopped this instance, which is to be replaced or removed, or is about to, and has not brought it
// back.
bool keeps_down(const OperationState& state, const ContainerId& id);

// What the operation last said about itself, for a sender who asks twice.
Feedback report(const OperationState& state, Word status);

}  // namespace berth::reconcile
