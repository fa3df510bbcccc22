#include "service/updates.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "service/clock.hpp"
#include "service/ids.hpp"

namespace berth::service {
namespace {

constexpr auto kWaitsForCommands =
    "waiting for commands because the message has a timestamp (update_agent.apply_mode = \"hybrid\"); send "
    "DOWNLOAD, "
    "or leave the timestamp out to apply at once";

}  // namespace

Updates::Updates(Loop& loop, Link& link, World& world, Steps& steps, InventoryReporter& inventory,
                 UpdateAgentConfig config)
    : loop_(loop),
      link_(link),
      world_(world),
      steps_(steps),
      inventory_(inventory),
      config_(std::move(config)),
      topics_(config_.domain) {}

void Updates::identify(DesiredState desired) {
    spdlog::info("activity '{}': desired state with {} components", desired.activity_id,
                 desired.components.size());
    say_identifying(desired.activity_id);
    if (!world_.ready())
        return say_failed(desired.activity_id, "the engine does not answer: " + world_.trouble());
    identifying_ = std::move(desired);
    inventory_.hold();
    world_.refresh(
        [this](const Result<>& listed) { on_listed(*std::exchange(identifying_, std::nullopt), listed); });
}

void Updates::on_listed(const DesiredState& desired, const Result<>& listed) {
    if (!listed) {
        inventory_.release();
        say_failed(desired.activity_id, listed.error().message);
        return work_off();
    }
    auto identified = reconcile::begin(desired, world_.containers(), how(desired));
    for (const auto& action : identified.next.actions)
        spdlog::info("activity '{}': {}: {}", desired.activity_id, action.name, action.message);
    settle(std::move(identified));
}

reconcile::Identification Updates::how(const DesiredState& desired) {
    reconcile::Identification how{};
    how.number = ++last_number_;
    how.domain = config_.domain;
    how.parallel = static_cast<unsigned>(config_.parallel);
    how.pinned.insert(config_.system_containers.begin(), config_.system_containers.end());
    if (desired.system_containers) how.pinned = *desired.system_containers;
    how.new_id = [] { return random_uuid(); };
    const bool hybrid = config_.apply_mode == ApplyMode::Hybrid;
    const bool by_itself = config_.apply_mode == ApplyMode::Auto || (hybrid && desired.timestamp == 0);
    how.drive = by_itself ? reconcile::Drive::Itself : reconcile::Drive::WaitsForCommands;
    how.grace = by_itself && config_.standalone_grace > milliseconds::zero();
    if (hybrid && !by_itself) {
        how.notice = kWaitsForCommands;
        spdlog::info("activity '{}': {}", desired.activity_id, how.notice);
    }
    return how;
}

void Updates::on_event(const reconcile::Event& event) {
    if (!is_open()) return;
    settle(reconcile::advance(std::move(*operation_), event));
}

// The one place where an operation moves: first the new state, then what is to be done.
void Updates::settle(reconcile::Advance advance) {
    operation_ = std::move(advance.next);
    if (operation_->running)
        inventory_.hold();
    else
        inventory_.release();
    for (const auto& effect : advance.effects)
        perform(effect);
    loop_.post([this] { work_off(); });
}

void Updates::perform(const reconcile::Effect& effect) {
    if (const auto* send = std::get_if<reconcile::Send>(&effect))
        return say(send->feedback, send->progress_only);
    if (const auto* step = std::get_if<reconcile::Run>(&effect)) return run(*step);
    if (std::holds_alternative<reconcile::CancelRunning>(effect)) return steps_.cancel_pulls();
    const auto& grace = std::get<reconcile::StartGrace>(effect);
    loop_.post_after(config_.standalone_grace,
                     [this, grace] { on_event(reconcile::GraceOver{grace.operation}); });
}

void Updates::run(const reconcile::Run& step) {
    const auto operation = step.operation;
    const auto index = step.index;
    steps_.run(
        step,
        [this, operation, index](int percent) {
            on_event(reconcile::PullProgressed{operation, index, percent});
        },
        [this, operation, index](std::optional<Error> error) {
            on_event(reconcile::StepDone{operation, index, std::move(error)});
        });
}

void Updates::say(Feedback feedback, bool progress_only) {
    if (progress_only) {
        const auto now = std::chrono::steady_clock::now();
        if (config_.feedback_interval == milliseconds::zero() ||
            now - last_progress_ < config_.feedback_interval)
            return;
        last_progress_ = now;
    }
    last_stamp_ = feedback.timestamp =
        std::max(unix_ms(), last_stamp_);  // never falls, whatever the clock does
    if (!progress_only)
        spdlog::info("activity '{}': {}{}{}", feedback.activity_id, to_string(feedback.status),
                     feedback.message.empty() ? "" : ": ", feedback.message);
    Publication publication{};
    publication.topic = topics_.desired_state_feedback;
    publication.payload = encode(feedback, config_.domain);
    publication.progress_only = progress_only;
    link_.publish(std::move(publication));
    if (!progress_only) last_said_ = std::move(feedback);
}

void Updates::say_identifying(const std::string& activity_id) {
    Feedback identifying{};
    identifying.activity_id = activity_id;
    identifying.status = Word::Identifying;
    say(std::move(identifying));
}

void Updates::say_failed(const std::string& activity_id, const std::string& message) {
    Feedback failed{};
    failed.activity_id = activity_id;
    failed.status = Word::IdentificationFailed;
    failed.message = message;
    say(std::move(failed));
}

}  // namespace berth::service
