// How the operation moves: the new state goes to the journal, then what it asks for is done.
#include <algorithm>
#include <utility>

#include "service/boot_id.hpp"
#include "service/door.hpp"
#include "service/log.hpp"
#include "service/updates.hpp"

namespace berth::service {
namespace {

// Bytes, before they are made JSON strings: together with the largest operation they have to fit a slot.
constexpr std::size_t kMostUnsent = Journal::kSlotBytes / 16;
constexpr milliseconds kForgetPause{200};
constexpr milliseconds kSaidAfterRecord{60'000};  // where nobody knows how long
constexpr milliseconds kLeastPatience{3'000};     // the broker may have kept commands for a Berth that starts

// Steps that lead away from the old set; the way back is never refused.
bool leads_forward(reconcile::StepKind kind) {
    using reconcile::StepKind;
    switch (kind) {
        case StepKind::Stage:
        case StepKind::StopOld:
        case StepKind::Apply:
        case StepKind::StartNew:
        case StepKind::StartBeside:
        case StepKind::StopReplaced: return true;
        case StepKind::EnsureRunning:
        case StepKind::Restore:
        case StepKind::RemoveOld: return false;
    }
    return false;
}

// Progress, the ends of checks and inventories are said without a record, and stamps go with the wall clock,
// which may have been set back since. In the same run of the machine they got no further than time did.
std::int64_t latest_stamp(const JournalRecord& record) {
    constexpr std::int64_t kRounded = 2;
    const auto passed = ms_since_boot() - record.stamp_uptime;
    const bool same_run = !boot_id().empty() && record.stamp_boot_id == boot_id() && passed >= 0;
    return record.last_stamp + (same_run ? passed + kRounded : kSaidAfterRecord.count());
}

bool changes_nothing(const OperationState& operation) {
    return std::all_of(operation.actions.begin(), operation.actions.end(), [](const ActionState& action) {
        return action.action == Action::Check && action.duplicates.empty();
    });
}

}  // namespace

void Updates::settle(reconcile::Advance advance, std::function<void(const Error&)> not_kept) {
    // A check that finds everything running changes nothing that a power cut could make wrong. But for the
    // end by a command: nobody would give it again, and no time ends what stands in IDENTIFIED.
    const bool is_last_word = advance.next.ended && !advance.next.drives_itself;
    const bool idle = !not_kept && !is_last_word && changes_nothing(advance.next);
    operation_ = std::move(advance.next);
    if (!advance.effects.empty()) moved_ = ms_since_boot();  // else there was nothing to do about the event
    if (operation_->running)
        inventory_.hold();
    else
        inventory_.release();
    if (not_kept) settling_ = true;
    auto act = [this, deeds = deeds_of(advance.effects), not_kept](const Result<>& kept) {
        if (not_kept) settling_ = false;
        if (!kept && not_kept) {
            not_kept(kept.error());
        } else {
            for (const auto& deed : deeds)
                deed(kept);
            wait_for_commands();
        }
        if (not_kept && unkept_) keep_soon(*unkept_);
        loop_.post([this] { work_off(); });  // not from inside: whoever settles may be working off
    };
    if (advance.keep) loop_.cancel(std::exchange(forget_timer_, 0));  // the record says that as well
    if (advance.keep) return write(idle ? Flush::Lazy : Flush::Now, std::move(act));
    const bool answers = !advance.effects.empty() && !operation_->running;
    journal_.after_pending([act = std::move(act)] { act({}); });
    if (answers) keep_soon();  // a refused command moves nothing: no other record would have the refusal
}

// That a message does not wait any more goes to disk with its answer: no power cut may bring it back. Nor may
// the inbox, whose files go as soon as a record has what was in them.
void Updates::write(Flush flush, Journal::Then then) {
    auto next = record();
    const bool fewer_wait = next.waiting.size() < kept_waiting_;
    kept_waiting_ = next.waiting.size();
    const bool takes = std::exchange(taken_by_record_, taken_) != taken_;
    const Flush how = fewer_wait || takes || behind_ ? Flush::Now : flush;
    auto written = [this, how, takes, up_to = taken_, then = std::move(then)](const Result<>& kept) {
        on_written(how, kept);
        if (takes && recorded_) recorded_(up_to);
        if (then) then(kept);
    };
    journal_.write(std::move(next), how, std::move(written));
}

// What happened since then happened all the same: a Berth that starts would believe the old record, and carry
// on with an operation that has ended. So the newest one is tried again until it is on disk, as in the store.
void Updates::on_written(Flush flush, const Result<>& kept) {
    if (!kept) {
        if (!std::exchange(behind_, true))
            log::error("journal: {}; tried again until it is written", kept.error().message);
        if (write_again_ == 0) write_again_later();
    } else if (behind_ && flush == Flush::Now) {
        behind_ = false;
        write_pause_ = kFirstWritePause;
        loop_.cancel(std::exchange(write_again_, 0));
        log::info("journal: written again");
    }
}

void Updates::write_again_later() {
    write_again_ = loop_.post_after(write_pause_, [this] {
        write_again_ = 0;
        write_pause_ = std::min(write_pause_ * 2, kLongestWritePause);
        keep_soon(Flush::Now);
    });
}

JournalRecord Updates::record() const {
    JournalRecord record{};
    record.operation = operation_;
    for (const auto& [order, unsent] : unsent_)
        record.unsent.push_back(unsent.payload);
    record.last_said = last_said_;
    record.last_stamp = stamps_.reached();
    record.stamp_boot_id = boot_id();
    record.stamp_uptime = ms_since_boot();
    record.taken = taken_;
    record.moved_uptime = moved_;
    record.accepted.assign(accepted_.begin(), accepted_.end());
    record.commands.assign(commands_.begin(), commands_.end());
    record.boot_id = resumed_ ? boot_id() : boot_before_;
    if (identifying_) record.waiting.emplace_back(identifying_payload_);
    for (const auto& one : waiting_) {
        const auto* command = std::get_if<CommandMessage>(&one);
        record.waiting.push_back(command ? WaitingMessage(*command) : WaitingMessage(waiting_payload_));
    }
    return record;
}

std::vector<Updates::Deed> Updates::deeds_of(const std::vector<reconcile::Effect>& effects) {
    std::vector<Deed> deeds;
    for (const auto& effect : effects) {
        if (const auto* send = std::get_if<reconcile::Send>(&effect)) {
            deeds.push_back(deed_of(*send));
        } else if (const auto* step = std::get_if<reconcile::Run>(&effect)) {
            deeds.emplace_back([this, step = *step](const Result<>& kept) { run(step, kept); });
        } else if (const auto* look = std::get_if<reconcile::LookForRoom>(&effect)) {
            deeds.emplace_back(
                [this, images = look->images](const Result<>&) { steps_.look_for_room(images); });
        } else if (std::holds_alternative<reconcile::CancelRunning>(effect)) {
            deeds.emplace_back([this](const Result<>&) { steps_.cancel_pulls(); });
        } else {
            const reconcile::GraceOver over{std::get<reconcile::StartGrace>(effect).operation};
            deeds.emplace_back([this, over](const Result<>&) {
                loop_.post_after(config_.standalone_grace, [this, over] { on_event(over); });
            });
        }
    }
    return deeds;
}

// What is said goes into the record with the state that it tells about: after a restart it is still known.
Updates::Deed Updates::deed_of(const reconcile::Send& send) {
    if (send.weight != reconcile::Weight::Lasting) {
        auto feedback = send.feedback;
        feedback.timestamp = stamps_.next();  // as all the others, in the order in which they wait
        return [this, feedback = std::move(feedback), weight = send.weight](const Result<>&) {
            say_progress(feedback, weight);
        };
    }
    const auto order = ++last_unsent_;
    const auto payload = stamped(send.feedback);
    unsent_[order] = {payload, true};
    last_said_ = payload;
    bound_unsent();
    return [this, payload, order](const Result<>&) { publish(payload, order); };
}

// A record has to fit its slot, however long the broker stays away: an operation must not fail for its own
// feedback. The newest messages say most, as each has the state of all actions; and whoever floods us with
// what we refuse must not push an operation's words out.
void Updates::bound_unsent() {
    std::size_t bytes = 0;
    for (const auto& [order, unsent] : unsent_)
        bytes += unsent.payload.size();
    for (const bool of_operation : {false, true}) {
        for (auto at = unsent_.begin(); bytes > kMostUnsent && at != unsent_.end();) {
            const auto one = at++;
            if (one->second.of_operation != of_operation) continue;
            bytes -= one->second.payload.size();
            unsent_.erase(one);
        }
    }
}

// One record for a burst: what comes while one is on its way goes into the next. None while a new operation
// is on its way to the journal: that may be refused, and no record may speak of it then.
void Updates::keep_soon(Flush flush) {
    if (!unkept_ || flush == Flush::Now) unkept_ = flush;
    if (keeping_ || settling_) return;
    keeping_ = true;
    write(*std::exchange(unkept_, std::nullopt), [this](const Result<>&) {
        keeping_ = false;
        if (unkept_) keep_soon(*unkept_);
    });
}

// Of an open operation, too: its acknowledgements are in no record before its next move.
void Updates::keep_rest() {
    if (behind_ || unkept_ || forget_timer_ != 0 || is_open() || identifying_ || !waiting_.empty())
        write(Flush::Now, {});
}

void Updates::run(const reconcile::Run& step, const Result<>& kept) {
    const auto operation = step.operation;
    const auto index = step.index;
    const auto& activity = operation_->activity_id;
    auto done = [this, operation, index, activity, kind = step.kind,
                 action = step.action](std::optional<Error> error) {
        // An interrupted one has not failed: somebody asked for its end.
        if (error)
            log::at(error->code == Errc::Interrupted ? log::Level::Info : log::Level::Error,
                    "activity '{}': {}", activity, error->message);
        const reconcile::StepDone end{operation, index, std::move(error), {}};
        if (end.error || !reconcile::ends_change(kind, action.action)) return on_event(end);
        read_back(action.spec, activity, end);
    };
    if (!kept && leads_forward(step.kind))
        return loop_.post(
            [done, error = fail(kept.error(), "component " + step.action.name)] { done(error); });
    const auto progress = [this, operation, index](const Steps::PullNews& news) {
        if (news.trouble.empty())
            on_event(reconcile::PullProgressed{operation, index, news.percent});
        else
            on_event(reconcile::PullDelayed{operation, index, news.trouble});
    };
    steps_.run(step, progress, done);
}

// Whatever the engine made of it: it was asked for the right thing, and would make the same of it again.
void Updates::read_back(const ContainerSpec& asked, const std::string& activity,
                        const reconcile::StepDone& end) {
    steps_.read_back(asked, [this, name = asked.name, activity, end](const std::string& unstable) {
        if (!unstable.empty()) log::warn("activity '{}': component {}: {}", activity, name, unstable);
        auto told = end;
        told.remark = unstable;
        on_event(told);
    });
}

void Updates::publish(std::string payload, std::uint64_t unsent) {
    know_as_own(payload);
    Publication publication{};
    publication.topic = topics_.desired_state_feedback;
    publication.payload = std::move(payload);
    if (unsent != 0) {
        publication.delivered = [this, unsent] { forget_unsent(unsent); };
        publication.dropped = publication.delivered;  // later ones may have arrived: it would come after them
    }
    link_.publish(std::move(publication));
}

// Arrived, or lost. While an operation moves, or begins, its next record says so, too; else nothing would.
// The acknowledgements of a large set come in a burst, and records of them would hold up the operation that
// follows.
void Updates::forget_unsent(std::uint64_t unsent) {
    if (unsent_.erase(unsent) == 0 || is_open() || identifying_ || forget_timer_ != 0) return;
    forget_timer_ = loop_.post_after(kForgetPause, [this] {
        forget_timer_ = 0;
        keep_soon();
    });
}

std::string Updates::stamped(Feedback feedback) {
    feedback.timestamp = stamps_.next();
    for (const auto& line : log_.news(feedback))
        log::at(line.bad ? log::Level::Warn : log::Level::Info, "{}", line.text);
    return encode(feedback, config_.domain);
}

void Updates::say_progress(const Feedback& feedback, reconcile::Weight weight) {
    const auto now = std::chrono::steady_clock::now();
    const auto pause = config_.feedback_interval;
    const bool waits = weight == reconcile::Weight::Progress;
    if (pause == milliseconds::zero()) return;
    if (waits && last_progress_ && now - *last_progress_ < pause) return;
    last_progress_ = now;
    Publication publication{};
    publication.topic = topics_.desired_state_feedback;
    publication.payload = encode(feedback, config_.domain);
    know_as_own(publication.payload);
    publication.progress_only = true;
    link_.publish(std::move(publication));
}

// An operation that stands where something is down must not stand there for ever, however often Berth is
// started anew meanwhile.
void Updates::wait_for_commands() {
    loop_.cancel(std::exchange(abandon_timer_, 0));
    if (!is_open() || operation_->running || config_.abandon_after == milliseconds::zero()) return;
    const milliseconds all = config_.abandon_after;
    const milliseconds passed{ms_since_boot() - moved_};
    const auto left = std::clamp(all - passed, std::min(kLeastPatience, all), all);
    abandon_timer_ = loop_.post_after(left, [this, number = operation_->number] {
        abandon_timer_ = 0;
        moved_ = ms_since_boot();  // where nothing is down it stays, and is looked at as late again
        on_event(reconcile::Abandoned{number});
    });
}

void Updates::restore(JournalRecord record) {
    stamps_.restore(latest_stamp(record));
    restored_stamp_ = stamps_.next();
    taken_ = taken_by_record_ = record.taken;
    accepted_.assign(record.accepted.begin(), record.accepted.end());
    commands_.assign(record.commands.begin(), record.commands.end());
    last_said_ = record.last_said;
    kept_waiting_ = record.waiting.size();
    for (const auto& payload : record.unsent)
        unsent_[++last_unsent_] = {payload, true};
    if (record.operation) {
        boot_before_ = record.boot_id;
        operation_ = std::move(record.operation);
        last_number_ = operation_->number;
        moved_ = record.moved_uptime;
        resumed_ = operation_->ended;
        if (!resumed_) log::info("activity '{}' was interrupted and goes on", operation_->activity_id);
    }
    const auto unsent_before = unsent_;  // what is acknowledged at once goes from the other
    for (const auto& [order, unsent] : unsent_before)
        publish(unsent.payload, order);
    settling_ = true;  // one record for all of them
    restore_waiting(record);
    settling_ = false;
    if (unkept_) keep_soon(*unkept_);
}

// Whoever commanded something before a reboot may have given up.
void Updates::restore_waiting(const JournalRecord& record) {
    const bool same_boot = record.boot_id == boot_id();
    for (const auto& message : record.waiting) {
        if (const auto* command = std::get_if<CommandMessage>(&message)) {
            if (same_boot) waiting_.emplace_back(*command);
            continue;
        }
        const auto& payload = std::get<std::string>(message);
        auto arrival = read_desired_state(payload, config_);
        if (arrival.desired)
            accept(*std::move(arrival.desired), payload);
        else  // this Berth is configured otherwise
            say_failed(arrival.activity_id.value_or(""), arrival.desired.error().message);
    }
}

void Updates::wait_for_recovery() {
    recovering_ = true;
}

void Updates::on_world_ready() {
    recovering_ = false;
    loop_.post([this] { work_off(); });
    if (std::exchange(resumed_, true)) return;
    const bool same_boot = boot_before_ == boot_id();
    const bool knows = same_boot && !boot_id().empty() && moved_ != 0 && moved_ <= ms_since_boot();
    if (!knows) moved_ = ms_since_boot();
    on_event(reconcile::Resumed{same_boot});
}

std::optional<std::string> Updates::open_activity() const {
    return is_open() ? std::optional(operation_->activity_id) : std::nullopt;
}

std::string Updates::unsettled() const {
    if (const auto open = open_activity())
        return "the update '" + *open + "' is open; ask again when it has ended";
    return recovering_ ? "the containers are being put in order; ask again soon" : std::string();
}

bool Updates::is_at_rest() const {
    return waiting_.empty() && !identifying_ && !settling_ && !recovering_ && resumed_ && !is_open();
}

bool Updates::concerns(const ContainerId& id) const {
    return is_open() && reconcile::hold_on(*operation_, id) != reconcile::Hold::Free;
}

bool Updates::moves(const ContainerId& id) const {
    return is_open() && reconcile::is_moving(*operation_, id);
}

Result<> Updates::may_change(const ContainerId& id) const {
    if (!is_open() || reconcile::hold_on(*operation_, id) != reconcile::Hold::Refused) return {};
    return fail(Errc::Conflict,
                "is part of the open update '" + operation_->activity_id + "'; try again when it has ended");
}

}  // namespace berth::service
