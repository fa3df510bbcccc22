#include "service/door.hpp"

#include "protocol/envelope.hpp"
#include "protocol/json_text.hpp"
#include "reconcile/side_by_side.hpp"

namespace berth::service {

std::string why_not_read(const Message& message) {
    const auto bytes = message.bytes_sent();
    return bytes > kMaxMessageBytes ? too_large(bytes, kMaxMessageBytes).message : kTooManyMessages;
}

Arrival read_desired_state(std::string_view payload, const UpdateAgentConfig& config) {
    const Peek first_look = peek(payload);
    if (first_look.refused) return {first_look.activity_id, *first_look.refused};
    const auto strictness = config.strict_config ? Strictness::Strict : Strictness::Lenient;
    return {first_look.activity_id.value_or(""), decode_desired_state(payload, config.domain, strictness)};
}

std::set<std::string> pinned_for(const DesiredState& desired, const UpdateAgentConfig& config) {
    if (desired.system_containers) return *desired.system_containers;
    return {config.system_containers.begin(), config.system_containers.end()};
}

std::optional<Error> refusal_of(const DesiredState& desired, const std::vector<Container>& current,
                                const UpdateAgentConfig& config) {
    return reconcile::refusal(desired, current, pinned_for(desired, config));
}

}  // namespace berth::service
