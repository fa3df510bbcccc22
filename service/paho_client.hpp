// One MQTT connection, from connect to its end, through Eclipse Paho; the only place, with its bell, that
// knows Paho. It never retries, never resubscribes and keeps no message: that is the link's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "protocol/result.hpp"
#include "service/broker_address.hpp"
#include "service/config.hpp"
#include "service/connect_policy.hpp"
#include "service/link.hpp"

namespace berth::service {

struct Connected {};
struct ConnectFailed {
    int code{};            // of CONNACK; 0 or less: there was none
    bool closed{};         // the broker hung up instead of an answer
    std::string detail{};  // the library's words
};
struct Subscribed {            // SUBACK
    std::vector<int> codes{};  // one a filter, in order; kReasonFailure and more: refused
};
struct Lost {
    int reason{};  // of the broker's DISCONNECT; 0: it sent none
};
struct Delivered {
    std::uint64_t id{};
};
struct NotDelivered {
    std::uint64_t id{};
    int reason{};  // of PUBACK, at least kReasonFailure; 0: the connection, not the broker
};
using ClientEvent = std::variant<Connected, ConnectFailed, Subscribed, Lost, Delivered, NotDelivered>;

class PahoClient {
 public:
    struct Handlers {  // called on Paho's threads; they must not block or call the client
        std::function<void(ClientEvent)> on_event{};
        std::function<void(Message)> on_message{};
    };

    static Result<std::unique_ptr<PahoClient>> make(const BrokerAddress& address,
                                                    const std::string& client_id, MqttVersion version,
                                                    const MqttConfig& config, Handlers handlers);
    ~PahoClient();  // blocks: up to a second for Paho's threads, longer while a name look-up hangs
    PahoClient(const PahoClient&) = delete;
    PahoClient& operator=(const PahoClient&) = delete;

    // The answers come as events, of connect Connected or ConnectFailed. An Error means that there will be
    // none.
    Result<> connect();
    Result<> subscribe(const std::vector<std::string>& filters);
    Result<> unsubscribe(const std::vector<std::string>& filters);  // nobody waits for the answer
    Result<> publish(std::uint64_t id,
                     const Publication& publication);  // Busy or Unavailable: try again later

    // What was asked for and is not answered for long may not have been noticed: PahoBell.
    void ring();

    // Unsubscribes and disconnects, as far as the deadline and the time-outs of the configuration allow.
    // Blocks. False: the broker did not answer.
    bool say_goodbye(const std::vector<std::string>& filters, std::chrono::steady_clock::time_point deadline);

 private:
    class Session;
    explicit PahoClient(std::unique_ptr<Session> session);

    std::unique_ptr<Session> session_;
};

}  // namespace berth::service
