// The daemon's view of MQTT: what is published and subscribed, without any client library in sight.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace berth::service {

struct Message {
    std::string topic{};
    std::string payload{};
    bool retained{};                 // delivered with the retain flag: an old message, not a new one
    bool duplicate{};                // delivered with the DUP flag
    std::string response_topic{};    // MQTT 5
    std::string correlation_data{};  // MQTT 5
};

// Order of importance when there is more to say than the broker takes.
enum class Importance {
    Feedback,      // ordered, never dropped before progress-only messages
    CurrentState,  // the newest wins
    Twin,
    Metrics
};

struct Publication {
    std::string topic{};
    std::string payload{};
    int qos{1};
    bool retain{};
    Importance importance{Importance::Feedback};
    bool progress_only{};       // droppable: says nothing that a later message does not
    std::string newest_wins{};  // non-empty: an older waiting publication with this key is replaced
};

class Link {
 public:
    virtual ~Link() = default;
    virtual void publish(Publication publication) = 0;  // on the loop; never blocks, never throws
};

struct Route {
    std::string filter{};  // MQTT topic filter
    std::function<void(const Message&)> handler{};
};

}  // namespace berth::service
