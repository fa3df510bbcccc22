// B9: a container ends; how long until a subscriber of the twin knows.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
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

// One container that ends and starts again by the engine's own calls.
class Mortal {
 public:
    Mortal(Bench& bench, TwinClient& cloud) : bench_(bench), cloud_(cloud), id_(cloud.make("mortal")) {
        const auto containers = bench.bare.list("death");
        if (containers.size() != 1) throw std::runtime_error("not one container, the mortal one");
        engine_id_ = containers.front();
        cloud_.mqtt().subscribe(kBackAndForth);
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

    // What the broker alone needs for as many bytes.
    double broker_ms() {
        const std::string payload(news_bytes_, 'x');
        const auto begin = Clock::now();
        cloud_.mqtt().publish(kBackAndForth, payload);
        while (const auto message = cloud_.next(begin + kNewsPatience))
            if (message->topic == kBackAndForth)
                return std::chrono::duration<double, std::milli>(message->time - begin).count();
        throw std::runtime_error("the broker returns nothing");
    }

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

// The same without Berth: whoever wants to know how a container ended hears of it and asks the engine.
class BareMortal {
 public:
    explicit BareMortal(Bench& bench)
        : bench_(bench),
          id_(bench.bare.create("bench-mortal", container_body("berth-test/sleeper:1", kBerthNetwork))) {
        bench_.bare.start(id_);
    }
    ~BareMortal() { bench_.bare.remove(id_); }
    BareMortal(const BareMortal&) = delete;
    BareMortal& operator=(const BareMortal&) = delete;

    double death_ms() {
        bench_.events.clear();
        auto stopping = std::async(std::launch::async, [this] { bench_.bare.stop(id_); });
        const auto died = bench_.events.await("die", 1).front();
        bench_.bare.inspect(id_);
        const auto known_ns = unix_ns();
        stopping.get();
        bench_.bare.start(id_);
        heard_ms_.push_back(static_cast<double>(died.arrived_ns - died.time_ns) / 1e6);
        return static_cast<double>(known_ns - died.time_ns) / 1e6;
    }
    const std::vector<double>& heard_ms() const { return heard_ms_; }

 private:
    Bench& bench_;
    std::string id_;
    std::vector<double> heard_ms_{};
};

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
        Mortal mortal(bench, cloud);
        BareMortal bare(bench);
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
             {"broker", [&] { return median_of(round_trips, [&] { return mortal.broker_ms(); }); }},
             {"bare", [&] { return median_of(bare_deaths, [&] { return bare.death_ms(); }); }}},
            bench.rounds);
        bench.report.row("B9", "die to the twin's news, p50 / broker round trip", kDeaths, trial, 0, 1,
                         kMostMedianRatio);
        bench.report.row("B9", "die to the twin's news / to a bare look at the container", kDeaths, trial, 0,
                         2, {});
        const auto tail = at_quantile(deaths, 0.99);
        const auto least = median(round_trips);
        bench.report.figure("B9", "die to the twin's news, p99 / round trip, p50",
                            static_cast<int>(deaths.size()), fmt::format("{:.2f} ms", tail),
                            fmt::format("{:.2f} ms", least), tail / least, kMostTailRatio);
        bench.report.note(fmt::format(
            "B9: p50 {:.2f} ms from the engine's die event, p99 {:.2f} ms; round trip {:.2f} ms; bare: "
            "the event is heard after {:.2f} ms, the container looked at after {:.2f} ms",
            median(deaths), tail, least, median(bare.heard_ms()), median(bare_deaths)));
    }
    sender.apply({});
}

}  // namespace berth::bench
