#include "service/loop.hpp"

#include <sys/resource.h>

#include <string>
#include <thread>
#include <vector>

#include "test/support/catch.hpp"

using namespace berth::service;
using namespace std::chrono_literals;

namespace {

long wake_ups() {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw + usage.ru_nivcsw;
}

}  // namespace

TEST_CASE("tasks run in the order they were posted, from any thread", "[service]") {
    Loop loop;
    std::vector<int> seen;
    std::thread other([&loop, &seen] {
        for (int i = 0; i < 1000; ++i)
            loop.post([&seen, i] { seen.push_back(i); });
        loop.stop();
    });
    loop.run();
    other.join();
    std::vector<int> expected(1000);
    for (int i = 0; i < 1000; ++i)
        expected[static_cast<std::size_t>(i)] = i;
    CHECK(seen == expected);
}

TEST_CASE("stop lets the tasks before it run and keeps the later ones for the next run", "[service]") {
    Loop loop;
    std::string seen;
    loop.post([&] { seen += 'a'; });
    loop.stop();
    loop.post([&] { seen += 'b'; });
    loop.run();
    CHECK(seen == "a");
    loop.stop();
    loop.run();
    CHECK(seen == "ab");
}

TEST_CASE("timers run by due time, equal ones in the order they were made", "[service]") {
    Loop loop;
    std::string seen;
    const auto start = std::chrono::steady_clock::now();
    loop.post_after(150ms, [&] { seen += 'c'; });
    loop.post_after(50ms, [&] { seen += 'a'; });
    loop.post_after(100ms, [&] { seen += 'b'; });
    loop.post_after(200ms, [&] { loop.stop(); });
    loop.run();
    CHECK(seen == "abc");
    CHECK(std::chrono::steady_clock::now() - start >= 200ms);
}

TEST_CASE("a cancelled timer never runs, not even one that is due already", "[service]") {
    Loop loop;
    bool ran = false;
    TimerId second = 0;
    loop.post_after(0ms, [&] { loop.cancel(second); });
    second = loop.post_after(0ms, [&] { ran = true; });
    const auto never = loop.post_after(1h, [&] { ran = true; });
    loop.cancel(never);
    loop.cancel(never);
    loop.cancel(0);
    loop.post_after(5ms, [&] { loop.stop(); });
    loop.run();
    CHECK_FALSE(ran);
}

TEST_CASE("a timer that is always due and a task that posts itself share the loop", "[service]") {
    Loop loop;
    int timers = 0;
    int tasks = 0;
    std::function<void()> timer = [&] {
        ++timers;
        loop.post_after(0ms, timer);
    };
    std::function<void()> task = [&] {
        if (++tasks == 1000) {
            loop.stop();
        } else {
            loop.post(task);
        }
    };
    timer();
    task();
    loop.run();
    CHECK(tasks == 1000);
    CHECK(timers >= 900);
}

TEST_CASE("an idle loop sleeps until its next timer", "[service]") {
    Loop loop;
    loop.post_after(300ms, [&] { loop.stop(); });
    const auto before = wake_ups();
    loop.run();
    CHECK(wake_ups() - before < 20);
}
