// A broker that misbehaves on request, for what a real one does not show: old versions of MQTT, silence. One
// connection at a time, QoS up to 1, no delivery to subscribers.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace berth::test {

class FakeBroker {
 public:
    enum class Answer {
        Accept,
        RefuseOldCode,    // CONNACK of 3.1.1 with return code 1
        RefuseNewReason,  // CONNACK of 5 with reason 132
        Close,            // without a word
        Silence           // accepts the TCP connection, reads, never answers
    };
    struct Behaviour {
        Answer to_version_5{Answer::Accept};
        Answer to_version_311{Answer::Accept};
        std::string refused_filter{};  // a subscription to it is refused
        bool acknowledge_subscriptions{true};
        bool acknowledge_publications{true};
        std::string last_publication{};     // after this one the connection is closed
        std::string no_room_for{};          // the first publication of this is refused: quota exceeded
        std::size_t largest_publication{};  // a larger one ends the connection with reason 149; 0: none does
    };

    explicit FakeBroker(const Behaviour& behaviour);
    ~FakeBroker();
    FakeBroker(const FakeBroker&) = delete;
    FakeBroker& operator=(const FakeBroker&) = delete;

    std::string url() const;
    std::vector<int> connects() const;              // protocol level of every CONNECT, in order
    std::vector<std::string> client_ids() const;    // the same
    std::vector<int> connect_flags() const;         // the same: of MQTT, such as 2 for a clean session
    std::vector<std::string> publications() const;  // payloads
    std::size_t subscribes() const;                 // SUBSCRIBE packets
    std::vector<int> subscribed_qos() const;        // of every filter in them, in order
    void throw_out(int reason);                     // DISCONNECT of MQTT 5, then the connection is closed
    void acknowledge_subscriptions();               // now, also the one that waits
    void fall_silent();  // keeps the connections, reads and answers nothing any more

 private:
    struct Packet {
        int type{};
        int flags{};
        std::string body{};
    };

    void serve();
    void serve_connection(int fd);
    bool read_packet(int fd, Packet& packet) const;
    bool handle(int fd, const Packet& packet);
    bool handle_connect(int fd, const Packet& packet);
    void handle_subscribe(int fd, const Packet& packet);
    bool handle_publish(int fd, const Packet& packet);

    Behaviour behaviour_;
    int listener_;
    int port_;
    int level_{0};  // of the connection being served, like the next two
    int client_{-1};
    std::string waiting_suback_{};
    mutable std::mutex mutex_;
    std::vector<int> connects_;
    std::vector<std::string> client_ids_;
    std::vector<int> connect_flags_;
    std::vector<int> subscribed_qos_;
    std::vector<std::string> publications_;
    std::size_t subscribes_{0};
    std::atomic<bool> silent_{false};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace berth::test
