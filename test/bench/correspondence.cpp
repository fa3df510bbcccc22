#include "test/bench/correspondence.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

#include "test/bench/trial.hpp"

namespace berth::bench {
namespace {

constexpr std::chrono::seconds kAnswerPatience{30};
constexpr auto kEchoIn = "bench/echo";
constexpr auto kEchoOut = "bench/echoed";

std::vector<std::string> echo_command(int broker_port) {
    return {BERTH_BENCH_ECHO, std::to_string(broker_port), kEchoIn, kEchoOut};
}

double ms_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

}  // namespace

Correspondence::Correspondence(TwinClient& cloud, int broker_port, const std::string& id, std::string name)
    : cloud_(cloud), feature_("Container:" + id), name_(std::move(name)), echo_(echo_command(broker_port)) {
    cloud_.mqtt().subscribe(kEchoOut);
}

// Both get the same payload, written in the same way.
void Correspondence::send(Peer peer, int number) {
    const auto request = "same-" + std::to_string(number);
    const auto payload = cloud_.words().command(feature_, "rename", request, name_);
    cloud_.mqtt().publish(
        peer == Peer::Echo ? std::string(kEchoIn) : cloud_.words().command_topic(request, "rename"), payload);
}

void Correspondence::await_answer(Peer peer) {
    const auto deadline = Clock::now() + kAnswerPatience;
    while (const auto message = cloud_.next(deadline)) {
        if (peer == Peer::Echo && message->topic == kEchoOut) return;
        const auto answer = answer_topic(message->topic);
        if (peer == Peer::Echo || answer.request.empty()) continue;
        if (answer.status != "204") throw std::runtime_error("a rename was answered " + message->payload);
        return;
    }
    throw std::runtime_error("a command was not answered");
}

double Correspondence::ms_of(Peer peer, int count, int under_way) {
    const auto begin = Clock::now();
    for (int i = 0; i < std::min(under_way, count); ++i)
        send(peer, i);
    for (int answered = 0; answered < count; ++answered) {
        await_answer(peer);
        if (answered + under_way < count) send(peer, answered + under_way);
    }
    return ms_since(begin);
}

double Correspondence::median_round_trip_ms(Peer peer, int count) {
    std::vector<double> all;
    for (int i = 0; i < count; ++i)
        all.push_back(ms_of(peer, 1, 1));
    return median(std::move(all));
}

}  // namespace berth::bench
