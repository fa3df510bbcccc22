#include "test/support/wait.hpp"

#include <memory>
#include <thread>

namespace berth::test {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLook{5};

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
    const auto deadline = Clock::now() + patience;
    while (!condition()) {
        if (Clock::now() > deadline) return false;
        std::this_thread::sleep_for(kLook);
    }
    return true;
}

bool run_until(service::Loop& loop, const std::function<bool()>& condition,
               std::chrono::milliseconds patience) {
    const auto deadline = Clock::now() + patience;
    bool holds = false;
    const std::function<void()> look = [&] {
        holds = condition();
        if (holds || Clock::now() > deadline) {
            loop.stop();
        } else {
            loop.post_after(kLook, look);
        }
    };
    loop.post(look);
    loop.run();
    return holds;
}

}  // namespace berth::test
