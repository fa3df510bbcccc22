// A small MQTT 3.1.1 client, so that the benches measure Berth and the broker and not a client library: one
// thread, no delay of small packets, an arrival time for each message. QoS 1, no TLS, no reconnect.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>

namespace berth::bench {

using Clock = std::chrono::steady_clock;

struct Arrival {
    std::string topic{};
    std::string payload{};
    Clock::time_point time{};
    bool retained{};  // of an earlier time
};

class Mqtt {
 public:
    Mqtt(int port, const std::string& client_id);  // on loopback; throws when there is no broker
    ~Mqtt();
    Mqtt(const Mqtt&) = delete;
    Mqtt& operator=(const Mqtt&) = delete;

    void subscribe(const std::string& filter);  // returns when it is acknowledged
    void publish(const std::string& topic, const std::string& payload);
    std::optional<Arrival> next(Clock::time_point deadline);

 private:
    struct Packet {
        int type{};
        int flags{};
        std::string body{};
    };

    void send_packet(int first_byte, const std::string& body) const;
    std::optional<Packet> read_packet(Clock::time_point deadline);
    std::optional<Packet> take_packet();
    void await(int type);
    Arrival arrival_of(const Packet& packet) const;

    int fd_;
    int last_id_{0};
    std::string received_{};
    std::deque<Arrival> early_{};
};

}  // namespace berth::bench
