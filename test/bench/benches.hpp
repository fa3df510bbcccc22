// The benches of the engine's work; each makes what it needs and removes it again.
#pragma once

#include <functional>
#include <string>

#include "test/bench/bare.hpp"
#include "test/bench/report.hpp"
#include "test/support/child.hpp"
#include "test/support/lab.hpp"

namespace berth::bench {

inline constexpr auto kBerthNetwork = "berth0";
inline constexpr auto kBareNetwork = "bench0";  // of the bare calls

struct Bench {
    explicit Bench(const std::string& report_file)
        : bare(lab.docker_socket()), events(lab.docker_socket()), report(report_file) {}

    test::Lab lab{};
    test::TempFolder folder{};
    Bare bare;
    EventLog events;
    Report report;
    int rounds{};  // of a trial; the first never counts
    bool quick{};
};

void measure_deployments(Bench& bench, bool one_to_one, bool parallel_gain);  // B1, B2
void measure_unchanged(Bench& bench);                                         // B3
void measure_updates(Bench& bench);                                           // B4
void measure_recovery(Bench& bench);                                          // B11; ends the events
void measure_flash(Bench& bench);                                             // B12
void measure_twin(Bench& bench, const std::function<bool(const std::string& id)>& wants);  // twin_benches.hpp

}  // namespace berth::bench
