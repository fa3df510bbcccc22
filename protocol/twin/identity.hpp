// Who this device is in the cloud, and every topic of the twin, whole and greppable. Refuses names that would
// make a topic that nobody can use.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace berth::twin {

inline constexpr std::string_view kEdgeRequest = "edge/thing/request";
inline constexpr std::string_view kEdgeResponse = "edge/thing/response";
// Commands of every thing; only that of the present one is ever subscribed.
inline constexpr std::string_view kCommands = "command//+/req/#";
inline constexpr std::string_view kAnswers = "command//";  // what their topics begin with

struct Device {  // what a connector says of us
    std::string device_id{};
    std::string tenant_id{};  // may be empty
    std::string policy_id{};  // tells changes apart, is never sent
    bool operator==(const Device&) const = default;
};

// Invalid: no JSON object, wrong types, or an id of which no topic can be made.
Result<Device> decode_edge_response(std::string_view text);
std::string encode_edge_request();

enum class TopicForm { Namespace, Tenant };  // what stands before the thing's name

struct Thing {
    std::string id{};              // <deviceId>:edge:containers
    std::string topic_prefix{};    // of Ditto topics: <namespace>/<name>
    std::string namespace_form{};  // the same in the form that is always understood
    std::string event_topic{};     // e/<tenant>/<id>
    std::string command_filter{};  // command//<id>/req/#
    bool operator==(const Thing&) const = default;
};

Thing thing_of(const Device& device, TopicForm form = TopicForm::Namespace);

struct CommandTopic {  // command//<thing>/req/<request>/<subject>
    std::string thing_id{};
    std::string request_id{};  // empty: nobody waits for an answer
    std::string subject{};     // says nothing: the operation is in the envelope
    bool operator==(const CommandTopic&) const = default;
};

std::optional<CommandTopic> parse_command_topic(std::string_view topic);
std::string response_topic(const CommandTopic& request, int status);

}  // namespace berth::twin
