// B8: from the start of the process until berthd can be used, with containers that run already.
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "test/bench/operator.hpp"
#include "test/bench/processes.hpp"
#include "test/bench/twin_benches.hpp"

namespace berth::bench {
namespace {

constexpr int kThere = 20;
constexpr double kMostStartRatio = 2.0;
constexpr std::chrono::seconds kStartPatience{60};

// Subscribed, all containers told, and the twin's sign of readiness.
double ms_until_ready(Bench& bench) {
    Mqtt mqtt(bench.lab.broker_port(), "bench-watcher");
    mqtt.subscribe("readyupdate/currentstate");
    mqtt.subscribe("edge/thing/request");
    const auto begin = Clock::now();
    const Daemon daemon(bench.lab, bench.folder, {.name = "ready"});
    bool told = false;
    bool asked = false;
    while (const auto message = mqtt.next(begin + kStartPatience)) {
        if (message->retained) continue;
        asked = asked || message->topic == "edge/thing/request";
        told = told || message->payload.find("ready-20") != std::string::npos;
        if (told && asked) return std::chrono::duration<double, std::milli>(message->time - begin).count();
    }
    throw std::runtime_error("berthd does not get ready");
}

double ms_of_least(Bench& bench) {
    const ReadyProgram minimal({BERTH_BENCH_MINIMAL_PAHO, bench.lab.broker_url(), bench.lab.docker_socket()});
    const auto begin = Clock::now();
    bench.bare.ask_list("ready");
    return minimal.ms() + std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

void apply_once(Bench& bench, const std::vector<Component>& components) {
    Operator sender(bench.lab, "ready");
    const Daemon daemon(bench.lab, bench.folder, {.name = "ready"});
    sender.await_ready();
    sender.apply(components);
}

}  // namespace

void measure_ready(Bench& bench) {
    apply_once(bench, sleepers("ready", kThere));
    const auto trial = interleave(
        "B8",
        {{"berth", [&] { return ms_until_ready(bench); }}, {"minimal", [&] { return ms_of_least(bench); }}},
        2 * bench.rounds);
    bench.report.row("B8", "start to ready / minimal Paho connected and a list", kThere, trial, 0, 1,
                     kMostStartRatio);
    apply_once(bench, {});
}

}  // namespace berth::bench
