// A thread for what blocks inside the client library. One that does not come back in time is left behind.
#pragma once

#include <chrono>
#include <future>
#include <thread>
#include <utility>

namespace berth::service {

// Used on one thread. One thing at a time.
class SideThread {
 public:
    SideThread() = default;
    ~SideThread();  // waits for as long as it takes
    SideThread(const SideThread&) = delete;
    SideThread& operator=(const SideThread&) = delete;

    // `body` owns all that it uses: it may outlive everything else. Throws std::system_error: no thread.
    template <class Body>
    void begin(Body body) {
        std::promise<void> done;
        done_ = done.get_future();
        thread_ = std::thread([body = std::move(body), done = std::move(done)]() mutable {
            body();
            done.set_value();
        });
    }

    bool is_under_way() const { return thread_.joinable(); }
    void join() { thread_.join(); }

    // False: it is not back by then and is left behind, which is logged.
    bool await_or_leave(std::chrono::steady_clock::time_point until);

 private:
    void leave();

    std::thread thread_{};
    std::future<void> done_{};
};

}  // namespace berth::service
