#include "protocol/twin/identity.hpp"

#include <algorithm>

#include "protocol/fields.hpp"
#include "protocol/json_text.hpp"

namespace berth::twin {
namespace {

constexpr std::string_view kSuffix = ":edge:containers";
constexpr std::string_view kCommandStart = "command//";
constexpr std::size_t kMostIdBytes = 4096;  // a topic has 65535, also for what stands around them

// Brokers close the connection over control characters and what Unicode has no characters for.
bool is_for_a_broker(std::string_view utf8) {
    const auto at = [utf8](std::size_t i) {
        return i < utf8.size() ? static_cast<unsigned char>(utf8[i]) : 0U;
    };
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        const bool control = at(i) < 0x20 || at(i) == 0x7f || (at(i) == 0xc2 && at(i + 1) < 0xa0);
        const bool unassigned = at(i) == 0xef && at(i + 1) == 0xb7 && at(i + 2) >= 0x90 && at(i + 2) <= 0xaf;
        const bool last_two =
            (at(i) & 0x0fU) == 0x0f && at(i + 1) == 0xbf && at(i + 2) >= 0xbe;  // of a plane
        if (control || unassigned || last_two) return false;
    }
    return true;
}

bool fits_a_topic(std::string_view text) {
    return text.find_first_of("/+#") == text.npos && is_for_a_broker(text);
}

void check_id(const Fields& fields, std::string_view name, const std::string& id) {
    if (!fits_a_topic(id)) fields.problem(name, "has a /, +, # or control character" + value_note(id));
    if (id.size() > kMostIdBytes)
        fields.problem(name, "is too long; at most " + std::to_string(kMostIdBytes) + " bytes are accepted");
}

void check_ids(const Fields& fields, const Device& device) {
    const auto colon = device.device_id.find(':');
    const bool two_parts = colon != std::string::npos && colon > 0 && colon + 1 < device.device_id.size();
    if (!two_parts) fields.problem("deviceId", "expected <namespace>:<name>" + value_note(device.device_id));
    check_id(fields, "deviceId", device.device_id);
    check_id(fields, "tenantId", device.tenant_id);
}

}  // namespace

Result<Device> decode_edge_response(std::string_view text) {
    const auto root = parse_exact(text);
    if (!root) return fail(root.error(), "edge response");
    Problems problems;
    const Fields fields(&*root, "$", problems);
    Device device{fields.text("deviceId"), fields.text("tenantId"), fields.text("policyId")};
    if (problems.empty()) check_ids(fields, device);
    if (!problems.empty()) return fail(problems.error(), "edge response");
    return device;
}

std::string encode_edge_request() {
    return print(OrderedJson{{"topic", ""}, {"headers", nullptr}, {"path", ""}});
}

Thing thing_of(const Device& device, TopicForm form) {
    Thing thing;
    thing.id = device.device_id + std::string(kSuffix);
    const auto colon = thing.id.find(':');
    const auto name = thing.id.substr(colon + 1);
    thing.namespace_form = thing.id.substr(0, colon) + "/" + name;
    const bool tenant = form == TopicForm::Tenant;
    thing.topic_prefix = tenant ? device.tenant_id + "/" + name : thing.namespace_form;
    thing.event_topic = "e/" + device.tenant_id + "/" + (tenant ? name : thing.id);
    thing.command_filter = "command//" + thing.id + "/req/#";
    return thing;
}

std::optional<CommandTopic> parse_command_topic(std::string_view topic) {
    if (!topic.starts_with(kCommandStart)) return std::nullopt;
    topic.remove_prefix(kCommandStart.size());
    const auto thing_end = topic.find('/');
    if (thing_end == topic.npos || thing_end == 0) return std::nullopt;
    const auto thing = topic.substr(0, thing_end);
    topic.remove_prefix(thing_end + 1);
    if (!topic.starts_with("req/")) return std::nullopt;
    topic.remove_prefix(4);
    const auto request_end = topic.find('/');
    if (request_end == topic.npos) return std::nullopt;
    const auto subject = topic.substr(request_end + 1);
    if (subject.empty() || subject.find('/') != subject.npos) return std::nullopt;
    return CommandTopic{std::string(thing), std::string(topic.substr(0, request_end)), std::string(subject)};
}

std::string response_topic(const CommandTopic& request, int status) {
    return "command//" + request.thing_id + "/res/" + request.request_id + "/" + std::to_string(status);
}

}  // namespace berth::twin
