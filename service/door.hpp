// The door for desired states, whatever is done with them: looked at before a tree is built of them, decoded,
// and held against what is there. Answers nobody.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/desired_state.hpp"
#include "protocol/result.hpp"
#include "service/config.hpp"
#include "service/link.hpp"

namespace berth::service {

inline constexpr auto kTooManyMessages = "too many messages are waiting; send it again later";

// What a sender is told whose message cannot even wait: there are too many, or it alone is too large.
std::string why_not_read(const Message& message);

struct Arrival {
    std::optional<std::string> activity_id{};  // absent: refused before one was found
    Result<DesiredState> desired;
};

Arrival read_desired_state(std::string_view payload, const UpdateAgentConfig& config);

// The system containers for this message: it may bring its own list.
std::set<std::string> pinned_for(const DesiredState& desired, const UpdateAgentConfig& config);

// Of one that was read: nothing, or why it cannot be carried out where these containers are.
std::optional<Error> refusal_of(const DesiredState& desired, const std::vector<Container>& current,
                                const UpdateAgentConfig& config);

}  // namespace berth::service
