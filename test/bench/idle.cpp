// B6: what berthd costs while nothing happens, beside its broker and a minimal program with one connected
// client.
#include <fmt/format.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include "test/bench/operator.hpp"
#include "test/bench/processes.hpp"
#include "test/bench/twin_benches.hpp"
#include "test/bench/twin_client.hpp"

namespace berth::bench {
namespace {

constexpr int kIdleContainers = 20;
constexpr double kMostOfBroker = 2.0;
constexpr double kMostMoreWakeups = 0.2;          // per second
constexpr std::chrono::seconds kUntilSettled{7};  // the inventory that follows a change comes after 5

}  // namespace

void measure_idle(Bench& bench) {
    Operator sender(bench.lab, "idle");
    const auto brokers = processes_of(bench.lab, {"mosquitto"});
    if (brokers.size() != 1) throw std::runtime_error("the lab's broker is not to be found");
    TwinClient cloud(bench.lab.broker_port());
    const Daemon daemon(bench.lab, bench.folder, {.name = "idle"});
    sender.await_ready();
    sender.apply(sleepers("idle", kIdleContainers));
    cloud.await_commands();
    const ReadyProgram minimal({BERTH_BENCH_MINIMAL_PAHO, bench.lab.broker_url(), bench.lab.docker_socket()});
    std::this_thread::sleep_for(kUntilSettled);

    const Watch berth(daemon.pid());
    const Watch broker(brokers.front());
    const Watch paho(minimal.pid());
    const std::chrono::seconds idle(bench.quick ? 30 : 600);
    std::this_thread::sleep_for(idle);
    const auto ours = berth.so_far();
    const auto brokers_own = broker.so_far();
    const auto least = paho.so_far();
    bench.report.figure("B6", fmt::format("idle {} s, us of CPU a second / the broker", idle.count()),
                        kIdleContainers, fmt::format("{:.0f} us", ours.cpu_us),
                        fmt::format("{:.0f} us", brokers_own.cpu_us), ours.cpu_us / brokers_own.cpu_us,
                        kMostOfBroker);
    bench.report.figure("B6", "wake-ups a second, less those of a minimal Paho", kIdleContainers,
                        fmt::format("{:.2f} /s", ours.wakeups), fmt::format("{:.2f} /s", least.wakeups),
                        ours.wakeups - least.wakeups, kMostMoreWakeups);
    bench.report.note(
        fmt::format("B6: the broker wakes up {:.1f} times a second; the minimal Paho program takes {:.0f} us "
                    "of CPU a second",
                    brokers_own.wakeups, least.cpu_us));
    sender.apply({});
}

}  // namespace berth::bench
