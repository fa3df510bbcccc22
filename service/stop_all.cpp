#include "service/stop_all.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

#include "service/log.hpp"

namespace berth::service {
namespace {

constexpr std::chrono::seconds kListLimit{10};
constexpr std::chrono::seconds kBesideGrace{10};  // for the engine, besides twice the grace
constexpr std::size_t kStoppedAtOnce = 32;

// First the policy, which the next start gives back: an engine that starts before Berth must not bring back
// what Berth has put down. Around the end of a process the engine may be too busy for that.
Result<> put_to_rest(runtime::Runtime& runtime, const EngineId& id, std::chrono::milliseconds grace) {
    runtime::Call call{};
    call.deadline = std::chrono::steady_clock::now() + 2 * grace + kBesideGrace;
    runtime::UpdateOptions hold{};
    hold.restart = RestartPolicy{"no", 0, 0};
    const auto held = runtime.update(id, hold, call);
    const bool is_busy = !held && held.error().code == Errc::Busy;
    if (!held && !is_busy && held.error().code != Errc::NotFound) return held.error();
    runtime::StopOptions options{};
    options.grace = grace;
    auto stopped = runtime.stop(id, options, call);
    return stopped && is_busy ? runtime.update(id, hold, call) : stopped;
}

}  // namespace

void stop_all(runtime::Runtime& runtime, std::chrono::milliseconds grace) {
    runtime::Call call{};
    call.deadline = std::chrono::steady_clock::now() + kListLimit;
    auto listed = runtime.list(call);
    if (!listed) return log::error("containers are not stopped: {}", listed.error().message);
    auto& all = *listed;
    // One without a readable document is nobody's to start again.
    std::erase_if(all, [](const Container& one) { return !one.is_up() || one.spec.name.empty(); });
    std::atomic<std::size_t> next{0};
    const auto work = [&runtime, &all, &next, grace] {
        for (auto i = next++; i < all.size(); i = next++)
            if (const auto stopped = put_to_rest(runtime, all[i].engine_id, grace); !stopped)
                log::error("container {}: not stopped: {}", all[i].spec.name, stopped.error().message);
    };
    std::vector<std::jthread> others;
    try {
        for (std::size_t i = 1; i < std::min(all.size(), kStoppedAtOnce); ++i)
            others.emplace_back(work);
    } catch (const std::system_error& error) {  // those that there are stop all
        log::debug("stop of all containers: no more threads: {}", error.what());
    }
    work();
}

}  // namespace berth::service
