// Lanes of worker threads for calls that block. A stalled pull fills its own lane and delays nothing else.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "service/loop.hpp"

namespace berth::service {

enum class Lane {
    Pulls,  // 2 threads
    Steps,  // update_agent.parallel threads; up to 16 stops
    Quick   // 4 threads: list, inspect, store
};

// What a job may look at while it runs: asks it to end early.
using Job = std::function<Task(std::stop_token)>;  // runs on a worker; the Task it returns runs on the loop

class Workers {
 public:
    Workers(Loop& loop, std::map<Lane, unsigned> threads);
    ~Workers();  // stops and joins

    // Jobs with the same non-empty key keep their order and never overlap, also across lanes.
    // The returned source stops this one job, whether it waits or runs.
    std::stop_source submit(Lane lane, std::string key, Job job);

    void
    stop();  // no new work, every running job is asked to stop, threads are joined; done tasks are dropped

 private:
    struct Entry {
        std::string key;
        Job job;
        std::stop_source stop;
    };
    void work(Lane lane);
    bool take(Lane lane, Entry& entry);

    Loop& loop_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::map<Lane, std::deque<Entry>> waiting_;
    std::set<std::string> busy_keys_;
    std::vector<std::stop_source> running_;
    bool stopping_{false};
    std::vector<std::thread> threads_;
};

}  // namespace berth::service
