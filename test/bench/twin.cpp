// The twin's side of the benches. One berthd at a time: on one broker all of them would be the same thing.
#include "test/bench/twin_benches.hpp"

namespace berth::bench {

void measure_twin(Bench& bench, const std::function<bool(const std::string& id)>& wants) {
    if (wants("B6")) measure_idle(bench);
    if (wants("B7")) measure_metrics(bench);
    if (wants("B8")) measure_ready(bench);
    if (wants("B9")) measure_deaths(bench);
    if (wants("T1") || wants("T2") || wants("B10")) measure_commands(bench, wants);
    if (wants("B10")) measure_flood(bench);
}

}  // namespace berth::bench
