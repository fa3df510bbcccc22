// B3: the same desired state again, with nothing to do.
#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "test/bench/benches.hpp"
#include "test/bench/counting_proxy.hpp"
#include "test/bench/operator.hpp"

namespace berth::bench {
namespace {

double ms_of(const std::function<void()>& work) {
    const auto begin = Clock::now();
    work();
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// The requests of one unchanged apply; the daemon is settled by one before.
std::vector<std::string> requests_of_one(Bench& bench, const std::vector<Component>& components) {
    CountingProxy proxy(bench.folder / "proxy.sock", bench.lab.docker_socket());
    Operator sender(bench.lab, "same");
    const Daemon daemon(bench.lab, bench.folder,
                        {.name = "same", .socket = proxy.socket(), .environment = {}});
    sender.await_ready();
    sender.apply(components);
    proxy.take();
    sender.apply(components);
    return proxy.take();
}

}  // namespace

void measure_unchanged(Bench& bench) {
    std::vector<std::size_t> counts;
    for (const int count : {20, 50}) {
        const auto components = sleepers("same", count);
        {
            Operator sender(bench.lab, "same");
            const Daemon daemon(bench.lab, bench.folder, {.name = "same", .socket = {}, .environment = {}});
            sender.await_ready();
            sender.apply(components);
            const auto trial = interleave(fmt::format("B3 N={}", count),
                                          {{"berth", [&] { return sender.apply(components).ms(); }},
                                           {"list+inspect",
                                            [&] {
                                                return ms_of([&] {
                                                    for (const auto& id : bench.bare.list("same"))
                                                        bench.bare.inspect(id);
                                                });
                                            }},
                                           {"list+broker",
                                            [&] {
                                                return ms_of([&] { bench.bare.ask_list("same"); }) +
                                                       sender.round_trip(components);
                                            }}},
                                          2 * bench.rounds);
            bench.report.row("B3", "unchanged / a list and N inspects", count, trial, 0, 1, 1.5);
            bench.report.row("B3", "unchanged / a list and a broker round trip", count, trial, 0, 2, {});
        }
        counts.push_back(requests_of_one(bench, components).size());
    }
    bench.report.figure("B3", "engine calls: N = 50 / N = 20", 50, fmt::format("{} calls", counts[1]),
                        fmt::format("{} calls", counts[0]),
                        static_cast<double>(counts[1]) / static_cast<double>(counts[0]), 1.0);
    bench.bare.remove_all();
}

}  // namespace berth::bench
