// Where the log goes and how much of it. Everybody logs through spdlog's default logger, which is made here.
// Escapes control characters, so that text from outside cannot forge a line.
#pragma once

#include <string_view>

#include "protocol/result.hpp"
#include "service/config.hpp"

namespace berth::service {

Result<> start_logging(
    const LogConfigFile& config);        // again: replaces the logger; before threads are started
void set_level(std::string_view level);  // ERROR WARN INFO DEBUG TRACE; from any thread

}  // namespace berth::service
