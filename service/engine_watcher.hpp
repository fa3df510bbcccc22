// The thread that stays connected to the engine: agrees on a version, subscribes, then blocks and posts every
// event to the loop. It comes back by itself after the engine was away, with growing pauses.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "runtime/runtime.hpp"
#include "service/loop.hpp"

namespace berth::service {

struct EngineListener {                                           // all on the loop
    std::function<void(const runtime::EngineInfo&)> connected{};  // subscribed: list now
    std::function<void(const runtime::EngineEvent&)> event{};
    std::function<void(const Error&)> lost{};
};

class EngineWatcher {
 public:
    EngineWatcher(Loop& loop, runtime::Runtime& runtime, EngineListener listener);
    ~EngineWatcher();  // stops and joins
    EngineWatcher(const EngineWatcher&) = delete;
    EngineWatcher& operator=(const EngineWatcher&) = delete;

    void stop();

 private:
    void watch(const std::stop_token& stop);
    Result<> watch_once(const std::stop_token& stop, bool& subscribed);

    Loop& loop_;
    runtime::Runtime& runtime_;
    EngineListener listener_;
    std::mutex mutex_;
    std::condition_variable_any pause_;
    std::jthread thread_;  // last: it uses all of the above
};

}  // namespace berth::service
