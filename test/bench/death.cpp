// B9: a container ends; how long until a subscriber of the twin knows.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "test/bench/moments.hpp"
#include "test/bench/operator.hpp"
#include "test/bench/twin_benches.hpp"
#include "test/bench/twin_client.hpp"

namespace berth::bench {
namespace {

constexpr int kDeaths = 10;  // of one round
constexpr double kMostMedianRatio = 5.0;
constexpr double kMostTailRatio = 50.0;
constexpr std::chrono::seconds kNewsPatience{60};
constexpr auto kBackAndForth = "bench/news";

// A message of as many bytes goes through the broker and is heard again.
Clock::time_point back_and_forth(TwinClient& cloud, std::size_t bytes) {
    cloud.mqtt().publish(kBackAndForth, std::string(bytes, 'x'));
    const auto deadline = Clock::now() + kNewsPatience;
    while (const auto message = cloud.next(deadline))
        if (message->topic == kBackAndForth) return message->time;
    throw std::runtime_error("the broker returns nothing");
}

// One container that ends and starts again by the engine's own calls.
class Mortal {
 public:
    Mortal(Bench& bench, TwinClient& cloud) : bench_(bench), cloud_(cloud), id_(cloud.make("mortal")) {
        const auto containers = bench.bare.list("death");
        if (containers.size() != 1) throw std::runtime_error("not one container, the mortal one");
        engine_id_ = containers.front();
        cloud_.follow();
        cloud_.drain();
    }

    double death_ms() {
        bench_.events.clear();
        auto stopping = std::async(std::launch::async, [this] { bench_.bare.stop(engine_id_); });
        const auto news = await_state("STOPPED");
        stopping.get();
        const auto died_ns = bench_.events.await("die", 1).front().time_ns;
        const auto ms = static_cast<double>(unix_ns(news.time) - died_ns) / 1e6;
        news_bytes_ = news.payload.size();
        auto starting = std::async(std::launch::async, [this] { bench_.bare.start(engine_id_); });
        await_state("RUNNING");
        starting.get();
        cloud_.drain();
        return ms;
    }

    std::size_t news_bytes() const { return news_bytes_; }

 private:
    Arrival await_state(const std::string& status) {
        const auto deadline = Clock::now() + kNewsPatience;
        const auto path = "/features/Container:" + id_ + "/properties/status/state";
        while (auto message = cloud_.next(deadline))
            if (message->payload.find(path) != std::string::npos &&
                message->payload.find('"' + status + '"') != std::string::npos)
                return *std::move(message);
        throw std::runtime_error("the twin never says " + status);
    }

    Bench& bench_;
    TwinClient& cloud_;
    std::string id_;
    std::string engine_id_{};
    std::size_t news_bytes_{350};
};

// The same without Berth: a client that hears of the end passes as many bytes on at once, knowing nothing of
// the container. Then it asks the engine how the container ended.
class BareMortal {
 public:
    BareMortal(Bench& bench, TwinClient& cloud)
        : bench_(bench),
          cloud_(cloud),
          id_(bench.bare.create("bench-mortal", container_body("berth-test/sleeper:1", kBerthNetwork))) {
        bench_.bare.start(id_);
    }
    ~BareMortal() { bench_.bare.remove(id_); }
    BareMortal(const BareMortal&) = delete;
    BareMortal& operator=(const BareMortal&) = delete;

    double death_ms(std::size_t news_bytes) {
        bench_.events.clear();
        auto stopping = std::async(std::launch::async, [this] { bench_.bare.stop(id_); });
        const auto died = bench_.events.await("die", 1).front();
        const auto since = [&died](std::int64_t moment_ns) {
            return static_cast<double>(moment_ns - died.time_ns) / 1e6;
        };
        const auto told_ms = since(unix_ns(back_and_forth(cloud_, news_bytes)));
        heard_ms_.push_back(since(died.arrived_ns));
        bench_.bare.inspect(id_);
        looked_ms_.push_back(since(unix_ns()));
        stopping.get();
        bench_.bare.start(id_);
        return told_ms;
    }
    const std::vector<double>& heard_ms() const { return heard_ms_; }
    const std::vector<double>& looked_ms() const { return looked_ms_; }

 private:
    Bench& bench_;
    TwinClient& cloud_;
    std::string id_;
    std::vector<double> heard_ms_{};
    std::vector<double> looked_ms_{};
};

// What the broker alone needs, while nothing happens.
double broker_ms(TwinClient& cloud, std::size_t bytes) {
    const auto begin = Clock::now();
    return std::chrono::duration<double, std::milli>(back_and_forth(cloud, bytes) - begin).count();
}

double at_quantile(std::vector<double> values, double part) {
    std::sort(values.begin(), values.end());
    const auto last = static_cast<double>(values.size() - 1);
    return values[static_cast<std::size_t>(std::lround(part * last))];
}

}  // namespace

void measure_deaths(Bench& bench) {
    Operator sender(bench.lab, "death");
    TwinClient cloud(bench.lab.broker_port());
    const Daemon daemon(bench.lab, bench.folder, {.name = "death"});
    sender.await_ready();
    sender.apply({});
    cloud.await_commands();
    {
        cloud.mqtt().subscribe(kBackAndForth);
        Mortal mortal(bench, cloud);
        BareMortal bare(bench, cloud);
        std::vector<double> deaths;
        std::vector<double> bare_deaths;
        std::vector<double> round_trips;
        const auto median_of = [](std::vector<double>& all, const std::function<double()>& one) {
            std::vector<double> few;
            for (int i = 0; i < kDeaths; ++i)
                few.push_back(one());
            all.insert(all.end(), few.begin(), few.end());
            return median(std::move(few));
        };
        const auto trial = interleave(
            "B9",
            {{"twin", [&] { return median_of(deaths, [&] { return mortal.death_ms(); }); }},
             {"broker",
              [&] { return median_of(round_trips, [&] { return broker_ms(cloud, mortal.news_bytes()); }); }},
             {"bare",
              [&] { return median_of(bare_deaths, [&] { return bare.death_ms(mortal.news_bytes()); }); }}},
            bench.rounds);
        bench.report.row("B9", "die to the twin's news, p50 / broker round trip", kDeaths, trial, 0, 1,
                         kMostMedianRatio);
        bench.report.row("B9", "die to the twin's news / to a bare client's", kDeaths, trial, 0, 2, {});
        const auto tail = at_quantile(deaths, 0.99);
        const auto least = median(round_trips);
        bench.report.figure("B9", "die to the twin's news, p99 / round trip, p50",
                            static_cast<int>(deaths.size()), fmt::format("{:.2f} ms", tail),
                            fmt::format("{:.2f} ms", least), tail / least, kMostTailRatio);
        bench.report.note(
            fmt::format("B9: p50 {:.2f} ms from the engine's die event, p99 {:.2f} ms; round trip {:.2f} ms; "
                        "bare: the event "
                        "is heard after {:.2f} ms, passed on after {:.2f} ms, p99 {:.2f} ms, the container "
                        "looked at after "
                        "{:.2f} ms",
                        median(deaths), tail, least, median(bare.heard_ms()), median(bare_deaths),
                        at_quantile(bare_deaths, 0.99), median(bare.looked_ms())));
    }
    sender.apply({});
}

}  // namespace berth::bench
