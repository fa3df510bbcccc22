#include "test/bench/twin_client.hpp"

#include <chrono>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace berth::bench {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kTwinPatience{120};
constexpr std::chrono::milliseconds kTryAgain{200};
constexpr std::chrono::milliseconds kQuiet{100};

constexpr auto kWhoAreYou = "edge/thing/request";
constexpr auto kYouAre = "edge/thing/response";

}  // namespace

TwinClient::TwinClient(int broker_port, std::string name)
    : name_(std::move(name)), mqtt_(broker_port, name_) {
    mqtt_.subscribe(kWhoAreYou);
    mqtt_.subscribe("command//+/res/#");
}

// A command before berthd has subscribed is lost: one that changes nothing is sent until it is answered.
void TwinClient::await_commands() {
    mqtt_.publish(kYouAre, words_.edge_response());
    const auto deadline = Clock::now() + kTwinPatience;
    while (Clock::now() < deadline) {
        const auto request = send("Nothing", "look");
        const auto until = Clock::now() + kTryAgain;
        while (const auto message = next(until))
            if (answer_topic(message->topic).request == request) return;
    }
    throw std::runtime_error("no command is taken");
}

void TwinClient::follow() {
    mqtt_.subscribe(words_.event_topic());
}

std::optional<Arrival> TwinClient::next(Clock::time_point deadline) {
    while (auto message = mqtt_.next(deadline)) {
        if (message->topic != kWhoAreYou) {
            if (watcher_) watcher_(*message);
            return message;
        }
        mqtt_.publish(kYouAre, words_.edge_response());
    }
    return std::nullopt;
}

void TwinClient::drain() {
    while (next(Clock::now() + kQuiet)) {
    }
}

std::string TwinClient::send(const std::string& feature, const std::string& operation, const json& value) {
    auto request = name_ + "-" + std::to_string(++last_request_);
    mqtt_.publish(words_.command_topic(request, operation),
                  words_.command(feature, operation, request, value));
    return request;
}

json TwinClient::ask(const std::string& feature, const std::string& operation, const json& value) {
    const auto request = send(feature, operation, value);
    const auto deadline = Clock::now() + kTwinPatience;
    while (const auto message = next(deadline)) {
        const auto topic = answer_topic(message->topic);
        if (topic.request != request) continue;
        if (topic.status != "200" && topic.status != "204")
            throw std::runtime_error(operation + " was answered " + message->payload);
        const auto answer = json::parse(message->payload);
        return answer.value("value", json());
    }
    throw std::runtime_error(operation + " was not answered");
}

std::string TwinClient::make(const std::string& name) {
    return ask("ContainerFactory", "createWithConfig",
               {{"imageRef", "berth-test/sleeper:1"}, {"name", name}, {"start", true}});
}

AnswerTopic answer_topic(const std::string& topic) {  // command//<thing>/res/<request>/<status>
    constexpr std::string_view kMark = "/res/";
    const auto mark = topic.find(kMark);
    const auto last = topic.rfind('/');
    if (!topic.starts_with("command//") || mark == std::string::npos || last < mark + kMark.size()) return {};
    const auto begin = mark + kMark.size();
    return {topic.substr(begin, last - begin), topic.substr(last + 1)};
}

}  // namespace berth::bench
