#include "test/support/mqtt_probe.hpp"

#include <algorithm>
#include <optional>
#include <ostream>
#include <set>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "test/support/wait.hpp"

namespace berth::test {
namespace {

using nlohmann::json;

const std::string kPrefix = "containersupdate/";
const std::string kDomain = "containers:";
// Engines take their time to start containers while everything else is busy, too.
constexpr std::chrono::seconds kLongPatience{60};

std::string text(const json& object, const char* key) {
    const auto at = object.find(key);
    return at == object.end() ? std::string() : at->get<std::string>();
}

std::string bare(const std::string& id) {
    return id.starts_with(kDomain) ? id.substr(kDomain.size()) : id;
}

// The envelope has exactly these members; anything else is no message of Berth's.
json payload_of(const json& message) {
    if (message.size() != 3) throw std::runtime_error("not the envelope: " + message.dump());
    return message.at("payload");
}

FeedbackSaid feedback_of(const json& message, bool retained) {
    const json payload = payload_of(message);
    FeedbackSaid said{message.at("activityId"),
                      message.at("timestamp"),
                      text(payload, "baseline"),
                      payload.at("status"),
                      text(payload, "message"),
                      {},
                      retained};
    if (!payload.contains("actions")) return said;
    for (const auto& action : payload.at("actions"))
        said.actions.push_back({action.at("component").at("id"), text(action.at("component"), "version"),
                                action.at("status"), text(action, "message"), action.value("progress", 0)});
    return said;
}

InventorySaid inventory_of(const json& message, bool retained) {
    const json payload = payload_of(message);
    InventorySaid said{message.at("activityId"), message.at("timestamp"), {}, {}, retained};
    for (const auto& one : payload.at("softwareNodes")) {
        Node node{one.at("id"), one.at("version"), one.at("type"), {}};
        for (const auto& pair : one.at("parameters"))
            node.parameters.emplace_back(pair.at("key"), text(pair, "value"));
        said.nodes.push_back(std::move(node));
    }
    if (!payload.contains("associations")) return said;
    for (const auto& one : payload.at("associations"))
        said.associations.emplace_back(one.at("sourceId"), one.at("targetId"));
    return said;
}

std::string line_of(const FeedbackSaid& said) {
    std::string line = said.status;
    if (!said.baseline.empty()) line += " [" + said.baseline + "]";
    for (const auto& action : said.actions)
        line += " " + bare(action.component) + ":" + action.status;
    return line;
}

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

bool is_end(const std::string& status) {
    static const std::set<std::string> kEnds = {"COMPLETED", "INCOMPLETE", "IDENTIFICATION_FAILED",
                                                "SUPERSEDED"};
    return kEnds.contains(status);
}

}  // namespace

const ActionSaid& FeedbackSaid::action(const std::string& name) const {
    const auto at = std::find_if(actions.begin(), actions.end(),
                                 [&](const auto& one) { return one.component == kDomain + name; });
    if (at == actions.end()) throw std::runtime_error("no action for " + name + " in " + line_of(*this));
    return *at;
}

std::string Node::value(const std::string& key) const {
    const auto at = std::find_if(parameters.begin(), parameters.end(),
                                 [&](const auto& pair) { return pair.first == key; });
    return at == parameters.end() ? std::string() : at->second;
}

std::ostream& operator<<(std::ostream& out, const Node& node) {
    out << node.id << ' ' << node.version;
    for (const auto& [key, value] : node.parameters)
        out << ' ' << key << '=' << value;
    return out;
}

const Node* InventorySaid::find(const std::string& name) const {
    const auto at =
        std::find_if(nodes.begin(), nodes.end(), [&](const auto& node) { return node.id == kDomain + name; });
    return at == nodes.end() ? nullptr : &*at;
}

const Node& InventorySaid::node(const std::string& name) const {
    if (const Node* found = find(name)) return *found;
    throw std::runtime_error("no " + name + " in the inventory of '" + activity + "'");
}

std::vector<std::string> InventorySaid::names() const {
    std::vector<std::string> all;
    for (const auto& node : nodes)
        if (node.type == "CONTAINER") all.push_back(bare(node.id));
    return all;
}

// With the retain flag as it was published, not as the broker sets it on delivery.
MqttProbe::MqttProbe(const Broker& broker, const std::vector<std::string>& more)
    : broker_(broker),
      subscriber_(broker, kPrefix + "desiredstatefeedback",
                  with({"-V", "5", "--retain-as-published", "-t", kPrefix + "currentstate"}, more)) {}

void MqttProbe::publish(const std::string& topic, const std::string& payload,
                        const std::vector<std::string>& more) const {
    broker_.publish(kPrefix + topic, payload, more);
}

void MqttProbe::command(const std::string& activity, const std::string& word,
                        const std::string& baseline) const {
    json payload = {{"command", word}};
    if (!baseline.empty()) payload["baseline"] = baseline;
    publish("desiredstate/command",
            json{{"activityId", activity}, {"timestamp", 1}, {"payload", payload}}.dump());
}

void MqttProbe::get(const std::string& activity) const {
    publish("currentstate/get", json{{"activityId", activity}, {"timestamp", 1}}.dump());
}

void MqttProbe::look() {
    const auto received = subscriber_.received();
    for (; decoded_ < received.size(); ++decoded_) {
        const auto& message = received[decoded_];
        if (message.topic.ends_with("feedback"))
            feedback_.push_back(feedback_of(json::parse(message.payload), message.retained));
        else
            inventories_.push_back(inventory_of(json::parse(message.payload), message.retained));
    }
}

std::vector<FeedbackSaid> MqttProbe::feedback() {
    look();
    return feedback_;
}

std::vector<FeedbackSaid> MqttProbe::feedback(const std::string& activity) {
    auto all = feedback();
    std::erase_if(all, [&](const auto& said) { return said.activity != activity; });
    return all;
}

std::vector<std::string> MqttProbe::lines(const std::string& activity) {
    std::vector<std::string> all;
    for (const auto& said : feedback(activity))
        all.push_back(line_of(said));
    return all;
}

std::vector<InventorySaid> MqttProbe::inventories() {
    look();
    return inventories_;
}

FeedbackSaid MqttProbe::await(const std::string& activity, const std::string& status) {
    return await(activity, [&](const auto& said) { return said.status == status; }, status);
}

FeedbackSaid MqttProbe::await(const std::string& activity,
                              const std::function<bool(const FeedbackSaid&)>& wanted,
                              const std::string& what) {
    std::optional<FeedbackSaid> found;
    eventually(
        [&] {
            const auto all = feedback(activity);
            if (const auto at = std::find_if(all.begin(), all.end(), wanted); at != all.end()) found = *at;
            return found || (!all.empty() && is_end(all.back().status));
        },
        kLongPatience);
    if (found) return *found;
    std::string said = "activity '" + activity + "' never was " + what + "; it said:";
    for (const auto& one : feedback(activity)) {
        said += "\n  " + line_of(one) + "  " + one.message;
        for (const auto& action : one.actions)
            if (action.status.ends_with("FAILURE")) said += "\n    " + action.message;
    }
    throw std::runtime_error(said);
}

InventorySaid MqttProbe::await_inventory(const std::function<bool(const InventorySaid&)>& wanted,
                                         std::size_t from) {
    std::optional<InventorySaid> found;
    eventually(
        [&] {
            look();
            const auto begin =
                inventories_.begin() + static_cast<std::ptrdiff_t>(std::min(from, inventories_.size()));
            if (const auto at = std::find_if(begin, inventories_.end(), wanted); at != inventories_.end())
                found = *at;
            return found.has_value();
        },
        kLongPatience);
    if (found) return *found;
    std::string said = "no inventory is as expected; there were:";
    for (const auto& one : inventories_) {
        said += "\n  '" + one.activity + "'";
        for (const auto& node : one.nodes)
            said += " " + node.id + "=" + node.version + " " + node.value("status");
    }
    throw std::runtime_error(said);
}

InventorySaid MqttProbe::ask(const std::string& activity) {
    get(activity);
    return await_inventory([&](const auto& said) { return said.activity == activity; });
}

}  // namespace berth::test
