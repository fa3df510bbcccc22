// When to try the broker again and with which version of MQTT. Pure: chance and time are arguments.
#pragma once

#include <chrono>
#include <deque>
#include <string_view>

namespace berth::service {

enum class MqttVersion : int { V311 = 4, V5 = 5 };  // the numbers of the wire

std::string_view to_string(MqttVersion version);  // "3.1.1", "5"

class ConnectPolicy {
 public:
    enum class Failure {
        Unreachable,     // no TCP or TLS connection, or no answer in time
        VersionRefused,  // the broker says that it does not speak this version
        Closed,          // the broker hung up on CONNECT without a word: perhaps the version
        Refused          // for another reason: credentials, client id, ...
    };

    // "auto" begins with 5 and changes over when the version is, or may be, what the broker dislikes;
    // what was accepted stays. "5" and "3.1.1" never change.
    explicit ConnectPolicy(std::string_view version);

    MqttVersion version() const { return version_; }  // of the next attempt

    // How long to wait before the next attempt: 1 s doubling to 30 s, each a quarter shorter or longer by
    // `chance` (0 to 1); nothing when only the version has to change.
    std::chrono::milliseconds on_failed(Failure failure, double chance);
    void on_connected();
    std::chrono::milliseconds on_lost(std::chrono::milliseconds lived, double chance);

    // Somebody else has connected with our client id. True with the third time within a minute: the two would
    // throw each other out for ever.
    bool on_taken_over(std::chrono::steady_clock::time_point now);

    // Several connections in a row were lost at once: somebody else connects with our client id, or the
    // broker throws us out.
    bool keeps_losing() const { return short_lives_ >= 3; }

 private:
    std::chrono::milliseconds back_off(double chance);

    bool may_change_;
    MqttVersion version_;
    int attempts_{0};
    int short_lives_{0};
    std::deque<std::chrono::steady_clock::time_point> taken_over_{};
};

}  // namespace berth::service
