// B10: more commands than anybody sends, some of them broken, and then a broker that is away while others are
// under way: what is not answered, and how much memory it takes. On a broker of its own.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "test/bench/operator.hpp"
#include "test/bench/processes.hpp"
#include "test/bench/twin_benches.hpp"
#include "test/bench/twin_client.hpp"
#include "test/support/broker.hpp"

namespace berth::bench {
namespace {

constexpr int kPerSecond = 1000;
constexpr int kOneIsBroken = 100;  // of so many
constexpr int kCreates = 20;       // under way when the broker goes
constexpr int kAfterwards = 100;
constexpr double kMostMemory = 2.0;
constexpr std::chrono::milliseconds kMemoryPeriod{500};
constexpr std::chrono::seconds kLastAnswers{30};  // a silence of this length is the end

test::Broker::Options quiet_broker() {
    test::Broker::Options options{};
    options.more = "log_type none\nmax_queued_messages 0\n";
    return options;
}

class Flood {
 public:
    Flood(test::Broker& broker, int pid) : broker_(broker), pid_(pid) {}

    // Once berthd takes commands.
    void prepare() {
        connect();
        container_ = "Container:" + cloud_->make("flooded");
        std::this_thread::sleep_for(std::chrono::seconds(2));
        idle_mb_ = pss_mb(pid_);
    }

    // Returns how long it took to answer them all, in seconds.
    double pour(int count) {
        const auto begin = Clock::now();
        for (int i = 0; i < count; ++i) {
            hear_until(begin + i * std::chrono::microseconds(1'000'000 / kPerSecond));
            if (i % kOneIsBroken == kOneIsBroken - 1)
                send_broken();
            else
                awaited_.insert(cloud_->send(container_, "rename", "flooded"));
            ++sent_;
        }
        hear_the_rest();
        return std::chrono::duration<double>(last_answer_ - begin).count();
    }

    // The first answer shows that all of them have reached berthd.
    void lose_broker(std::chrono::seconds away) {
        for (int i = 1; i <= kCreates; ++i)
            awaited_.insert(cloud_->send("ContainerFactory", "createWithConfig",
                                         {{"imageRef", "berth-test/sleeper:1"},
                                          {"name", fmt::format("late-{:02}", i)},
                                          {"start", true}}));
        sent_ += kCreates;
        const auto before = awaited_.size();
        const auto deadline = Clock::now() + kLastAnswers;
        while (awaited_.size() == before && Clock::now() < deadline)
            hear_until(Clock::now() + std::chrono::milliseconds(1));
        broker_.kill();
        hear_what_is_left();
        for (const auto back = Clock::now() + away; Clock::now() < back;) {
            look_at_memory();
            std::this_thread::sleep_for(kMemoryPeriod);
        }
        broker_.start();
        connect();
        hear_the_rest();
        for (int i = 0; i < kAfterwards; ++i)
            awaited_.insert(cloud_->send(container_, "rename", "flooded"));
        sent_ += kAfterwards;
        hear_the_rest();
    }

    int sent() const { return sent_; }
    std::size_t lost() const { return awaited_.size(); }
    int refused() const { return refused_; }  // answered, with a failure
    int twice() const { return twice_; }
    double idle_mb() const { return idle_mb_; }
    double peak_mb() const { return peak_mb_; }

 private:
    // What was answered late comes with the device's first words, before commands are taken: heard here.
    void connect() {
        cloud_.emplace(broker_.port(), fmt::format("flood-{}", ++connections_));
        cloud_->on_message([this](const Arrival& message) { hear(message); });
        cloud_->await_commands();
    }

    void send_broken() {
        const auto request = "broken-" + std::to_string(++broken_);
        cloud_->mqtt().publish(cloud_->words().command_topic(request, "rename"),
                               R"({"topic":"acme.fleet/gw)");
        awaited_.insert(request);
    }

    void hear_until(Clock::time_point deadline) {
        if (Clock::now() > next_look_) look_at_memory();
        while (cloud_->next(deadline)) {
        }
    }

    void hear_the_rest() {
        last_answer_ = Clock::now();
        while (!awaited_.empty() && Clock::now() < last_answer_ + kLastAnswers)
            hear_until(Clock::now() + std::chrono::milliseconds(1));
    }

    // What the broker has acknowledged to berthd before its end nobody sends again.
    void hear_what_is_left() {
        try {
            cloud_->drain();
        } catch (const std::runtime_error&) {  // the connection is closed
        }
        cloud_.reset();
    }

    void hear(const Arrival& message) {
        const auto answer = answer_topic(message.topic);
        if (answered_.contains(answer.request)) ++twice_;
        if (awaited_.erase(answer.request) == 0) return;
        answered_.insert(answer.request);
        last_answer_ = message.time;
        if (answer.status == "500") ++refused_;
    }

    void look_at_memory() {
        peak_mb_ = std::max(peak_mb_, pss_mb(pid_));
        next_look_ = Clock::now() + kMemoryPeriod;
    }

    test::Broker& broker_;
    int pid_;
    std::optional<TwinClient> cloud_{};
    int connections_{0};
    std::string container_{};
    std::set<std::string> awaited_{};
    std::set<std::string> answered_{};
    int sent_{0};
    int broken_{0};
    int twice_{0};
    int refused_{0};
    Clock::time_point last_answer_{};
    Clock::time_point next_look_{};
    double idle_mb_{0};
    double peak_mb_{0};
};

}  // namespace

void measure_flood(Bench& bench) {
    test::Broker broker(quiet_broker());
    broker.start();
    {
        const Daemon daemon(bench.lab, bench.folder, {.name = "flood", .broker = broker.url()});
        Flood flood(broker, daemon.pid());
        flood.prepare();
        const int pouring_s = bench.quick ? 10 : 60;
        const int away_s = bench.quick ? 5 : 60;
        const int count = pouring_s * kPerSecond;
        const auto took_s = flood.pour(count);
        flood.lose_broker(std::chrono::seconds(away_s));
        bench.report.figure(
            "B10", fmt::format("{} s of 1000 a second, broker away {} s: lost", pouring_s, away_s),
            flood.sent(), fmt::format("{} lost", flood.lost()), "-", static_cast<double>(flood.lost()), 0.0);
        bench.report.figure(
            "B10", "the same: peak PSS / idle PSS", flood.sent(), fmt::format("{:.1f} MB", flood.peak_mb()),
            fmt::format("{:.1f} MB", flood.idle_mb()), flood.peak_mb() / flood.idle_mb(), kMostMemory);
        bench.report.note(
            fmt::format("B10: 1000 commands a second were answered at {:.0f} a second; {} refused as too "
                        "many, {} answered twice",
                        count / took_s, flood.refused(), flood.twice()));
    }
    bench.bare.remove_all();
}

}  // namespace berth::bench
