#include "service/stop_all.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

#include "service/log.hpp"
#include "service/put_to_rest.hpp"

namespace berth::service {
namespace {

constexpr std::chrono::seconds kListLimit{10};
constexpr std::chrono::seconds kBesideGrace{10};  // for the engine, besides twice the grace
constexpr std::size_t kStoppedAtOnce = 32;

runtime::Call call_of(std::chrono::milliseconds grace) {
    runtime::Call call{};
    call.deadline = std::chrono::steady_clock::now() + 2 * grace + kBesideGrace;
    return call;
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
            if (const auto stopped = put_to_rest(runtime, all[i].engine_id, grace, call_of(grace)); !stopped)
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
