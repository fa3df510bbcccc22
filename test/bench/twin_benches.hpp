// The benches of the twin and of metrics; each makes what it needs and removes it again.
#pragma once

#include <functional>
#include <string>

#include "test/bench/benches.hpp"

namespace berth::bench {

using Wants = std::function<bool(const std::string& id)>;

void measure_idle(Bench& bench);                             // B6
void measure_metrics(Bench& bench);                          // B7
void measure_ready(Bench& bench);                            // B8
void measure_deaths(Bench& bench);                           // B9
void measure_flood(Bench& bench);                            // B10, what is lost and what it takes
void measure_commands(Bench& bench, const Wants& is_asked);  // B10, the rate; T1, T2

}  // namespace berth::bench
