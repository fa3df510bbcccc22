// T1: containers by commands of the twin and by a desired state. T2 and the rate of B10: how soon commands
// are answered.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "test/bench/correspondence.hpp"
#include "test/bench/moments.hpp"
#include "test/bench/operator.hpp"
#include "test/bench/twin_benches.hpp"
#include "test/bench/twin_client.hpp"

namespace berth::bench {
namespace {

constexpr int kContainers = 20;
constexpr int kRoundTrips = 200;
constexpr int kCommands = 2000;
constexpr int kUnderWay = 64;
constexpr double kMostCreateRatio = 1.3;
constexpr double kMostRoundTripMs = 2.0;
constexpr double kMostRateRatio = 2.0;  // of the times: at least half the rate

double ms_until_all_run(Bench& bench, std::int64_t begin_ns) {
    std::int64_t last = begin_ns;
    for (const auto& event : bench.events.await("start", kContainers))
        last = std::max(last, event.time_ns);
    return static_cast<double>(last - begin_ns) / 1e6;
}

double by_commands(Bench& bench, TwinClient& cloud) {
    bench.events.clear();
    const auto begin = unix_ns();
    for (int i = 1; i <= kContainers; ++i)
        cloud.send(
            "ContainerFactory", "createWithConfig",
            {{"imageRef", "berth-test/sleeper:1"}, {"name", fmt::format("new-{:02}", i)}, {"start", true}});
    const auto ms = ms_until_all_run(bench, begin);
    int answered = 0;
    const auto deadline = Clock::now() + std::chrono::seconds(60);
    while (answered < kContainers) {
        const auto message = cloud.next(deadline);
        if (!message) throw std::runtime_error(fmt::format("{} of the creates were answered", answered));
        const auto answer = answer_topic(message->topic);
        if (answer.request.empty()) continue;
        if (answer.status != "200") throw std::runtime_error("a create was answered " + message->payload);
        ++answered;
    }
    return ms;
}

double by_desired_state(Bench& bench, Operator& sender) {
    bench.events.clear();
    const auto begin = unix_ns();
    sender.apply(sleepers("new", kContainers));
    return ms_until_all_run(bench, begin);
}

// The next desired state removes them, whoever asked for them.
void compare_creates(Bench& bench, Operator& sender, TwinClient& cloud) {
    const auto trial = interleave("T1",
                                  {{"commands",
                                    [&] {
                                        const auto ms = by_commands(bench, cloud);
                                        sender.apply({});
                                        return ms;
                                    }},
                                   {"desired state",
                                    [&] {
                                        const auto ms = by_desired_state(bench, sender);
                                        sender.apply({});
                                        return ms;
                                    }}},
                                  bench.rounds);
    bench.report.row("T1", "createWithConfig, started / a desired state", kContainers, trial, 0, 1,
                     kMostCreateRatio);
}

void compare_round_trips(Bench& bench, Correspondence& commands) {
    using Peer = Correspondence::Peer;
    const auto trial =
        interleave("T2",
                   {{"berth", [&] { return commands.median_round_trip_ms(Peer::Berth, kRoundTrips); }},
                    {"echo", [&] { return commands.median_round_trip_ms(Peer::Echo, kRoundTrips); }}},
                   bench.rounds);
    const auto result = compare(trial, 0, 1);
    bench.report.row("T2", "command to answer, p50 / a process that returns it", kRoundTrips, trial, 0, 1,
                     {});
    bench.report.figure("T2", "command to answer, p50, in ms instead of a ratio", kRoundTrips,
                        fmt::format("{:.2f} ms", result.ours), fmt::format("{:.2f} ms", result.reference),
                        result.ours, kMostRoundTripMs);
}

void compare_rates(Bench& bench, Correspondence& commands) {
    using Peer = Correspondence::Peer;
    const auto trial =
        interleave("B10 rate",
                   {{"berth", [&] { return commands.ms_of(Peer::Berth, kCommands, kUnderWay); }},
                    {"echo", [&] { return commands.ms_of(Peer::Echo, kCommands, kUnderWay); }}},
                   bench.rounds);
    const auto result = compare(trial, 0, 1);
    bench.report.row("B10", "time for commands, 64 under way / returned", kCommands, trial, 0, 1,
                     kMostRateRatio);
    bench.report.note(fmt::format("B10: {:.0f} commands per second; {:.0f} by the process that returns them",
                                  kCommands * 1e3 / result.ours, kCommands * 1e3 / result.reference));
}

}  // namespace

void measure_commands(Bench& bench, const Wants& is_asked) {
    Operator sender(bench.lab, "twin");
    TwinClient cloud(bench.lab.broker_port());
    const Daemon daemon(bench.lab, bench.folder, {.name = "twin"});
    sender.await_ready();
    sender.apply({});
    cloud.await_commands();
    if (is_asked("T1")) compare_creates(bench, sender, cloud);
    if (!is_asked("T2") && !is_asked("B10")) return;
    {
        Correspondence commands(cloud, bench.lab.broker_port(), cloud.make("same"), "same");
        if (is_asked("T2")) compare_round_trips(bench, commands);
        if (is_asked("B10")) compare_rates(bench, commands);
    }
    sender.apply({});
}

}  // namespace berth::bench
