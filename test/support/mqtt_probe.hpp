// Somebody on the broker who talks to Berth's update agent and notes all it says: mosquitto_pub and
// mosquitto_sub, so that no code of Berth stands on both ends of the wire.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

#include "test/support/broker.hpp"

namespace berth::test {

struct ActionSaid {
    std::string component{};  // "containers:web"
    std::string version{};
    std::string status{};
    std::string message{};
    int progress{};
};

struct FeedbackSaid {
    std::string activity{};
    std::int64_t timestamp{};
    std::string baseline{};
    std::string status{};
    std::string message{};
    std::vector<ActionSaid> actions{};
    bool retained{};

    const ActionSaid& action(const std::string& name) const;  // bare; throws when there is none
};

struct Node {
    std::string id{};
    std::string version{};
    std::string type{};
    std::vector<std::pair<std::string, std::string>> parameters{};

    std::string value(const std::string& key) const;  // the first; empty when there is none
    bool operator==(const Node&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Node& node);

struct InventorySaid {
    std::string activity{};
    std::int64_t timestamp{};
    std::vector<Node> nodes{};
    std::vector<std::pair<std::string, std::string>> associations{};
    bool retained{};

    const Node* find(const std::string& name) const;  // bare, a container; null when there is none
    const Node& node(const std::string& name) const;  // throws then
    std::vector<std::string> names() const;           // of the containers, bare, in the order sent
};

class MqttProbe {
 public:
    // Notes from now on; `more` are further arguments of mosquitto_sub.
    explicit MqttProbe(const Broker& broker, const std::vector<std::string>& more = {});

    void desire(const std::string& payload) const { publish("desiredstate", payload); }
    void command(const std::string& activity, const std::string& word,
                 const std::string& baseline = {}) const;
    void get(const std::string& activity) const;
    // Any topic under containersupdate/; `more` are further arguments of mosquitto_pub, such as -r.
    void publish(const std::string& topic, const std::string& payload,
                 const std::vector<std::string>& more = {}) const;

    // All of an activity so far, or of all activities.
    std::vector<FeedbackSaid> feedback(const std::string& activity);
    std::vector<FeedbackSaid> feedback();
    // The same as people read it: "DOWNLOADING web:DOWNLOADING db:IDENTIFIED".
    std::vector<std::string> lines(const std::string& activity);
    std::vector<InventorySaid> inventories();

    // Waits; throws with all that the activity said when it is late, or has ended in another word.
    FeedbackSaid await(const std::string& activity, const std::string& status);
    FeedbackSaid await(const std::string& activity, const std::function<bool(const FeedbackSaid&)>& wanted,
                       const std::string& what);
    // The first inventory for which it is so, beginning with number `from`.
    InventorySaid await_inventory(const std::function<bool(const InventorySaid&)>& wanted,
                                  std::size_t from = 0);
    InventorySaid ask(const std::string& activity);  // a get and its answer

 private:
    void look();

    const Broker& broker_;
    Subscriber subscriber_;
    std::size_t decoded_{};
    std::vector<FeedbackSaid> feedback_{};
    std::vector<InventorySaid> inventories_{};
};

}  // namespace berth::test
