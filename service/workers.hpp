// Lanes of worker threads for calls that block. A stalled pull fills its own lane and delays nothing else.
// It knows nothing of what the jobs do, and a result only ever reaches the loop.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "service/loop.hpp"

namespace berth::service {

// More would help only images of few layers: the engine itself loads three layers at once, if not told more.
inline constexpr unsigned kPullsAtOnce = 2;

enum class Lane {
    Pulls,    // kPullsAtOnce threads, however many actions are in progress
    Steps,    // update_agent.parallel threads; up to 16 stops
    Quick,    // 4 threads: list, inspect, store
    Surveys,  // 2 threads: whether there is room, descriptors of modules; they wait for other machines
    Records   // 1 thread: what must be on disk before anything is said, behind no call of the engine
};

// Runs on a worker; the Task it returns (may be empty) runs on the loop. The token asks it to end early.
// A job that throws ends the process, like a task on the loop.
using Job = std::function<Task(std::stop_token)>;

class Workers {
 public:
    Workers(Loop& loop, const std::map<Lane, unsigned>& threads);
    ~Workers();  // stops and joins
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    // Jobs with the same non-empty key keep their order and never overlap, also across lanes (a container's
    // id, or a word that begins with a colon, which no id does); meanwhile other keys of the lane go ahead.
    // The returned source stops this one job: one that still waits is run all the same, with its token set,
    // so that its Task can tell.
    std::stop_source submit(Lane lane, std::string key, Job job);
    // Takes that job out, if it still waits: it never runs, and its key is the next one's turn. False: it
    // runs, or has run.
    bool withdraw(const std::stop_source& job);

    // No new work; waiting jobs are dropped, every running job is asked to stop, threads are joined, their
    // tasks are dropped. Blocks until the last job has returned.
    void stop();

 private:
    struct Entry {
        std::uint64_t number{};
        std::string key{};
        Job job{};
        std::stop_source stop{};
    };

    struct Queue {  // of a lane
        std::deque<Entry> waiting{};
        std::condition_variable wake{};  // of its threads: one for each job that becomes ready
    };
    struct Turn {
        std::uint64_t number{};
        Lane lane{};
    };

    void work(Queue& queue);
    bool take(Queue& queue, Entry& entry);  // false: stopping
    bool find_ready(Queue& queue, Entry& entry);
    void finish(const Entry& entry, Task done);
    void end_turn(const Entry& entry);

    Loop& loop_;
    std::mutex mutex_;
    std::map<Lane, Queue> queues_;
    std::map<std::string, std::deque<Turn>> turns_;  // per key: jobs in order, the first may run
    std::map<std::uint64_t, std::stop_source> running_;
    std::uint64_t last_number_{0};
    bool stopping_{false};
    std::vector<std::thread> threads_;
};

}  // namespace berth::service
