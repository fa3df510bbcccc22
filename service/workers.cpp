#include "service/workers.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace berth::service {

Workers::Workers(Loop& loop, const std::map<Lane, unsigned>& threads) : loop_(loop) {
    for (const auto& [lane, count] : threads) {
        for (unsigned i = 0; i < count; ++i)
            threads_.emplace_back([this, its_lane = lane] { work(its_lane); });
    }
}

Workers::~Workers() {
    stop();
}

std::stop_source Workers::submit(Lane lane, std::string key, Job job) {
    std::stop_source stop;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) {
            stop.request_stop();
            return stop;
        }
        const auto number = ++last_number_;
        if (!key.empty()) turns_[key].push_back(number);
        waiting_[lane].push_back({number, std::move(key), std::move(job), stop});
    }
    wake_.notify_all();  // the lanes share one condition: only threads of this lane can use it
    return stop;
}

void Workers::stop() {
    std::map<Lane, std::deque<Entry>> dropped;
    std::map<std::uint64_t, std::stop_source> running;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        dropped.swap(waiting_);
        running = running_;
    }
    wake_.notify_all();
    for (auto& [number, source] : running)
        source.request_stop();  // without the lock: it may call back
    for (auto& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

void Workers::work(Lane lane) {
    for (;;) {
        Entry entry;
        if (!take(lane, entry)) return;
        Task done;
        try {
            done = entry.job(entry.stop.get_token());
        } catch (...) {
            done = [error = std::current_exception()] { std::rethrow_exception(error); };
        }
        finish(entry, std::move(done));
    }
}

bool Workers::take(Lane lane, Entry& entry) {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (stopping_) return false;
        if (find_ready(waiting_[lane], entry)) break;
        wake_.wait(lock);
    }
    running_.emplace(entry.number, entry.stop);
    return true;
}

bool Workers::find_ready(std::deque<Entry>& lane, Entry& entry) {
    const auto ready = std::ranges::find_if(lane, [this](const Entry& waiting) {
        return waiting.key.empty() || turns_[waiting.key].front() == waiting.number;
    });
    if (ready == lane.end()) return false;
    entry = std::move(*ready);
    lane.erase(ready);
    return true;
}

// The task is posted before the next job of the key may start: results of a key reach the loop in order.
void Workers::finish(const Entry& entry, Task done) {
    {
        const std::lock_guard lock(mutex_);
        running_.erase(entry.number);
        if (done && !stopping_) loop_.post(std::move(done));
        if (entry.key.empty()) return;
        auto turn = turns_.find(entry.key);
        turn->second.pop_front();
        if (turn->second.empty()) turns_.erase(turn);
    }
    wake_.notify_all();
}

}  // namespace berth::service
