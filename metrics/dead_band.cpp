#include "metrics/dead_band.hpp"

#include <cmath>
#include <variant>

#include "metrics/measure.hpp"

namespace berth::metrics {
namespace {

constexpr double kWidestBand = 100.0;

// How far it has to move to be news.
double width_of(std::string_view id, double said, int percent) {
    if (id == kCpuUtilization || id == kMemoryUtilization) return percent;
    return std::abs(said) * percent / kWidestBand;
}

}  // namespace

bool DeadBand::passes(const twin::Measurement& measurement, int percent) {
    if (percent <= 0) return true;
    const auto value = std::visit([](auto number) { return static_cast<double>(number); }, measurement.value);
    const auto [last, is_first] = said_.try_emplace(measurement.id, value);
    if (is_first) return true;
    const auto moved = std::abs(value - last->second);
    if (moved == 0.0 || moved < width_of(measurement.id, last->second, percent)) return false;
    last->second = value;
    return true;
}

}  // namespace berth::metrics
