#include "service/planner.hpp"

#include <cstddef>
#include <utility>

#include "protocol/envelope.hpp"
#include "reconcile/preview.hpp"
#include "service/door.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

constexpr std::size_t kMostPlans = 16;  // waiting for an engine that does not answer
constexpr auto kTooManyPlans = "too many messages are waiting; send it again later";

}  // namespace

Planner::Planner(Link& link, World& world, Stamps& stamps, UpdateAgentConfig config,
                 const std::vector<std::string>& redact, OpenActivity open_activity)
    : link_(link),
      world_(world),
      stamps_(stamps),
      config_(std::move(config)),
      topics_(config_.domain),
      open_activity_(std::move(open_activity)) {
    if (config_.redact_env) redact_ = redact;
    world_.when_tried([this] { work_off(); });
}

std::vector<Route> Planner::routes() {
    Route question{};
    question.filter = topics_.desired_state_plan;
    question.handler = [this](const Message& message) { on_plan(message); };
    question.refused = [this](const Message& message) { on_refused(message); };
    return {std::move(question)};
}

void Planner::on_refused(const Message& message) {
    say_failed(peek(message.payload).activity_id.value_or(""), kTooManyPlans);
}

// A plan is a question: whoever asks gets an answer, if need be without an activity.
void Planner::on_plan(const Message& message) {
    if (message.retained) return;  // somebody's question of another day
    auto [activity_id, desired] = read_desired_state(message.payload, config_);
    if (!desired) return say_failed(activity_id.value_or(""), desired.error().message);
    if (waiting_.size() >= kMostPlans) return say_failed(desired->activity_id, kTooManyPlans);
    waiting_.push_back(std::move(*desired));
    work_off();
}

// The same look at the engine as an operation takes; several that wait share it.
void Planner::work_off() {
    if (waiting_.empty() || listing_ || !world_.tried()) return;
    if (!world_.ready())
        return answer_all(fail(Errc::Unavailable, "the engine does not answer: " + world_.trouble()));
    listing_ = true;
    world_.refresh([this](const Result<>& listed) {
        listing_ = false;
        answer_all(listed);
    });
}

void Planner::answer_all(const Result<>& listed) {
    for (const auto& desired : std::exchange(waiting_, {})) {
        if (!listed)
            say_failed(desired.activity_id, listed.error().message);
        else if (const auto refused = refusal_of(desired, world_.containers(), config_))
            say_failed(desired.activity_id, refused->message);
        else
            say(plan(desired));
    }
}

PlanResult Planner::plan(const DesiredState& desired) const {
    auto identified = reconcile::identify(desired, world_.containers(), pinned_for(desired, config_));
    if (const auto open = open_activity_())
        identified.notices.push_back("planned against what is there now, while the update '" + *open +
                                     "' is open");
    PlanResult result = reconcile::preview(identified, redact_);
    result.activity_id = desired.activity_id;
    return result;
}

void Planner::say_failed(const std::string& activity_id, const std::string& message) {
    PlanResult failed{};
    failed.activity_id = activity_id;
    failed.status = Word::IdentificationFailed;
    failed.message = message;
    say(std::move(failed));
}

void Planner::say(PlanResult result) {
    result.timestamp = stamps_.next();
    log::info("activity '{}': plan: {}, actions: {}{}{}", result.activity_id, to_string(result.status),
              result.actions.size(), result.message.empty() ? "" : ": ", result.message);
    Publication publication{};
    publication.topic = topics_.desired_state_plan_result;
    publication.payload = encode(result, config_.domain);
    publication.importance = Importance::CurrentState;
    link_.publish(std::move(publication));
}

}  // namespace berth::service
