#include "service/put_to_rest.hpp"

namespace berth::service {

// First the policy. Around the end and the restart of a process the engine may be too busy for that; once the
// container is down for good nothing hinders.
Result<> put_to_rest(runtime::Runtime& runtime, const EngineId& id, std::chrono::milliseconds grace,
                     const runtime::Call& call) {
    runtime::UpdateOptions hold{};
    hold.restart = RestartPolicy{"no", 0, 0};
    auto held = runtime.update(id, hold, call);
    const bool is_busy = !held && held.error().code == Errc::Busy;
    if (!held && !is_busy && held.error().code != Errc::NotFound) return held;
    runtime::StopOptions options{};
    options.grace = grace;
    auto stopped = runtime.stop(id, options, call);
    return stopped && is_busy ? runtime.update(id, hold, call) : stopped;
}

}  // namespace berth::service
