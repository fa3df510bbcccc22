// The daemon's view of MQTT: what is published and subscribed, without any client library in sight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::service {

struct Message {
    std::string topic{};
    std::string payload{};
    bool retained{};                 // delivered with the retain flag: an old message, not a new one
    bool duplicate{};                // delivered with the DUP flag
    std::size_t bytes_cut{};         // that the payload had behind what is left of it
    std::string response_topic{};    // MQTT 5
    std::string correlation_data{};  // MQTT 5
    std::uint64_t inbox_number{};    // of its file in the inbox folder; 0: it has none

    std::size_t bytes() const { return topic.size() + payload.size(); }
    std::size_t bytes_sent() const { return payload.size() + bytes_cut; }  // of the payload
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
    bool progress_only{};               // droppable: says nothing that a later message does not
    std::function<void()> delivered{};  // on the loop, once there is no use in sending it again; may be empty
    std::function<void()> refused{};    // instead of that, if nobody will ever take it; empty: delivered
    // Room was needed for others, or the broker refused this one; publishes nothing itself; may be empty.
    std::function<void()> dropped{};
    std::string
        newest_wins{};  // non-empty: replaces the waiting publication with this key, whatever its topic

    std::size_t bytes() const { return topic.size() + payload.size(); }
};

class Link {
 public:
    virtual ~Link() = default;
    // On the loop, like the next four; none of them blocks or throws.
    virtual void publish(Publication publication) = 0;
    // Besides the routes' own filters, with QoS 1, until the connection is lost or unsubscribe(). Of no
    // effect before all have been told that the connection is ready.
    virtual void subscribe(const std::string& filter) = 0;
    virtual void unsubscribe(const std::string& filter) = 0;  // also what a session of before has
    // What waits of this importance is not sent any more; nobody is told.
    virtual void withdraw(Importance importance) = 0;
    // The same of what waits on topics that begin so, in order: whoever asks may publish it again.
    virtual std::vector<Publication> take_back(std::string_view topic_begin) = 0;
    // Publications that nobody got, since the start: for want of room, or because the broker refused them.
    virtual std::uint64_t dropped(Importance importance) const = 0;
};

// What is in a file before the broker is told that we have it, where its sessions last (mqtt.session_expiry).
enum class Keep {
    No,
    UntilReboot,  // outlives the process
    Always        // and a power cut
};

struct Route {
    std::string filter{};  // MQTT topic filter; subscribed with QoS 1
    std::function<void(const Message&)> handler{};

    // Called instead of the handler when messages come faster than they are handled: answer with the
    // capability's own failure word. The payload is cut to kRefusedPayloadBytes: one that was too large in
    // any case can be told so. May be empty.
    std::function<void(const Message&)> refused{};

    bool on_demand{};  // only dispatched: its module subscribes what it wants of it
    Keep keep{Keep::No};
};

inline constexpr std::size_t kRefusedPayloadBytes = 4096;

}  // namespace berth::service
