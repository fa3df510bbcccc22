#include "test/support/cloud.hpp"

#include <algorithm>
#include <utility>

namespace berth::test {

using nlohmann::json;

namespace {

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    for (std::size_t end = 0; end != std::string::npos; begin = end + 1) {
        end = text.find('/', begin);
        parts.push_back(text.substr(begin, end - begin));
    }
    return parts;
}

}  // namespace

Cloud::Cloud(std::string device_id, std::string tenant)
    : tenant_(std::move(tenant)), thing_(device_id + ":edge:containers") {
    const auto colon = thing_.find(':');
    prefix_ = thing_.substr(0, colon) + "/" + thing_.substr(colon + 1);
}

std::string Cloud::edge_response() const {
    const auto device = thing_.substr(0, thing_.size() - std::string(":edge:containers").size());
    return json({{"deviceId", device}, {"tenantId", tenant_}, {"policyId", device}}).dump();
}

std::string Cloud::command_topic(const std::string& request, const std::string& operation) const {
    return "command//" + thing_ + "/req/" + request + "/" + operation;
}

std::string Cloud::short_command_topic(const std::string& request, const std::string& operation) const {
    return "c//" + thing_ + "/q/" + request + "/" + operation;
}

std::string Cloud::command(const std::string& feature, const std::string& operation,
                           const std::string& request, const json& value) const {
    json headers = {{"correlation-id", request}, {"response-required", true}};
    if (!value.is_null()) headers["content-type"] = "application/json";
    return command_with(feature, operation, headers, value);
}

std::string Cloud::command_with(const std::string& feature, const std::string& operation, const json& headers,
                                const json& value) const {
    json envelope = {{"topic", prefix_ + "/things/live/messages/" + operation},
                     {"headers", headers},
                     {"path", "/features/" + feature + "/inbox/messages/" + operation}};
    if (!value.is_null()) envelope["value"] = value;
    return envelope.dump();
}

void Cloud::hear(const std::string& topic, const std::string& payload) {
    const bool is_answer = topic.starts_with("command//" + thing_ + "/res/");
    if (!is_answer && topic != event_topic()) return;
    const json envelope = json::parse(payload, nullptr, false);
    if (is_answer) return hear_answer(topic, envelope);
    if (!envelope.is_object()) return complaints_.push_back("not JSON: " + payload);
    hear_event(envelope);
}

void Cloud::hear_event(const json& envelope) {
    const auto topic = envelope.value("topic", "");
    const auto path = envelope.value("path", "");
    if (!topic.starts_with(prefix_ + "/things/")) return complaints_.push_back("another thing: " + topic);
    const auto kind = topic.substr(prefix_.size() + std::string("/things/").size());
    if (kind == "live/messages/data") {
        reports_.push_back(envelope["value"]);
        return said_.push_back("report");
    }
    if (envelope["headers"] != json({{"response-required", false}}))
        complaints_.push_back("headers of a twin command: " + envelope["headers"].dump());
    const auto parts = split(path);  // "", features, <id>, properties, status, <name>
    if (parts.size() < 3 || parts[1] != "features") return complaints_.push_back("path " + path);
    if (kind == "twin/commands/delete") {
        if (features_.erase(parts[2]) == 0)
            complaints_.push_back("deleted, but never seen: " + parts[2]);
        else
            echo("deleted", envelope);
        return said_.push_back("-" + parts[2]);
    }
    if (kind != "twin/commands/modify") return complaints_.push_back("topic " + topic);
    echo(features_.contains(parts[2]) ? "modified" : "created", envelope);
    modify(path, envelope["value"]);
}

void Cloud::echo(const std::string& action, const json& envelope) {
    json event = {{"topic", prefix_ + "/things/twin/events/" + action},
                  {"headers", {{"response-required", false}}},
                  {"path", envelope["path"]},
                  {"revision", ++revision_},
                  {"timestamp", "2026-01-01T00:00:00Z"}};
    if (envelope.contains("value")) {
        event["headers"]["content-type"] = "application/vnd.eclipse.ditto+json";
        event["value"] = envelope["value"];
    }
    echoes_.push_back({"command//" + thing_ + "/req//" + action, event.dump()});
}

std::vector<CloudMessage> Cloud::take_echoes() {
    return std::exchange(echoes_, {});
}

void Cloud::modify(const std::string& path, const json& value) {
    const auto parts = split(path);
    const auto& feature = parts[2];
    if (parts.size() == 3) {
        if (!value.contains("definition")) complaints_.push_back("feature without definition: " + feature);
        features_[feature] = value;
        return said_.push_back("+" + feature);
    }
    if (parts.size() != 6) return complaints_.push_back("path " + path);
    if (!features_.contains(feature)) complaints_.push_back("property of an unknown feature: " + path);
    features_[feature]["properties"]["status"][parts[5]] = value;
    auto words = feature + " " + parts[5];
    if (value.is_object() && value.contains("status")) words += " " + value["status"].get<std::string>();
    if (value.is_string()) words += " " + value.get<std::string>();
    if (parts[5] == "lastOperation" || parts[5] == "lastFailedOperation") operations_.push_back(value);
    said_.push_back(words);
}

void Cloud::hear_answer(const std::string& topic, const json& envelope) {
    const auto parts = split(topic);  // command, "", thing, res, request, status
    if (parts.size() != 6) return complaints_.push_back("answer on " + topic);
    CloudAnswer answer{parts[4], std::stoi(parts[5]), envelope};
    if (envelope.value("status", 0) != answer.status) complaints_.push_back("status of " + envelope.dump());
    if (envelope["headers"].contains("response-required"))
        complaints_.push_back("answer that asks: " + topic);
    answers_.push_back(std::move(answer));
}

json Cloud::status(const std::string& feature) const {
    const auto found = features_.find(feature);
    if (found == features_.end() || !found->second.contains("properties")) return nullptr;
    return found->second["properties"]["status"];
}

std::vector<std::string> Cloud::containers() const {
    std::vector<std::string> ids;
    for (const auto& [feature, value] : features_)
        if (feature.starts_with("Container:")) ids.push_back(feature.substr(10));
    return ids;
}

std::vector<std::string> Cloud::take_said() {
    return std::exchange(said_, {});
}

std::optional<CloudAnswer> Cloud::answer(const std::string& request) const {
    const auto found = std::find_if(answers_.begin(), answers_.end(),
                                    [&](const CloudAnswer& answer) { return answer.request == request; });
    return found == answers_.end() ? std::nullopt : std::optional(*found);
}

std::size_t Cloud::answers(const std::string& request) const {
    return static_cast<std::size_t>(
        std::count_if(answers_.begin(), answers_.end(),
                      [&](const CloudAnswer& answer) { return answer.request == request; }));
}

}  // namespace berth::test
