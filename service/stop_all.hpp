// lifecycle.stop_on_exit: stops what runs once everything else of Berth has ended. Writes nothing down: by
// the records all of it still runs, as after an end of the machine, so the next Berth starts it again.
#pragma once

#include <chrono>
#include <vector>

#include "protocol/container.hpp"
#include "runtime/runtime.hpp"

namespace berth::service {

// Side by side; `grace` is the time between asking a container to end and killing it. Blocks until all are
// down, or could not be stopped, which is logged. Those that were stopped, as they are now.
std::vector<Container> stop_all(runtime::Runtime& runtime, std::chrono::milliseconds grace);

}  // namespace berth::service
