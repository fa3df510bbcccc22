// A cloud with one thing: keeps the twin as Ditto would, from what the device says, and writes commands.
// Knows nothing of Berth's own codecs, and notes whatever no cloud could make sense of.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace berth::test {

struct CloudMessage {
    std::string topic{};
    std::string payload{};
};

struct CloudAnswer {
    std::string request{};
    int status{};
    nlohmann::json envelope{};
};

class Cloud {
 public:
    explicit Cloud(std::string device_id = "acme.fleet:gw:truck-7", std::string tenant = "acme");

    std::string edge_response() const;  // who the device is
    std::string event_topic() const { return "e/" + tenant_ + "/" + thing_; }
    std::string command_topic(const std::string& request, const std::string& operation) const;
    // A connector brings every command to the device's broker on the long topic, then on this one as well.
    std::string short_command_topic(const std::string& request, const std::string& operation) const;
    std::string command_filter() const { return "command//" + thing_ + "/req/#"; }
    // Without a value when it is null; the correlation id is the request's.
    std::string command(const std::string& feature, const std::string& operation, const std::string& request,
                        const nlohmann::json& value = nullptr) const;
    // With headers as given instead.
    std::string command_with(const std::string& feature, const std::string& operation,
                             const nlohmann::json& headers, const nlohmann::json& value = nullptr) const;

    void hear(const std::string& topic, const std::string& payload);
    // An event on the command topic for each change that was stored since this was last asked: who keeps the
    // twin tells of it whoever listens for commands, also the one who made it.
    std::vector<CloudMessage> take_echoes();

    const std::map<std::string, nlohmann::json>& features() const { return features_; }
    bool has(const std::string& feature) const { return features_.contains(feature); }
    nlohmann::json status(const std::string& feature) const;  // properties.status; null: none
    std::vector<std::string> containers() const;              // ids of the features Container:…

    // What was said since it was last asked, short: "+Container:x", "Container:x state RUNNING",
    // "-Container:x", "Container:x name nav", "SoftwareUpdatable lastOperation STARTED", "report".
    std::vector<std::string> take_said();
    const std::vector<std::string>& said() const { return said_; }
    const std::vector<nlohmann::json>& reports() const { return reports_; }
    const std::vector<nlohmann::json>& operations() const { return operations_; }  // of SoftwareUpdatable

    std::optional<CloudAnswer> answer(const std::string& request) const;
    std::size_t answers(const std::string& request) const;
    const std::vector<CloudAnswer>& all_answers() const { return answers_; }
    void forget_answers() { answers_.clear(); }
    const std::vector<std::string>& complaints() const { return complaints_; }

 private:
    void hear_event(const nlohmann::json& envelope);
    void hear_answer(const std::string& topic, const nlohmann::json& envelope);
    void modify(const std::string& path, const nlohmann::json& value);
    void echo(const std::string& action, const nlohmann::json& envelope);

    std::string tenant_;
    std::string thing_;
    std::string prefix_;  // of Ditto topics
    std::map<std::string, nlohmann::json> features_;
    std::vector<CloudMessage> echoes_;
    int revision_{0};
    std::vector<std::string> said_;
    std::vector<nlohmann::json> reports_;
    std::vector<nlohmann::json> operations_;
    std::vector<CloudAnswer> answers_;
    std::vector<std::string> complaints_;
};

}  // namespace berth::test
