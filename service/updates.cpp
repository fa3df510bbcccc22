#include "service/updates.hpp"

#include <utility>

#include "service/door.hpp"
#include "service/ids.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

constexpr auto kWaitsForCommands =
    "waiting for commands because the message has a timestamp (update_agent.apply_mode = \"hybrid\"); send "
    "DOWNLOAD, or leave the timestamp out to apply at once";

}  // namespace

Updates::Updates(Loop& loop, Link& link, World& world, Steps& steps, InventoryReporter& inventory,
                 Journal& journal, Stamps& stamps, UpdateAgentConfig config)
    : loop_(loop),
      link_(link),
      world_(world),
      steps_(steps),
      inventory_(inventory),
      journal_(journal),
      stamps_(stamps),
      config_(std::move(config)),
      topics_(config_.domain) {
    world_.when_tried([this] { work_off(); });
}

void Updates::identify(DesiredState desired) {
    log::info("activity '{}': desired state, components: {}", desired.activity_id, desired.components.size());
    say_identifying(desired.activity_id);
    if (!world_.ready()) return say_failed(desired.activity_id, world_.not_ready().message);
    identifying_ = std::move(desired);
    inventory_.hold();
    const auto look = [this] {
        world_.refresh([this](const Result<>& listed) {
            on_listed(*std::exchange(identifying_, std::nullopt), listed);
        });
    };
    if (!clear_first_) return look();
    // As behind an open operation: its sender thinks that it has been delivered.
    if (clear_first_(look)) keep_soon(Flush::Now);
}

void Updates::on_listed(const DesiredState& desired, const Result<>& listed) {
    if (!listed) {
        inventory_.release();
        say_failed(desired.activity_id, listed.error().message);
        return work_off();
    }
    if (const auto refused = why_not(desired)) {
        inventory_.release();
        say_failed(desired.activity_id, refused->message);
        return work_off();
    }
    take_up(desired, how(desired));
}

// The room may have gone since it came, or could not be judged before the engine had answered.
std::optional<Error> Updates::why_not(const DesiredState& desired) const {
    if (const auto may = may_accept(desired); !may) return may.error();
    return refusal_of(desired, world_.containers(), config_);
}

void Updates::take_up(const DesiredState& desired, const reconcile::Identification& identification) {
    const auto accepted_before = accepted_;
    remember_accepted(desired.digest);
    auto identified = reconcile::begin(desired, world_.containers(), identification);
    // Accepted means on disk: without a record the message is refused and nothing has happened.
    auto previous = std::exchange(operation_, std::nullopt);
    const auto said_before = last_unsent_;
    settle(std::move(identified), [this, activity = desired.activity_id, previous, said_before,
                                   last_said = last_said_, accepted_before](const Error& error) {
        operation_ = previous;
        last_said_ = last_said;
        accepted_ = accepted_before;
        std::erase_if(unsent_, [said_before](const auto& one) {
            return one.first > said_before && one.second.of_operation;
        });
        inventory_.release();
        say_failed(activity, error.message);
    });
}

reconcile::Identification Updates::how(const DesiredState& desired) {
    reconcile::Identification how{};
    how.number = ++last_number_;
    how.domain = config_.domain;
    how.parallel = static_cast<unsigned>(config_.parallel);
    how.pinned = pinned_for(desired, config_);
    how.new_id = [] { return random_uuid(); };
    const bool hybrid = config_.apply_mode == ApplyMode::Hybrid;
    const bool by_itself = config_.apply_mode == ApplyMode::Auto || (hybrid && desired.timestamp == 0);
    how.drive = by_itself ? reconcile::Drive::Itself : reconcile::Drive::WaitsForCommands;
    how.grace = hybrid && by_itself && config_.standalone_grace > milliseconds::zero();
    if (hybrid && !by_itself) how.notice = kWaitsForCommands;
    return how;
}

void Updates::on_event(const reconcile::Event& event) {
    if (!is_open()) return;
    settle(reconcile::advance(std::move(*operation_), event));
}

void Updates::say_identifying(const std::string& activity_id) {
    Feedback identifying{};
    identifying.activity_id = activity_id;
    identifying.status = Word::Identifying;
    say(std::move(identifying));
}

// Nothing waits for its record: unlike a step, an answer can be given before it is on disk. IDENTIFYING goes
// with the record of what follows it.
void Updates::say(Feedback feedback) {
    const bool more_follows = feedback.status == Word::Identifying;
    const auto order = ++last_unsent_;
    const auto payload = stamped(std::move(feedback));
    unsent_[order] = {payload, false};
    bound_unsent();
    journal_.after_pending([this, payload, order] { publish(payload, order); });
    if (!more_follows) keep_soon();
}

void Updates::say_failed(const std::string& activity_id, const std::string& message) {
    Feedback failed{};
    failed.activity_id = activity_id;
    failed.status = Word::IdentificationFailed;
    failed.message = message;
    say(std::move(failed));
}

}  // namespace berth::service
