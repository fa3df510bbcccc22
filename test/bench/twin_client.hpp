// A cloud and its connector: tells berthd who it is, sends commands of the twin and hears what comes back.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "test/bench/mqtt.hpp"
#include "test/support/cloud.hpp"

namespace berth::bench {

class TwinClient {
 public:
    // The name is its client id, and the beginning of its requests.
    explicit TwinClient(int broker_port, std::string name = "bench-cloud");

    void on_message(std::function<void(const Arrival&)> watcher) { watcher_ = std::move(watcher); }

    void await_commands();  // until berthd takes them; then it has shown all
    void follow();          // hears what the device shows, from now on

    // The next message; a question who the device is is answered and not handed on.
    std::optional<Arrival> next(Clock::time_point deadline);
    void drain();  // until nothing more comes

    std::string send(const std::string& feature, const std::string& operation,
                     const nlohmann::json& value = nullptr);  // the request
    // Sends and waits for the answer; its value, null when it has none. Throws unless it is 200 or 204.
    nlohmann::json ask(const std::string& feature, const std::string& operation,
                       const nlohmann::json& value = nullptr);
    std::string make(const std::string& name);  // a container that runs; its id

    Mqtt& mqtt() { return mqtt_; }
    const test::Cloud& words() const { return words_; }

 private:
    test::Cloud words_{};
    std::string name_;
    Mqtt mqtt_;
    std::function<void(const Arrival&)> watcher_{};  // of all that next() hands on
    int last_request_{0};
};

// Of an answer's topic; empty: it is none.
struct AnswerTopic {
    std::string request{};
    std::string status{};
};
AnswerTopic answer_topic(const std::string& topic);

}  // namespace berth::bench
