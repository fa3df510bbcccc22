// berth_bench_memory, B5: the memory of an idle berthd beside that of minimal programs, one process at a
// time. A program of its own, linked statically: what it mapped would be counted as half of theirs.
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "test/bench/operator.hpp"
#include "test/bench/processes.hpp"
#include "test/bench/report.hpp"
#include "test/bench/trial.hpp"

namespace berth::bench {
namespace {

constexpr int kCount = 20;
constexpr int kSamples = 5;
constexpr double kAim = 2.2;

double settled_pss_mb(int pid, std::chrono::seconds settling) {
    std::this_thread::sleep_for(settling);
    std::vector<double> samples;
    for (int i = 0; i < kSamples; ++i) {
        samples.push_back(pss_mb(pid));
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    return median(std::move(samples));
}

double minimal_mb(const test::Lab& lab, const char* program) {
    const ReadyProgram minimal({program, lab.broker_url(), lab.docker_socket()});
    return settled_pss_mb(minimal.pid(), std::chrono::seconds(1));
}

// With containers; the time is longer than that of the inventory which follows a change.
double berthd_mb(const test::Lab& lab, const std::vector<Component>& components) {
    const test::TempFolder folder;
    Operator sender(lab, "memory");
    const Daemon daemon(lab, folder, {.name = "memory", .socket = {}, .environment = {}});
    sender.await_ready();
    sender.apply(components);
    const auto mb = settled_pss_mb(daemon.pid(), std::chrono::seconds(7));
    sender.apply({});
    return mb;
}

std::string mb_text(double mb) {
    return fmt::format("{:.1f} MB", mb);
}

void measure(const std::string& report_file, int times) {
    const test::Lab lab;
    std::vector<double> paho;
    std::vector<double> curl;
    std::vector<double> both;
    std::vector<double> berth;
    std::vector<double> empty;
    for (int i = 0; i < times; ++i) {
        paho.push_back(minimal_mb(lab, BERTH_BENCH_MINIMAL_PAHO));
        berth.push_back(berthd_mb(lab, sleepers("memory", kCount)));
        both.push_back(minimal_mb(lab, BERTH_BENCH_MINIMAL_BOTH));
        empty.push_back(berthd_mb(lab, {}));
        curl.push_back(minimal_mb(lab, BERTH_BENCH_MINIMAL_CURL));
        fmt::print(
            stderr,
            "  B5 {}/{}:  berthd {:.1f}  with none {:.1f}  paho {:.1f}  paho+curl {:.1f}  curl {:.1f} MB\n",
            i + 1, times, berth.back(), empty.back(), paho.back(), both.back(), curl.back());
    }
    const double least = median(paho);
    const double curl_adds = median(both) - least;
    const double ours = median(berth);
    Report report(report_file);
    report.figure("B5", "idle berthd / minimal connected Paho program", kCount, mb_text(ours), mb_text(least),
                  ours / least, kAim);
    report.figure("B5", "the same without containers", 0, mb_text(median(empty)), mb_text(least),
                  median(empty) / least, kAim);
    report.figure("B5", "berthd less what libcurl adds / minimal Paho", kCount, mb_text(ours - curl_adds),
                  mb_text(least), (ours - curl_adds) / least, {});
    report.figure("B5", "berthd / minimal Paho and libcurl", kCount, mb_text(ours), mb_text(median(both)),
                  ours / median(both), {});
    report.note(fmt::format("libcurl adds {:.1f} MB to a minimal Paho program; alone it is {:.1f} MB",
                            curl_adds, median(curl)));
}

}  // namespace
}  // namespace berth::bench

int main(int argc, char** argv) {
    try {
        if (argc != 3) throw std::runtime_error("usage: berth_bench_memory REPORT TIMES");
        berth::bench::measure(argv[1], std::stoi(argv[2]));
    } catch (const std::exception& error) {
        fmt::print(stderr, "berth_bench_memory: {}\n", error.what());
        return 1;
    }
    return 0;
}
