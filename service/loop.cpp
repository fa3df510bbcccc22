#include "service/loop.hpp"

#include <algorithm>
#include <exception>

#include "service/log.hpp"

namespace berth::service {

namespace {

using Clock = std::chrono::steady_clock;

// A task that throws has left some state half changed; a restart reads the world again.
void run_or_die(const Task& task) {
    try {
        task();
    } catch (const std::exception& error) {
        log::critical("a task on the loop failed, the daemon ends: {}", error.what());
        log::flush();
        std::terminate();
    }
}

}  // namespace

void Loop::post(Task task) {
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
}

TimerId Loop::post_after(std::chrono::milliseconds delay, Task task) {
    const auto due = Clock::now() + delay;
    TimerId id{};
    {
        const std::lock_guard lock(mutex_);
        id = ++last_timer_;
        timers_.emplace(Due{due, id}, std::move(task));
    }
    wake_.notify_one();
    return id;
}

void Loop::cancel(TimerId timer) {
    Task gone;  // what it captured is destroyed after the lock is given back
    const std::lock_guard lock(mutex_);
    const auto found =
        std::ranges::find_if(timers_, [timer](const auto& entry) { return entry.first.second == timer; });
    if (found == timers_.end()) return;
    gone = std::move(found->second);
    timers_.erase(found);
}

void Loop::run() {
    stopping_ = false;
    while (!stopping_)
        run_or_die(next_task());
}

void Loop::stop() {
    post([this] { stopping_ = true; });
}

Task Loop::due_timer() {
    if (timers_.empty() || timers_.begin()->first.first > Clock::now()) return {};
    auto due = timers_.extract(timers_.begin());
    return std::move(due.mapped());
}

// Timers and tasks take turns, so that neither a flood of messages nor a busy timer starves the other.
Task Loop::next_task() {
    std::unique_lock lock(mutex_);
    for (;;) {
        timers_turn_ = !timers_turn_;
        if (timers_turn_ || tasks_.empty()) {
            if (Task task = due_timer()) return task;
        }
        if (!tasks_.empty()) {
            Task task = std::move(tasks_.front());
            tasks_.pop_front();
            return task;
        }
        if (timers_.empty()) {
            wake_.wait(lock);
        } else {
            wake_.wait_until(lock, Due(timers_.begin()->first).first);  // a copy: the entry may go meanwhile
        }
    }
}

}  // namespace berth::service
