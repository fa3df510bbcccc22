// A stop that lasts: not even an engine that starts anew brings the container back.
#pragma once

#include <chrono>

#include "runtime/runtime.hpp"

namespace berth::service {

// Blocks. Whoever starts it again gives back its restart policy. NotFound: it is gone.
Result<> put_to_rest(runtime::Runtime& runtime, const EngineId& id, std::chrono::milliseconds grace,
                     const runtime::Call& call);

}  // namespace berth::service
