// What the kernel says of a process, and programs that say when they are ready.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "test/bench/mqtt.hpp"
#include "test/support/child.hpp"
#include "test/support/lab.hpp"

namespace berth::bench {

double pss_mb(int pid);
std::int64_t cpu_ns(int pid);   // of all its threads, also of those that have ended
std::int64_t wakeups(int pid);  // how often the threads that it has now have waited for something
// Of what the lab started those with one of these names, cut to 15 characters as the kernel does.
std::vector<int> processes_of(const test::Lab& lab, const std::set<std::string>& names);

// What a process needs while it is watched.
class Watch {
 public:
    explicit Watch(int pid) : pid_(pid), cpu_ns_(cpu_ns(pid)), wakeups_(wakeups(pid)) {}

    struct PerSecond {
        double cpu_us{};
        double wakeups{};
    };
    PerSecond so_far() const;

 private:
    int pid_;
    std::int64_t cpu_ns_;
    std::int64_t wakeups_;
    Clock::time_point since_{Clock::now()};
};

// A program that writes "ready" once it is; the constructor returns then.
class ReadyProgram {
 public:
    explicit ReadyProgram(const std::vector<std::string>& command);

    int pid() const { return child_.pid(); }
    double ms() const { return std::chrono::duration<double, std::milli>(ready_ - begin_).count(); }

 private:
    test::TempFolder folder_{};
    Clock::time_point begin_{Clock::now()};
    Clock::time_point ready_{};
    test::Child child_;
};

}  // namespace berth::bench
