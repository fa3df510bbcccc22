// The tables that make up built_options(), one file for each section or few; for these files only.
#pragma once

#include <cstdint>
#include <span>

#include "service/config_option.hpp"

// Where the value of an option goes in Config: GOES_TO(mqtt.url).
#define GOES_TO(member) +[](Config& c) -> decltype((c.member)) { return c.member; }

namespace berth::service {

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
constexpr std::int64_t kYearsMs = 36500 * kDayMs;

std::span<const Option> log_options();   // berth.name, [log]
std::span<const Option> mqtt_options();  // [mqtt]
std::span<const Option> update_agent_options();
std::span<const Option> things_options();   // [things], [metrics]
std::span<const Option> runtime_options();  // [storage], [runtime], [lifecycle]
std::span<const Option> network_options();
std::span<const Option> images_options();  // [images], [[registry]], [secrets]

}  // namespace berth::service
