// B1 and B2: how long it takes until all of N new containers run.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "test/bench/benches.hpp"
#include "test/bench/operator.hpp"

namespace berth::bench {
namespace {

constexpr int kWidth = 4;
constexpr int kWide = 8;

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

double ms_until_last(const std::vector<Happened>& events, std::int64_t begin_ns) {
    std::int64_t last = begin_ns;
    for (const auto& event : events)
        last = std::max(last, event.time_ns);
    return static_cast<double>(last - begin_ns) / 1e6;
}

// N times create and start, `width` of them at once, each on a thread of its own with its own connection.
void create_and_start(const Bare& bare, const std::string& body, int count, int width) {
    std::atomic<int> next{0};
    std::exception_ptr failed;
    std::mutex mutex;
    const auto work = [&] {
        try {
            for (int i = next++; i < count; i = next++)
                bare.start(bare.create(fmt::format("bare-{}", i), body));
        } catch (...) {
            const std::lock_guard lock(mutex);
            failed = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> others;
        for (int i = 1; i < std::min(width, count); ++i)
            others.emplace_back(work);
        work();
    }
    if (failed) std::rethrow_exception(failed);
}

void remove_bare(const Bare& bare) {
    for (const auto& id : bare.list({}))
        bare.remove(id);
}

Variant bare_loop(Bench& bench, int count, int width) {
    return {width == 1 ? "one by one" : fmt::format("bare {}", width), [&bench, count, width] {
                const auto body = container_body("berth-test/sleeper:1", kBareNetwork);
                bench.events.clear();
                const auto begin = now_ns();
                create_and_start(bench.bare, body, count, width);
                const auto ms =
                    ms_until_last(bench.events.await("start", static_cast<std::size_t>(count)), begin);
                remove_bare(bench.bare);
                return ms;
            }};
}

Variant berth(Bench& bench, Operator& sender, int count, int width) {
    return {fmt::format("berth {}", width), [&bench, &sender, count] {
                bench.events.clear();
                const auto applied = sender.apply(sleepers("new", count));
                const auto begin = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                       applied.published_at.time_since_epoch())
                                       .count();
                const auto ms =
                    ms_until_last(bench.events.await("start", static_cast<std::size_t>(count)), begin);
                sender.apply({});
                return ms;
            }};
}

struct Station {  // a daemon and its operator
    Station(Bench& bench, const std::string& name, int parallel)
        : sender(bench.lab, name),
          daemon(std::make_unique<Daemon>(bench.lab, bench.folder,
                                          DaemonOptions{.name = name, .parallel = parallel})) {
        sender.await_ready();
    }
    Operator sender;
    std::unique_ptr<Daemon> daemon;
};

}  // namespace

void measure_deployments(Bench& bench, bool one_to_one, bool parallel_gain) {
    Station four(bench, "four", kWidth);
    if (!bench.bare.has_network(kBareNetwork)) bench.bare.make_network_like(kBerthNetwork, kBareNetwork);
    if (one_to_one) {
        for (const int count : {1, 8}) {
            const auto trial = interleave(
                fmt::format("B1 N={}", count),
                {berth(bench, four.sender, count, kWidth), bare_loop(bench, count, kWidth)}, bench.rounds);
            bench.report.row("B1", "deploy, width 4 / bare loop of that width", count, trial, 0, 1,
                             count == 1 ? std::optional(1.15) : std::nullopt);
        }
    }
    constexpr int kMany = 20;
    std::vector<Variant> variants = {berth(bench, four.sender, kMany, kWidth)};
    if (one_to_one) variants.push_back(bare_loop(bench, kMany, kWidth));
    std::unique_ptr<Station> eight;
    if (parallel_gain) {
        eight = std::make_unique<Station>(bench, "eight", kWide);
        variants.push_back(bare_loop(bench, kMany, 1));
        variants.push_back(berth(bench, eight->sender, kMany, kWide));
    }
    const auto trial = interleave("B1, B2 N=20", variants, bench.rounds);
    const std::size_t sequential = one_to_one ? 2 : 1;
    if (one_to_one)
        bench.report.row("B1", "deploy, width 4 / bare loop of that width", kMany, trial, 0, 1, 1.05);
    if (!parallel_gain) return;
    bench.report.row("B2", "deploy, width 4 / bare calls one by one", kMany, trial, 0, sequential, 0.8);
    bench.report.row("B2", "deploy, width 8 / bare calls one by one", kMany, trial, sequential + 1,
                     sequential, 0.65);
}

}  // namespace berth::bench
