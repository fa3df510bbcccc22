// B11: how often, and how soon, an update comes to its end whose berthd or engine was killed in the middle.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test/bench/benches.hpp"
#include "test/bench/operator.hpp"
#include "test/support/wait.hpp"

namespace berth::bench {
namespace {

constexpr auto kName = "cut";
constexpr std::chrono::seconds kToEnd{60};  // then it has not converged
constexpr std::chrono::seconds kToSendAgain{2};
constexpr std::chrono::milliseconds kQuiet{50};  // then the broker has handed out what a berthd had said

using Containers = std::vector<std::string>;

double ms_between(Clock::time_point begin, Clock::time_point end) {
    return std::chrono::duration<double, std::milli>(end - begin).count();
}

Component sleeper(const std::string& name, int version, const std::string& memory = {}) {
    return {
        .name = name, .image = fmt::format("berth-test/sleeper:{}", version), .port = {}, .memory = memory};
}

// Two sets of four, updated into each other: one is made again, one changed in place, one new, one removed,
// one stays.
std::vector<Component> set_number(std::size_t which) {
    if (which == 0)
        return {sleeper("web", 1), sleeper("db", 1, "64M"), sleeper("gone", 1), sleeper("same", 1)};
    return {sleeper("web", 2), sleeper("db", 1, "96M"), sleeper("fresh", 1), sleeper("same", 1)};
}

// The points at which berthd wrote its journal, out of its log with BERTH_KILL_AT=0.
std::vector<int> journal_points(const std::string& log) {
    constexpr std::string_view kPoint = "kill point ";
    std::vector<int> points;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
        const auto at = line.find(kPoint);
        if (at != std::string::npos && line.find("journal write", at) != std::string::npos)
            points.push_back(std::stoi(line.substr(at + kPoint.size())));
    }
    return points;
}

class Recovery {
 public:
    explicit Recovery(Bench& bench) : bench_(bench), sender_(bench.lab, kName) {
        points_.resize(2);
        expected_.resize(2);
        for (const std::size_t which : {0U, 1U, 0U}) {  // the very first one is a deployment
            points_.at(which) = points_to(which);
            expected_.at(which) = bench_.bare.describe(kName);
            now_ = which;
        }
        if (points_.at(0).empty() || points_.at(1).empty())
            throw std::runtime_error("this berthd comes to no point at which it could be killed");
    }

    std::size_t points() const { return std::min(points_.at(0).size(), points_.at(1).size()); }
    int runs() const { return runs_; }
    int missed() const { return missed_; }

    // An update that nobody disturbs.
    double whole() {
        const auto daemon = start_and_wait({});
        const auto ms = sender_.apply(set_number(1 - now_)).ms();
        now_ = 1 - now_;
        return ms;
    }

    // One that is killed at its n-th point of those: the time until then, and from the next start to the end.
    double cut_at(std::size_t index) {
        const auto target = 1 - now_;
        const auto before = run_until_killed(target, points_.at(target).at(index));
        if (sender_.has_ended()) {  // it was through already: threads meet at other places in every run
            now_ = sender_.end() == "COMPLETED" ? target : now_;
            return before;
        }
        const auto begin = Clock::now();
        const auto daemon = start({});
        const bool ended = reach_end();
        const auto after = ms_between(begin, ended ? sender_.ended_at() : Clock::now());
        note(target, fmt::format("killed at journal step {}", index + 1));
        return before + after;
    }

    void cut_engine() {
        const auto target = 1 - now_;
        const auto daemon = start_and_wait({});
        sender_.send(set_number(target));
        const auto deadline = Clock::now() + kToEnd;
        while (!sender_.is_accepted() && Clock::now() < deadline)
            sender_.listen(deadline);
        bench_.lab.engine("kill");
        bench_.lab.engine("start");
        reach_end();
        note(target, "the engine killed");
    }

    void remove_all() {
        const auto daemon = start_and_wait({});
        sender_.apply({});
    }

 private:
    std::unique_ptr<Daemon> start(const std::string& kill_at) const {
        DaemonOptions options{};
        options.name = kName;
        options.program = BERTH_BENCH_KILLABLE;
        if (!kill_at.empty()) options.environment = {"BERTH_KILL_AT=" + kill_at};
        return std::make_unique<Daemon>(bench_.lab, bench_.folder, std::move(options));
    }

    std::vector<int> points_to(std::size_t which) {
        const auto log = Daemon::log_of(bench_.lab, kName);
        const auto before = test::read_file(log).size();
        const auto daemon = start_and_wait("0");
        sender_.apply(set_number(which));
        return journal_points(test::read_file(log).substr(before));
    }

    // What an earlier berthd has said is heard out first, or it would be taken for this one's.
    std::unique_ptr<Daemon> start_and_wait(const std::string& kill_at) {
        hear_out();
        auto daemon = start(kill_at);
        sender_.await_ready();
        return daemon;
    }

    void hear_out() {
        while (sender_.listen(Clock::now() + kQuiet)) {
        }
    }

    // Until it is killed, or the update has ended all the same; how long that took.
    double run_until_killed(std::size_t target, int point) {
        double ms = 0;
        {
            const auto daemon = start_and_wait(std::to_string(point));
            const auto begin = Clock::now();
            sender_.send(set_number(target));
            while (daemon->running() && !sender_.has_ended() && Clock::now() < begin + kToEnd)
                sender_.listen(Clock::now() + std::chrono::milliseconds(1));
            ms = ms_between(begin, sender_.has_ended() ? sender_.ended_at() : Clock::now());
        }
        hear_out();
        return ms;
    }

    // What was not accepted may be lost: whoever sent it hears nothing of it and sends it again.
    bool reach_end() {
        const auto deadline = Clock::now() + kToEnd;
        auto next_try = Clock::now();
        sender_.expect_ready();
        while (!sender_.has_ended() && Clock::now() < deadline) {
            if (sender_.is_ready() && !sender_.is_accepted() && Clock::now() >= next_try) {
                sender_.send_again();
                next_try = Clock::now() + kToSendAgain;
            }
            sender_.listen(Clock::now() + std::chrono::milliseconds(20));
        }
        return sender_.has_ended();
    }

    // It has converged if exactly the set is there that its last word speaks of.
    void note(std::size_t target, const std::string& what) {
        ++runs_;
        const auto reached = sender_.end() == "COMPLETED" ? target : 1 - target;
        Containers found;
        const bool good = sender_.has_ended() && test::eventually(
                                                     [&] {
                                                         found = bench_.bare.describe(kName);
                                                         return found == expected_.at(reached);
                                                     },
                                                     std::chrono::seconds(30));
        if (good) {
            now_ = reached;
            return;
        }
        ++missed_;
        std::string there;
        for (const auto& container : found)
            there += "\n    " + container;
        std::fprintf(stderr, "  B11 %s: ended '%s', and there is%s\n", what.c_str(), sender_.end().c_str(),
                     there.c_str());
        // The next one shall begin with a whole set.
        sender_.apply(set_number(target));
        now_ = target;
    }

    Bench& bench_;
    Operator sender_;
    std::vector<std::vector<int>> points_;
    std::vector<Containers> expected_;
    std::size_t now_{0};  // which of the two sets is there
    int runs_{0};
    int missed_{0};
};

}  // namespace

void measure_recovery(Bench& bench) {
    if (std::string_view(BERTH_BENCH_KILLABLE).empty())
        throw std::runtime_error("B11: this build has no berthd with points at which it ends");
    Recovery recovery(bench);
    const auto points = recovery.points();
    const auto cuts = bench.quick ? std::min<std::size_t>(points, 6) : points;
    std::size_t cut = 0;
    const auto next = [&] { return cut++ * points / cuts; };
    const auto trial = interleave(
        "B11",
        {{"killed", [&] { return recovery.cut_at(next()); }}, {"whole", [&] { return recovery.whole(); }}},
        static_cast<int>(cuts));
    for (int i = 0; i < (bench.quick ? 1 : 3); ++i)
        recovery.cut_engine();
    recovery.remove_all();
    const auto runs = recovery.runs();
    bench.report.figure("B11", "killed, or its engine: runs that did not converge", 5,
                        fmt::format("{} runs", recovery.missed()), fmt::format("{} runs", runs),
                        static_cast<double>(recovery.missed()) / std::max(runs, 1), 0.0);
    bench.report.row("B11", "update of 5, killed and started again / undisturbed", 5, trial, 0, 1, 1.3);
}

}  // namespace berth::bench
