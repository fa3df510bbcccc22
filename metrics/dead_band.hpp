// What need not be said again, as it has hardly moved since it was last said. Pure.
#pragma once

#include <map>
#include <string_view>

#include "protocol/twin/metrics.hpp"

namespace berth::metrics {

class DeadBand {  // of one container
 public:
    // Whether to say it; if so it counts as said. What was never said is news, and so is what has moved by
    // `percent` of what was said, or by as many points where it is a percentage itself. 0: everything is.
    bool passes(const twin::Measurement& measurement, int percent);

 private:
    std::map<std::string_view, double> said_;  // by the constants of metrics/measure
};

}  // namespace berth::metrics
