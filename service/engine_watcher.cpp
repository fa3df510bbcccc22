#include "service/engine_watcher.hpp"

#include <algorithm>

#include "service/log.hpp"

namespace berth::service {
namespace {

using namespace std::chrono_literals;

constexpr auto kConnectDeadline = 10s;
constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{5000};

}  // namespace

EngineWatcher::EngineWatcher(Loop& loop, runtime::Runtime& runtime, EngineListener listener)
    : loop_(loop),
      runtime_(runtime),
      listener_(std::move(listener)),
      thread_([this](const std::stop_token& stop) { watch(stop); }) {}

EngineWatcher::~EngineWatcher() {
    stop();
}

void EngineWatcher::stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
}

void EngineWatcher::watch(const std::stop_token& stop) {
    auto pause = kFirstPause;
    bool said = false;
    while (!stop.stop_requested()) {
        bool subscribed = false;
        const auto ended = watch_once(stop, subscribed);
        if (stop.stop_requested()) return;
        if (subscribed) {
            pause = kFirstPause;
            said = false;
        }
        const Error error =
            ended ? fail(Errc::Unavailable, "the engine closed its event stream") : ended.error();
        // Once is enough; then it is retried quietly.
        log::at(said ? log::Level::Debug : log::Level::Warn, "engine: {}; trying again until it answers",
                error.message);
        said = true;
        loop_.post([this, error] { listener_.lost(error); });
        std::unique_lock lock(mutex_);
        pause_.wait_for(lock, stop, pause, [] { return false; });
        pause = std::min(pause * 2, kLongestPause);
    }
}

Result<> EngineWatcher::watch_once(const std::stop_token& stop, bool& subscribed) {
    runtime::Call call{};
    call.stop = stop;
    call.deadline = std::chrono::steady_clock::now() + kConnectDeadline;
    auto info = runtime_.connect(call);
    if (!info) return info.error();
    const auto on_subscribed = [this, &subscribed, info = *info] {
        subscribed = true;
        loop_.post([this, info] { listener_.connected(info); });
    };
    const auto on_event = [this](runtime::EngineEvent event) {
        loop_.post([this, event = std::move(event)] { listener_.event(event); });
    };
    call.deadline = std::chrono::steady_clock::time_point::max();
    return runtime_.watch(on_subscribed, on_event, call);
}

}  // namespace berth::service
