// The loop: runs tasks one at a time on the thread that calls run(). It owns all state of the daemon.
// Nothing that blocks may run on it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

namespace berth::service {

using Task = std::function<void()>;
using TimerId = std::uint64_t;  // 0 is never a timer

class Loop {
 public:
    void post(Task task);  // from any thread, in order

    // Every timer in the daemon; steady clock, one shot. From any thread.
    TimerId post_after(std::chrono::milliseconds delay, Task task);
    void cancel(
        TimerId timer);  // on the loop: it will not run any more, even if it is due. Gone already: fine

    void run();   // until stop(); a task that throws ends the process with its message logged
    void stop();  // from any thread; tasks queued before it still run, later ones wait for the next run()

 private:
    using Due = std::pair<std::chrono::steady_clock::time_point, TimerId>;

    Task next_task();  // waits for one
    Task due_timer();  // empty: none is due

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Task> tasks_;
    std::map<Due, Task> timers_;
    TimerId last_timer_{0};
    bool timers_turn_{false};
    bool stopping_{false};  // on the loop only
};

}  // namespace berth::service
