#include "service/stop_all.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <utility>

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

// False: it runs on.
bool stop_one(runtime::Runtime& runtime, Container& one, std::chrono::milliseconds grace) {
    const auto stopped = put_to_rest(runtime, one.engine_id, grace, call_of(grace));
    if (!stopped) {
        log::error("container {}: not stopped: {}", one.spec.name, stopped.error().message);
        return false;
    }
    if (const auto seen = runtime.inspect(one.engine_id, call_of(grace)); seen) one.state = seen->state;
    log::info("container {} stopped with exit code {}", one.spec.name, one.state.exit_code);
    one.state.status = Status::Stopped;
    one.state.restarting = false;
    one.state.pid = -1;
    return true;
}

}  // namespace

std::vector<Container> stop_all(runtime::Runtime& runtime, std::chrono::milliseconds grace) {
    runtime::Call call{};
    call.deadline = std::chrono::steady_clock::now() + kListLimit;
    auto listed = runtime.list(call);
    if (!listed) {
        log::error("containers are not stopped: {}", listed.error().message);
        return {};
    }
    auto& all = *listed;
    // One without a readable document is nobody's to start again.
    std::erase_if(all, [](const Container& one) { return !one.is_up() || one.spec.name.empty(); });
    std::atomic<std::size_t> next{0};
    std::vector<char> is_down(all.size());  // a byte each: written by several threads
    const auto work = [&runtime, &all, &next, &is_down, grace] {
        for (auto i = next++; i < all.size(); i = next++)
            is_down[i] = stop_one(runtime, all[i], grace) ? 1 : 0;
    };
    std::vector<std::jthread> others;
    try {
        for (std::size_t i = 1; i < std::min(all.size(), kStoppedAtOnce); ++i)
            others.emplace_back(work);
    } catch (const std::system_error& error) {  // those that there are stop all
        log::debug("stop of all containers: no more threads: {}", error.what());
    }
    work();
    others.clear();  // waits for them
    std::vector<Container> stopped;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (is_down[i] != 0) stopped.push_back(std::move(all[i]));
    return stopped;
}

}  // namespace berth::service
