#include "test/e2e/messages.hpp"

#include <nlohmann/json.hpp>

namespace berth::test {

using nlohmann::json;

std::string desired_state(const std::string& activity, const std::vector<Component>& components,
                          const Extra& extra) {
    const auto pair = [](const std::string& key, const std::string& value) {
        return json{{"key", key}, {"value", value}};
    };
    json domain = {{"id", "containers"}, {"components", json::array()}};
    if (extra.system_containers)
        domain["config"] = json::array({pair("systemContainers", *extra.system_containers)});
    for (const auto& component : components) {
        json config = json::array();
        if (!component.image.empty()) config.push_back(pair("image", component.image));
        for (const auto& [key, value] : component.keys)
            config.push_back(pair(key, value));
        domain["components"].push_back(
            {{"id", component.id}, {"version", component.version}, {"config", config}});
    }
    json message = {{"activityId", activity}, {"payload", {{"domains", json::array({domain})}}}};
    if (extra.timestamp != 0) message["timestamp"] = extra.timestamp;
    return message.dump();
}

}  // namespace berth::test
