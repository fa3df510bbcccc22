#include "service/workers.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

namespace berth::service {

Workers::Workers(Loop& loop, const std::map<Lane, unsigned>& threads) : loop_(loop) {
    for (const auto& [lane, count] : threads) {
        const std::lock_guard lock(mutex_);
        auto& queue = queues_[lane];
        for (unsigned i = 0; i < count; ++i)
            threads_.emplace_back([this, &queue] { work(queue); });
    }
}

Workers::~Workers() {
    stop();
}

std::stop_source Workers::submit(Lane lane, std::string key, Job job) {
    std::stop_source stop;
    const std::lock_guard lock(mutex_);
    if (stopping_) {
        stop.request_stop();
        return stop;
    }
    const auto number = ++last_number_;
    bool is_ready = true;
    if (!key.empty()) {
        auto& turns = turns_[key];
        turns.push_back({number, lane});
        is_ready = turns.size() == 1;
    }
    auto& queue = queues_[lane];
    queue.waiting.push_back({number, std::move(key), std::move(job), stop});
    if (is_ready) queue.wake.notify_one();
    return stop;
}

bool Workers::withdraw(const std::stop_source& job) {
    Entry gone;  // ends without the lock: what its job holds may call back
    const std::lock_guard lock(mutex_);
    for (auto& [lane, queue] : queues_) {
        const auto at =
            std::ranges::find_if(queue.waiting, [&job](const Entry& waiting) { return waiting.stop == job; });
        if (at == queue.waiting.end()) continue;
        gone = std::move(*at);
        queue.waiting.erase(at);
        end_turn(gone);
        return true;
    }
    return false;
}

void Workers::stop() {
    std::deque<Entry> dropped;
    std::map<std::uint64_t, std::stop_source> running;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        for (auto& [lane, queue] : queues_) {
            std::ranges::move(std::exchange(queue.waiting, {}), std::back_inserter(dropped));
            queue.wake.notify_all();
        }
        running = running_;
    }
    for (auto& [number, source] : running)
        source.request_stop();  // without the lock: it may call back
    for (auto& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

void Workers::work(Queue& queue) {
    for (;;) {
        Entry entry;
        if (!take(queue, entry)) return;
        Task done;
        try {
            done = entry.job(entry.stop.get_token());
        } catch (...) {
            done = [error = std::current_exception()] { std::rethrow_exception(error); };
        }
        finish(entry, std::move(done));
    }
}

bool Workers::take(Queue& queue, Entry& entry) {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (stopping_) return false;
        if (find_ready(queue, entry)) break;
        queue.wake.wait(lock);
    }
    running_.emplace(entry.number, entry.stop);
    return true;
}

bool Workers::find_ready(Queue& queue, Entry& entry) {
    const auto ready = std::ranges::find_if(queue.waiting, [this](const Entry& waiting) {
        return waiting.key.empty() || turns_[waiting.key].front().number == waiting.number;
    });
    if (ready == queue.waiting.end()) return false;
    entry = std::move(*ready);
    queue.waiting.erase(ready);
    return true;
}

// The task is posted before the next job of the key may start: results of a key reach the loop in order.
void Workers::finish(const Entry& entry, Task done) {
    const std::lock_guard lock(mutex_);
    running_.erase(entry.number);
    if (done && !stopping_) loop_.post(std::move(done));
    end_turn(entry);
}

// With the lock.
void Workers::end_turn(const Entry& entry) {
    if (entry.key.empty()) return;
    const auto turns = turns_.find(entry.key);
    auto& order = turns->second;
    const bool was_first = order.front().number == entry.number;
    std::erase_if(order, [&entry](const Turn& turn) { return turn.number == entry.number; });
    if (order.empty())
        turns_.erase(turns);
    else if (was_first)
        queues_[order.front().lane].wake.notify_one();
}

}  // namespace berth::service
