// What containers use, in the text format of Prometheus, as the textfile collector of a node exporter takes
// it: no times, base units, values as they are given. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/usage.hpp"

namespace berth::metrics {

struct Exposed {
    ContainerId id{};
    std::string name{};
    Usage usage{};
};

// A family without a value is left out, so is a value there is no data for. `machine_memory` 0: not known.
std::string prometheus_text(const std::vector<Exposed>& containers, std::uint64_t machine_memory);

}  // namespace berth::metrics
