// How a phase runs: which actions start when, what is said at each start and end.
#include "reconcile/moves.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "reconcile/identify.hpp"

namespace berth::reconcile {
namespace {

std::string words_of(const std::set<Word>& words) {
    std::string text;
    for (const Word word : words)
        text += (text.empty() ? "" : " or ") + std::string(to_string(word));
    return text;
}

}  // namespace

Feedback report(const OperationState& state, Word status) {
    Feedback feedback{};
    feedback.activity_id = state.activity_id;
    feedback.status = status;
    for (const auto& action : state.actions)
        feedback.actions.push_back(
            {action.name, action.version, action.status, action.progress, action.message});
    return feedback;
}

void Moves::announce(Word word, std::string message) {
    Feedback feedback = report(state_, word);
    feedback.message = std::move(message);
    if (state_.running) feedback.baseline = running().baseline;
    effects_.emplace_back(Send{std::move(feedback), Weight::Lasting});
}

void Moves::command(Command command, const std::string& baseline) {
    if (state_.running || (state_.drives_itself && !state_.waits_for_grace)) return;
    state_.drives_itself = state_.waits_for_grace = false;
    const auto scope = find_scope(state_, baseline);
    if (!scope) return refuse(command, baseline, "no baseline " + baseline);
    const Word status = state_.scopes[*scope].status;
    const auto& rule = rule_of(command);
    if (!rule.allowed_in.contains(status)) {
        const std::string what = *scope == 0 ? "the operation" : "baseline " + baseline;
        return refuse(command, baseline,
                      std::string(to_string(command)) + " needs status " + words_of(rule.allowed_in) + ", " +
                          what + " is " + std::string(to_string(status)));
    }
    const bool goes_on = command == Command::Update || command == Command::Activate;
    for (const std::size_t index : state_.scopes[*scope].actions)
        if (const auto& action = state_.actions[index]; goes_on && action.restored)
            return refuse(command, baseline,
                          "component " + action.name + " has gone back by a command for " +
                              (*scope == 0 ? "its baseline" : "everything") + "; send ROLLBACK or CLEANUP");
    start(command, *scope, baseline);
}

void Moves::command_after_end(Command command, const std::string& baseline) {
    if (answers_after_end(state_, baseline)) this->command(command, baseline);
}

// The scope's status stays: the right command still works afterwards.
void Moves::refuse(Command command, const std::string& baseline, std::string why) {
    const Word word = command == Command::Cleanup ? Word::Cleanup : rule_of(command).failed;
    Feedback feedback = report(state_, word);
    feedback.baseline = baseline;
    feedback.message = std::move(why);
    effects_.emplace_back(Send{std::move(feedback), Weight::Lasting});
}

void Moves::start(Command command, std::size_t scope, const std::string& baseline) {
    if (command == Command::Download) begin_anew(scope);
    state_.running = RunningPhase{};
    running().command = command;
    running().scope = scope;
    running().baseline = baseline;
    running().waiting = concerned(command, scope);
    keep_ = true;
    if (command == Command::Download) look_for_room();
    const std::size_t width = width_of(command, state_.parallel);
    while (!running().waiting.empty() && running().active.size() < width) {
        begin_action(running().waiting.front());
        announce_start();
    }
    if (running().active.empty()) finish_phase();
}

// Of a DOWNLOAD, each of whose actions makes an instance. Once for all of them: each by itself may fit where
// all together do not.
void Moves::look_for_room() {
    std::set<std::string> images;
    for (const auto* indices : {&running().active, &running().waiting})
        for (const std::size_t index : *indices)
            images.insert(state_.actions[index].spec.image);
    if (!images.empty()) effects_.emplace_back(LookForRoom{{images.begin(), images.end()}});
}

StepKind Moves::step_for(std::size_t index) const {
    const auto& action = state_.actions[index];
    const auto command = state_.running->command;
    if (command == Command::Cleanup && !activated(index)) return StepKind::Restore;
    return step_of(command, action).value_or(StepKind::EnsureRunning);
}

void Moves::begin_action(std::size_t index) {
    auto& phase = running();
    phase.waiting.erase(std::find(phase.waiting.begin(), phase.waiting.end(), index));
    phase.active.push_back(index);
    auto& action = state_.actions[index];
    if (phase.command == Command::Activate) action.held = false;  // each activation has to prove itself
    const StepKind kind = step_for(index);
    if (phase.command == Command::Rollback && action.status != rule_of(Command::Download).failed &&
        action.status != Word::UpdateFailure && action.status != Word::ActivationFailure)
        action.message.clear();  // only a cause is worth keeping
    // A destroyed container that is brought back has no message of its own.
    if (phase.command != Command::Cleanup && !(kind == StepKind::Restore && action.action == Action::Destroy))
        action.status = rule_of(phase.command).action_running;
    hand_out_step(index);
}

void Moves::hand_out_step(std::size_t index) {
    auto& action = state_.actions[index];
    const StepKind kind = step_for(index);
    action.staged |= kind == StepKind::Stage;
    action.touched |= kind == StepKind::StopOld || kind == StepKind::Apply || kind == StepKind::StopReplaced;
    // A rollback has to know; of what is only checked nothing goes back.
    const bool wakes =
        kind == StepKind::EnsureRunning && action.action == Action::Update && action.old && !action.old->ran;
    action.started |= kind == StepKind::StartNew || kind == StepKind::StartBeside || wakes;
    action.restored |= kind == StepKind::Restore;
    keep_ |= kind != StepKind::EnsureRunning || wakes;
    effects_.emplace_back(Run{kind, state_.number, index, action});
}

void Moves::announce_start() {
    const auto& phase = running();
    if (phase.command == Command::Cleanup) return;
    const auto& action = state_.actions[phase.active.back()];
    if (phase.command == Command::Rollback && action.action == Action::Destroy) return;
    announce(rule_of(phase.command).running);
}

void Moves::step_done(std::size_t index, const std::optional<Error>& error, const std::string& remark) {
    if (!state_.running) return;
    auto& active = running().active;
    const auto at = std::find(active.begin(), active.end(), index);
    if (at == active.end()) return;
    const StepKind kind = step_for(index);
    // That something runs is found out again as quickly as it would be written down.
    keep_ |= error.has_value() || kind != StepKind::EnsureRunning;
    auto result = error;
    if (!error && kind == StepKind::StartBeside) {
        // The new instance has held: only now, and with that on disk, may anything become of the old one.
        // Where the phase goes back anyway nothing does: it would only have to be started again.
        state_.actions[index].held = !running().failed;
        if (!running().failed) return hand_out_step(index);
        result = fail(Errc::Conflict, "the old instance was not replaced, as another component failed");
    }
    active.erase(at);
    end_action(index, result, remark);
    go_on_after(index);
}

// An end and the start it makes room for share one message; the last end is the final message. A rollback
// tells each end by itself, unless its action closes the list.
void Moves::go_on_after(std::size_t ended_index) {
    auto& phase = running();
    const bool stops =
        phase.failed && phase.command != Command::Rollback && phase.command != Command::Cleanup;
    if (stops) phase.waiting.clear();
    if (phase.waiting.empty() && phase.active.empty()) {
        const bool closes_list = state_.scopes[phase.scope].actions.back() == ended_index;
        if (phase.command == Command::Rollback && !closes_list &&
            state_.actions[ended_index].action != Action::Destroy)
            announce(Word::Rollback);
        return finish_phase();
    }
    if (phase.command == Command::Rollback && state_.actions[ended_index].action != Action::Destroy)
        announce(Word::Rollback);
    if (!phase.waiting.empty()) {
        begin_action(phase.waiting.front());
        announce_start();
    } else if (phase.command != Command::Cleanup && phase.command != Command::Rollback) {
        announce(rule_of(phase.command).running);
    }
}

bool Moves::is_pulling(std::size_t index) const {
    if (!state_.running || state_.running->command != Command::Download) return false;
    const auto& active = state_.running->active;
    return std::find(active.begin(), active.end(), index) != active.end();
}

// Between the transitions; nothing of it is kept.
void Moves::say_aside(Feedback feedback, Weight weight) {
    feedback.baseline = running().baseline;
    effects_.emplace_back(Send{std::move(feedback), weight});
}

void Moves::progressed(std::size_t index, int percent) {
    if (!is_pulling(index)) return;
    auto& action = state_.actions[index];
    const int shown = std::min(percent, 99);  // 100 only on success
    if (shown <= action.progress) return;
    action.progress = shown;
    say_aside(report(state_, Word::Downloading), Weight::Progress);
}

// In this message alone: the next one may come when the pull goes on, and has the action's own message.
void Moves::delayed(std::size_t index, const std::string& trouble) {
    if (!is_pulling(index)) return;
    Feedback feedback = report(state_, Word::Downloading);
    auto& message = feedback.actions[index].message;
    message = in_one({message, trouble});
    say_aside(std::move(feedback), Weight::Trouble);
}

void Moves::interrupt(const std::string& by) {
    if (!state_.running || running().command != Command::Download || !running().interrupted_by.empty())
        return;
    running().interrupted_by = by;
    running().failed = true;
    // What is under way may end well: then these say why the phase failed.
    for (const auto index : std::exchange(running().waiting, {}))
        state_.actions[index].message = "interrupted by " + by;
    keep_ = true;
    effects_.emplace_back(CancelRunning{});
}

void Moves::grace_over() {
    if (!state_.waits_for_grace) return;
    state_.waits_for_grace = false;
    start(Command::Download, 0, {});
}

void Moves::wait_for_grace() {
    state_.waits_for_grace = true;
    effects_.emplace_back(StartGrace{state_.number});
}

}  // namespace berth::reconcile
