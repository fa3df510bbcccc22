// How the operation moves: the new state goes to the journal, then what it asks for is done.
#include <algorithm>
#include <utility>

#include "service/boot_id.hpp"
#include "service/log.hpp"
#include "service/updates.hpp"

namespace berth::service {
namespace {

constexpr milliseconds kLeastPatience{3'000};  // the broker may have kept commands for a Berth that starts

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

bool Updates::keeps_down(const ContainerId& id) const {
    return is_open() && reconcile::keeps_down(*operation_, id);
}

Result<> Updates::may_change(const ContainerId& id) const {
    if (!is_open() || reconcile::hold_on(*operation_, id) != reconcile::Hold::Refused) return {};
    return fail(Errc::Conflict,
                "is part of the open update '" + operation_->activity_id + "'; try again when it has ended");
}

}  // namespace berth::service
