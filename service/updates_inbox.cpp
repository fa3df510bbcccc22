// What comes in: checked, answered if bad, put in order, handed on one at a time.
#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/envelope.hpp"
#include "reconcile/adopt.hpp"
#include "reconcile/identify.hpp"
#include "service/door.hpp"
#include "service/log.hpp"
#include "service/updates.hpp"

namespace berth::service {

namespace {

constexpr std::size_t kRemembered = 16;     // of the commands that were acted on
constexpr std::size_t kMostWaiting = 64;    // messages behind the one that is worked on
constexpr std::size_t kOwnFeedback = 8192;  // more than can wait for the broker, and then be heard at once
// It is not known of a message that arrives as it is published whether the broker keeps it: only the next
// connect tells. Nine kilobytes of each record.
constexpr std::size_t kMostAccepted = 128;

std::string key_of(const CommandMessage& command) {
    return command.activity_id + '\n' + command.word + '\n' + command.baseline;
}

}  // namespace

void remember(std::deque<std::string>& last, const std::string& what, std::size_t most) {
    std::erase(last, what);
    last.push_back(what);
    if (last.size() > most) last.pop_front();
}

std::vector<Route> Updates::routes() {
    Route state{};
    state.filter = topics_.desired_state;
    state.handler = [this](const Message& message) { take_in(message, &Updates::on_desired_state); };
    state.refused = [this](const Message& message) { on_refused(message); };
    state.keep = Keep::Always;
    Route command{};
    command.filter = topics_.desired_state_command;
    command.handler = [this](const Message& message) { take_in(message, &Updates::on_command); };
    command.keep = Keep::UntilReboot;  // as in the journal
    Route feedback{};
    feedback.filter = topics_.desired_state_feedback;
    feedback.handler = [this](const Message& message) { on_feedback(message); };
    return {std::move(state), std::move(command), std::move(feedback)};
}

// Every record says what became of the messages so far: they wait, are part of the operation, or were
// answered. So one number in it tells the next Berth which files of the inbox are not worth a look. A message
// that is being identified is not hurried: its operation, or its refusal, is recorded in any case.
void Updates::take_in(const Message& message, void (Updates::*handle)(const Message&)) {
    if (message.inbox_number != 0) taken_ = message.inbox_number;
    (this->*handle)(message);
    if (taken_ != taken_by_record_ && !identifying_) keep_soon(Flush::Now);
}

void Updates::know_as_own(const std::string& payload) {
    own_feedback_.push_back(std::hash<std::string>{}(payload));
    if (own_feedback_.size() > kOwnFeedback) own_feedback_.pop_front();
}

// Heard only to notice that somebody else answers for this device, who would undo what we do.
void Updates::on_feedback(const Message& message) {
    if (message.retained || told_of_second_agent_ || !operation_) return;
    const auto hash = std::hash<std::string>{}(message.payload);
    if (std::find(own_feedback_.rbegin(), own_feedback_.rend(), hash) != own_feedback_.rend()) return;
    const auto said = decode_feedback(message.payload, config_.domain);
    if (!said || said->activity_id != operation_->activity_id || said->timestamp <= restored_stamp_) return;
    told_of_second_agent_ = true;
    log::error(
        "A SECOND UPDATE AGENT answers on '{}': it says {} for activity '{}'; stop it, or give one of the "
        "two another update_agent.domain",
        message.topic, to_string(said->status), said->activity_id);
}

void Updates::on_refused(const Message& message) {
    say_failed(peek(message.payload).activity_id.value_or(""), why_not_read(message));
}

void Updates::on_desired_state(const Message& message) {
    if (message.payload.empty()) return;  // how a sender takes a retained message back
    auto [activity_id, desired] = read_desired_state(message.payload, config_);
    if (!desired) return say_failed(activity_id.value_or(""), desired.error().message);
    if (is_copy(*desired, message)) return;
    if (const auto may = may_accept(*desired); !may)
        return say_failed(desired->activity_id, may.error().message);
    accept(std::move(*desired), message.payload);
}

// What only removes or changes is how room is made.
Result<> Updates::may_accept(const DesiredState& desired) const {
    const auto may = may_make_ ? may_make_() : Result<>();
    if (may || !world_.ready()) return {};
    const auto identified = reconcile::identify(desired, world_.containers(), pinned_for(desired, config_));
    const auto makes = [](const ActionState& action) {
        return action.action == Action::Create || action.action == Action::Recreate;
    };
    return std::any_of(identified.actions.begin(), identified.actions.end(), makes) ? may : Result<>();
}

// QoS 1 may deliver twice, and a retained message comes again with every connect.
bool Updates::is_copy(const DesiredState& desired, const Message& message) {
    if (message.retained) retained_ = desired.digest;
    if (message.retained &&
        std::find(accepted_.begin(), accepted_.end(), desired.digest) != accepted_.end()) {
        log::info("activity '{}': a retained desired state that was applied before: ignored",
                  desired.activity_id);
        return true;
    }
    for (const auto& waiting : waiting_)
        if (const auto* other = std::get_if<DesiredState>(&waiting); other && *other == desired) return true;
    // Sent once more, by its sender and not by a broker, it is the newest: whatever waits came before it.
    const bool sent_again = !message.duplicate && !message.retained;
    if (identifying_ && *identifying_ == desired) {
        if (sent_again) say_superseded(take_out_waiting(desired), desired.activity_id);
        return true;
    }
    const bool same = operation_ && operation_->activity_id == desired.activity_id &&
                      operation_->timestamp == desired.timestamp && operation_->digest == desired.digest;
    if (!same || operation_->superseded) return false;
    if (operation_->ended) return message.duplicate;
    if (sent_again) say_superseded(take_out_waiting(desired), desired.activity_id);
    log::info("activity '{}': the same desired state again: last feedback repeated", desired.activity_id);
    // Not if the record that is on its way is refused: that answers the copy as well.
    journal_.after_pending([this, number = operation_->number] {
        if (operation_ && operation_->number == number && !last_said_.empty()) publish(last_said_, 0);
    });
    return true;
}

// Of several that wait only the newest is worth acting on. One that has to wait for an open operation may do
// so for minutes, and its sender thinks that it has been delivered: it goes into the journal.
void Updates::accept(DesiredState desired, const std::string& payload) {
    const auto newer = desired.activity_id;
    const auto older = take_out_waiting(desired);
    waiting_.emplace_back(std::move(desired));
    waiting_payload_ = payload;
    say_superseded(older, newer);
    work_off();
    if (has_newer()) keep_soon(Flush::Now);
}

// What the broker keeps comes with every connect, however many others come in between.
void Updates::remember_accepted(const std::string& digest) {
    if (std::find(accepted_.begin(), accepted_.end(), retained_) != accepted_.end())
        remember(accepted_, retained_, kMostAccepted);
    remember(accepted_, digest, kMostAccepted);
}

// Each has had its turn: one that the broker keeps must not undo the newer one with the next connect. One of
// the same content cannot: what becomes of that is the newer one's to tell, which may be refused.
std::vector<std::string> Updates::take_out_waiting(const DesiredState& newer) {
    std::vector<std::string> activities;
    for (const auto& waiting : waiting_)
        if (const auto* desired = std::get_if<DesiredState>(&waiting)) {
            activities.push_back(desired->activity_id);
            if (desired->digest != newer.digest) remember_accepted(desired->digest);
        }
    std::erase_if(waiting_,
                  [](const Waiting& waiting) { return std::holds_alternative<DesiredState>(waiting); });
    return activities;
}

// Each answer is recorded: what it is about must not be among what waits any more.
void Updates::say_superseded(const std::vector<std::string>& activities, const std::string& newer) {
    for (const auto& activity_id : activities) {
        Feedback superseded{};
        superseded.activity_id = activity_id;
        superseded.status = Word::Superseded;
        superseded.message = "not acted on: '" + newer + "' came after it";
        say(std::move(superseded));
    }
}

bool Updates::came_before(const CommandMessage& command) const {
    const auto is_it = [&command](const Waiting& waiting) {
        const auto* other = std::get_if<CommandMessage>(&waiting);
        return other && *other == command;
    };
    return std::any_of(waiting_.begin(), waiting_.end(), is_it) ||
           std::find(commands_.begin(), commands_.end(), key_of(command)) != commands_.end();
}

void Updates::on_command(const Message& message) {
    if (message.retained) return;
    if (const Peek first_look = peek(message.payload); first_look.refused)
        return log::warn("command refused: {}", first_look.refused->message);
    auto command = decode_command(message.payload);
    if (!command) return log::warn("command refused: {}", command.error().message);
    // Once more after a lost connection: a second UPDATE would be refused, and a sender takes that for a
    // failure.
    if (message.duplicate && came_before(*command))
        return log::info("command '{}' for activity '{}' was delivered twice: acted on once", command->word,
                         command->activity_id);
    if (waiting_.size() >= kMostWaiting)
        return log::warn("command '{}' dropped: {} messages wait already", command->word, waiting_.size());
    waiting_.emplace_back(std::move(*command));
    work_off();
    if (!waiting_.empty()) keep_soon(Flush::Now);  // it waits, as the last in line
}

// What comes in the moment of a start waits for the engine's first word, whichever that is.
void Updates::work_off() {
    while (world_.tried() && !waiting_.empty() && !identifying_ && !settling_ &&
           !(recovering_ && world_.ready())) {
        if (const auto* command = std::get_if<CommandMessage>(&waiting_.front())) {
            if (!take(*command)) return look_for_newer();
            continue;
        }
        if (!make_way()) return;
        auto desired = std::get<DesiredState>(std::move(waiting_.front()));
        waiting_.pop_front();
        identifying_payload_ = std::exchange(waiting_payload_, {});
        identify(std::move(desired));
    }
}

// A pull must not hold up the newer desired state behind a command that waits for it.
void Updates::look_for_newer() {
    if (!operation_->running || operation_->running->command != Command::Download) return;
    if (has_newer()) make_way();
}

bool Updates::has_newer() const {
    return std::any_of(waiting_.begin(), waiting_.end(),
                       [](const Waiting& waiting) { return std::holds_alternative<DesiredState>(waiting); });
}

bool Updates::take(const CommandMessage& message) {
    const bool late = operation_ && reconcile::answers_after_end(*operation_, message.baseline);
    const bool ours = (is_open() || late) && operation_->activity_id == message.activity_id;
    if (!ours || !message.command) {
        log::warn("command '{}' for activity '{}' ignored: {}", message.word, message.activity_id,
                  message.command ? "no such operation is open"
                                  : "expected DOWNLOAD, UPDATE, ACTIVATE, ROLLBACK or CLEANUP");
        waiting_.pop_front();
        return true;
    }
    // As the next in line only: a sender may send a whole sequence at once.
    if (resumed_ && reconcile::ends_download(*operation_, *message.command, message.baseline))
        on_event(reconcile::Interrupted{message.word});
    if (operation_->drives_itself && !operation_->waits_for_grace) {
        log::info("command '{}' ignored: activity '{}' drives itself", message.word, message.activity_id);
        waiting_.pop_front();
        return true;
    }
    if (operation_->running || !resumed_) return false;
    remember(commands_, key_of(message), kRemembered);
    const reconcile::CommandReceived received{*message.command, message.baseline};
    waiting_.pop_front();  // in the record that follows it does not wait any more
    settle(reconcile::advance(std::move(*operation_), received));
    return true;
}

// True once no open operation stands in the way of a valid newer desired state. With an engine that does not
// answer the newer one fails by itself and the open operation stays as it is, so the engine is asked first.
bool Updates::make_way() {
    if (!is_open() || !world_.ready()) return true;
    if (operation_->superseded || asking_) return false;
    asking_ = true;
    world_.refresh([this](const Result<>& listed) {
        asking_ = false;
        if (!listed) return give_up_waiting(listed.error());
        give_way();
    });
    return false;
}

// Not to one that is refused all the same. It may have come since the engine was asked; there is never a
// second one that waits, but commands may stand before it.
void Updates::give_way() {
    const auto newest = std::find_if(waiting_.begin(), waiting_.end(), [](const Waiting& waiting) {
        return std::holds_alternative<DesiredState>(waiting);
    });
    if (!is_open() || newest == waiting_.end() || begin_anew()) return work_off();
    const auto& desired = std::get<DesiredState>(*newest);
    if (const auto refused = why_not(desired)) {
        const auto activity_id = desired.activity_id;
        waiting_.erase(newest);  // before the answer, which is recorded with what still waits
        say_identifying(activity_id);
        say_failed(activity_id, refused->message);
    } else {
        log::info("activity '{}' gives way to '{}'", operation_->activity_id, desired.activity_id);
        on_event(reconcile::Superseded{});
    }
    work_off();
}

// The same desired state with another time stamp, next in line, takes the open operation's place and what is
// staged for it. In one record: until then that operation stays as it is.
bool Updates::begin_anew() {
    const auto* next = std::get_if<DesiredState>(&waiting_.front());
    if (next == nullptr || recovering_ || why_not(*next)) return false;
    auto staged = reconcile::adoptable(*operation_, *next, world_.containers(), pinned_for(*next, config_));
    if (!staged) return false;
    const auto desired = std::get<DesiredState>(std::move(waiting_.front()));
    waiting_.pop_front();
    log::info("activity '{}': sent again, begins anew, staged before: {}", desired.activity_id,
              staged->size());
    say_identifying(desired.activity_id);
    auto identification = how(desired);
    identification.staged = *std::move(staged);
    take_up(desired, identification);
    return true;
}

void Updates::give_up_waiting(const Error& error) {
    if (const auto* desired = waiting_.empty() ? nullptr : std::get_if<DesiredState>(&waiting_.front())) {
        const auto activity_id = desired->activity_id;
        waiting_.pop_front();
        say_identifying(activity_id);
        say_failed(activity_id, error.message);
    }
    work_off();
}

}  // namespace berth::service
