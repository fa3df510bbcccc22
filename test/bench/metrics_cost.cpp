// B7: what a report of all containers each second costs, beside reading the same files and beside asking the
// engine.
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "test/bench/engine_stats.hpp"
#include "test/bench/open_files.hpp"
#include "test/bench/operator.hpp"
#include "test/bench/processes.hpp"
#include "test/bench/twin_benches.hpp"
#include "test/bench/twin_client.hpp"

namespace berth::bench {
namespace {

constexpr int kReports = 4;  // of one round, a second each
constexpr double kMostOfReads = 3.0;
constexpr double kMostOfStats = 0.03;
constexpr std::size_t kFewestFiles = 5;  // of a container; fewer: its control groups cannot be seen
constexpr std::chrono::seconds kReportPatience{30};

std::size_t count_of(std::string_view word, const std::string& text) {
    std::size_t count = 0;
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + word.size()))
        ++count;
    return count;
}

// The number of containers in it.
std::size_t next_report(TwinClient& cloud) {
    const auto deadline = Clock::now() + kReportPatience;
    while (const auto message = cloud.next(deadline))
        if (message->payload.find("/features/Metrics/outbox/messages/data") != std::string::npos)
            return count_of("\"originator\"", message->payload);
    throw std::runtime_error("no report of metrics comes");
}

double us_of_each(std::int64_t ns, std::size_t samples) {
    return static_cast<double>(ns) / 1e3 / static_cast<double>(samples);
}

class Reporting {  // while it lives
 public:
    explicit Reporting(TwinClient& cloud) : cloud_(cloud) {
        cloud_.ask("Metrics", "request", {{"frequency", "1s"}});
        next_report(cloud_);  // from here on nothing is opened for the first time
    }
    void end() {
        cloud_.ask("Metrics", "request", {{"frequency", "0s"}});
        cloud_.drain();
    }

 private:
    TwinClient& cloud_;
};

// All that berthd does in these seconds: reading, computing, writing JSON, publishing, keeping its
// connections.
double by_berthd(TwinClient& cloud, int pid, std::size_t count) {
    Reporting reporting(cloud);
    const auto before = cpu_ns(pid);
    std::size_t samples = 0;
    for (int i = 0; i < kReports; ++i)
        samples += next_report(cloud);
    const auto used = cpu_ns(pid) - before;
    reporting.end();
    if (samples != count * kReports)
        throw std::runtime_error(fmt::format("{} samples of {} containers", samples, count));
    return us_of_each(used, samples);
}

// The same work once a second: what lies idle for a second is read more slowly than what was read just now.
std::int64_t each_second(const std::function<std::int64_t()>& work) {
    std::int64_t sum = 0;
    auto due = Clock::now();
    for (int i = 0; i < kReports; ++i) {
        due += std::chrono::seconds(1);
        std::this_thread::sleep_until(due);
        sum += work();
    }
    return sum;
}

double by_reading(const OpenFiles& files, std::size_t count) {
    return us_of_each(each_second([&] { return files.read_all_ns(); }), count * kReports);
}

double by_the_engine(const EngineStats& stats, std::size_t count) {
    const auto before = stats.cpu_ns();
    each_second([&] {
        stats.ask_all();
        return std::int64_t{0};
    });
    return us_of_each(stats.cpu_ns() - before, count * kReports);
}

void compare_costs(Bench& bench, TwinClient& cloud, int pid, int containers) {
    const auto count = static_cast<std::size_t>(containers);
    Reporting once(cloud);
    const OpenFiles files(pid);
    once.end();
    if (files.count() < count * kFewestFiles) {
        bench.report.note(
            fmt::format("B7 is not measured: berthd sees {} files of {} containers, no control groups",
                        files.count(), count));
        return;
    }
    const EngineStats stats(bench.lab, bench.bare.list("metrics"));
    const auto trial = interleave(fmt::format("B7 N={}, us", containers),
                                  {{"berth", [&] { return by_berthd(cloud, pid, count); }},
                                   {"reads", [&] { return by_reading(files, count); }},
                                   {"stats", [&] { return by_the_engine(stats, count); }}},
                                  bench.rounds);
    bench.report.row("B7", "metrics, us of CPU a sample / bare reads", containers, trial, 0, 1, kMostOfReads);
    bench.report.row("B7", "metrics, us of CPU a sample / the engine's stats", containers, trial, 0, 2,
                     kMostOfStats);
}

}  // namespace

// berthd is where the engine is, as control groups may be mounted for it alone. nsenter becomes what it
// starts.
void measure_metrics(Bench& bench) {
    Operator sender(bench.lab, "metrics");
    TwinClient cloud(bench.lab.broker_port());
    const Daemon daemon(bench.lab, bench.folder,
                        {.name = "metrics", .inside = {"nsenter", "--mount=" + bench.lab.mount_namespace()}});
    sender.await_ready();
    sender.apply({});
    cloud.await_commands();
    cloud.follow();
    for (const int containers : {50, 100}) {
        sender.apply(sleepers("metrics", containers));
        cloud.drain();
        compare_costs(bench, cloud, daemon.pid(), containers);
    }
    sender.apply({});
}

}  // namespace berth::bench
