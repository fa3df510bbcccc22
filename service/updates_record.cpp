// What the journal knows of it: the records as they are written, and the one that is read at the start.
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

// Progress, the ends of checks and inventories are said without a record, and stamps go with the wall clock,
// which may have been set back since. In the same run of the machine they got no further than time did.
std::int64_t latest_stamp(const JournalRecord& record) {
    constexpr std::int64_t kRounded = 2;
    const auto passed = ms_since_boot() - record.stamp_uptime;
    const bool same_run = !boot_id().empty() && record.stamp_boot_id == boot_id() && passed >= 0;
    return record.last_stamp + (same_run ? passed + kRounded : kSaidAfterRecord.count());
}

}  // namespace

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

}  // namespace berth::service
