#include "service/exporter.hpp"

#include <fmt/format.h>

#include <utility>

#include "protocol/envelope.hpp"
#include "protocol/export.hpp"
#include "service/log.hpp"

namespace berth::service {

Exporter::Exporter(Link& link, const World& world, Stamps& stamps, const UpdateAgentConfig& config,
                   const std::vector<std::string>& redact, Unsettled unsettled)
    : link_(link),
      world_(world),
      stamps_(stamps),
      domain_(config.domain),
      topics_(config.domain),
      system_containers_(config.system_containers.begin(), config.system_containers.end()),
      unsettled_(std::move(unsettled)) {
    if (config.redact_env) redact_ = redact;
}

std::vector<Route> Exporter::routes() {
    Route question{};
    question.filter = topics_.desired_state_export;
    question.handler = [this](const Message& message) { on_export(message); };
    return {std::move(question)};
}

// Without the engine's word there is no export: an empty one would remove everything. Nor is there one while
// containers change: what is half way is no state that anybody desired.
void Exporter::on_export(const Message& message) {
    if (message.retained) return;  // somebody's question of another day
    Export answer{};
    answer.message = world_.ready() ? unsettled_() : world_.not_ready().message;
    if (answer.message.empty()) answer = export_of(world_.containers(), system_containers_, redact_);
    answer.activity_id = decode_get(message.payload);
    answer.timestamp = stamps_.next();
    Publication publication{};
    publication.topic = topics_.desired_state_export_result;
    publication.payload = encode(answer, domain_);
    if (publication.payload.size() > kMaxMessageBytes) {
        answer.message = fmt::format("a desired state of {} bytes is too large; at most {} are accepted",
                                     publication.payload.size(), kMaxMessageBytes);
        publication.payload = encode(answer, domain_);
    }
    log::info("activity '{}': export: {}", answer.activity_id,
              answer.message.empty() ? fmt::format("components: {}, incomplete: {}", answer.components.size(),
                                                   answer.incomplete.size())
                                     : answer.message);
    publication.importance = Importance::CurrentState;
    publication.newest_wins = publication.topic + "/" + answer.activity_id;
    link_.publish(std::move(publication));
}

}  // namespace berth::service
