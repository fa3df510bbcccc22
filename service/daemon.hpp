// The daemon's life between start-up and exit: makes the modules, connects them, waits for signals, ends in
// order. Expects SIGINT, SIGTERM, SIGQUIT and SIGHUP to be blocked in every thread; it waits for them itself.
#pragma once

#include <functional>

#include "protocol/result.hpp"
#include "service/config.hpp"

namespace berth::service {

// Returns the exit status: 0 ended by request, 1 start-up failure. `reload` reads the same configuration
// again, with its warnings logged; what it returns counts for the log level and the registries only.
int run(const Config& config, std::function<Result<Config>()> reload);

}  // namespace berth::service
