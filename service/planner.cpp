#include "service/planner.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <stop_token>
#include <utility>

#include "protocol/envelope.hpp"
#include "protocol/forms.hpp"
#include "reconcile/preview.hpp"
#include "service/admission.hpp"
#include "service/door.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

constexpr std::size_t kMostPlans = 16;           // waiting for an engine that does not answer, or for sizes
constexpr std::chrono::seconds kSizesLimit{20};  // what is not known by then is unknown
constexpr auto kTurn = ":plan";

}  // namespace

Planner::Planner(const Parts& parts, PlannerConfig config, Asked asked)
    : parts_(parts),
      config_(std::move(config)),
      topics_(config_.update_agent.domain),
      asked_(std::move(asked)) {
    if (!config_.update_agent.redact_env) config_.redact.clear();
    parts_.world.when_tried([this] { work_off(); });
}

std::vector<Route> Planner::routes() {
    Route question{};
    question.filter = topics_.desired_state_plan;
    question.handler = [this](const Message& message) { on_plan(message); };
    question.refused = [this](const Message& message) { on_refused(message); };
    return {std::move(question)};
}

void Planner::on_refused(const Message& message) {
    say_failed(peek(message.payload).activity_id.value_or(""), why_not_read(message));
}

// A plan is a question: whoever asks gets an answer, if need be without an activity.
void Planner::on_plan(const Message& message) {
    if (message.retained) return;  // somebody's question of another day
    auto [activity_id, desired] = read_desired_state(message.payload, config_.update_agent);
    if (!desired) return say_failed(activity_id.value_or(""), desired.error().message);
    if (waiting_.size() + measuring_ >= kMostPlans) return say_failed(desired->activity_id, kTooManyMessages);
    waiting_.push_back(std::move(*desired));
    work_off();
}

// The same look at the engine as an operation takes; several that wait share it.
void Planner::work_off() {
    if (waiting_.empty() || listing_ || !parts_.world.tried()) return;
    if (!parts_.world.ready()) return answer_all(parts_.world.not_ready());
    listing_ = true;
    parts_.world.refresh([this](const Result<>& listed) {
        listing_ = false;
        answer_all(listed);
    });
}

void Planner::answer_all(const Result<>& listed) {
    for (const auto& desired : std::exchange(waiting_, {})) {
        if (!listed)
            say_failed(desired.activity_id, listed.error().message);
        else if (const auto may = asked_.may_accept(desired); !may)
            say_failed(desired.activity_id, may.error().message);
        else if (const auto refused = refusal_of(desired, parts_.world.containers(), config_.update_agent))
            say_failed(desired.activity_id, refused->message);
        else
            plan(desired);
    }
}

void Planner::plan(const DesiredState& desired) {
    auto identified =
        reconcile::identify(desired, parts_.world.containers(), pinned_for(desired, config_.update_agent));
    if (const auto open = asked_.open_activity())
        identified.notices.push_back("planned against what is there now, while the update '" + *open +
                                     "' is open");
    PlanResult result = reconcile::preview(identified, config_.redact);
    result.activity_id = desired.activity_id;
    measure(std::move(identified), std::move(result));
}

// One after the other, so that plans are answered in order and updates find a free worker.
void Planner::measure(reconcile::Identified identified, PlanResult result) {
    ++measuring_;
    parts_.workers.submit(
        Lane::Surveys, kTurn,
        [this, identified = std::move(identified), result = std::move(result)](std::stop_token stop) -> Task {
            runtime::Call call{};
            call.stop = std::move(stop);
            call.deadline = runtime::steady_clock::now() + kSizesLimit;
            auto images = reconcile::images_of(identified);
            const auto unqualified =
                config_.require_qualified
                    ? std::stable_partition(images.begin(), images.end(), is_qualified_image)
                    : images.end();
            const std::vector<std::string> asked(images.begin(), unqualified);
            auto found = survey(parts_.runtime, asked, config_.reserve_bytes, call, Depth::Tell);
            // Those are refused before anybody asks for them.
            for (auto image = unqualified; found && image != images.end(); ++image) {
                found->missing.insert(*image);
                found->unknown.emplace(*image, not_qualified(*image));
            }
            return [this, identified, result, found = std::move(found)] {
                on_measured(identified, result, found);
            };
        });
}

void Planner::on_measured(const reconcile::Identified& identified, PlanResult result,
                          const Result<reconcile::Survey>& found) {
    --measuring_;
    if (found)
        reconcile::tell_sizes(result, identified, *found);
    else
        log::info("activity '{}': planned without sizes: {}", result.activity_id, found.error().message);
    say(std::move(result));
}

void Planner::say_failed(const std::string& activity_id, const std::string& message) {
    PlanResult failed{};
    failed.activity_id = activity_id;
    failed.status = Word::IdentificationFailed;
    failed.message = message;
    say(std::move(failed));
}

void Planner::say(PlanResult result) {
    result.timestamp = parts_.stamps.next();
    log::info("activity '{}': plan: {}, actions: {}{}{}", result.activity_id, to_string(result.status),
              result.actions.size(), result.message.empty() ? "" : ": ", result.message);
    Publication publication{};
    publication.topic = topics_.desired_state_plan_result;
    publication.payload = encode(result, config_.update_agent.domain);
    publication.importance = Importance::CurrentState;
    parts_.link.publish(std::move(publication));
}

}  // namespace berth::service
