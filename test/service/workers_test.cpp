#include "service/workers.hpp"

#include <atomic>
#include <future>
#include <map>
#include <random>

#include "test/support/catch.hpp"

using namespace berth::service;
using namespace std::chrono_literals;

namespace {

const std::map<Lane, unsigned> kLanes{{Lane::Pulls, 2}, {Lane::Steps, 4}, {Lane::Quick, 4}};

// Blocks until it is asked to stop.
void wait_for_stop(const std::stop_token& stop) {
    std::promise<void> asked;
    const std::stop_callback on_stop(stop, [&asked] { asked.set_value(); });
    asked.get_future().wait();
}

}  // namespace

TEST_CASE("the task a job returns runs on the loop, an empty one is no task", "[service]") {
    Loop loop;
    Workers workers(loop, kLanes);
    const auto loop_thread = std::this_thread::get_id();
    std::thread::id job_ran_on;
    std::thread::id task_ran_on;
    workers.submit(Lane::Quick, "", [](std::stop_token) { return Task{}; });
    workers.submit(Lane::Quick, "web", [&](std::stop_token) -> Task {
        job_ran_on = std::this_thread::get_id();
        return [&] {
            task_ran_on = std::this_thread::get_id();
            loop.stop();
        };
    });
    loop.run();
    CHECK(task_ran_on == loop_thread);
    CHECK(job_ran_on != loop_thread);
}

TEST_CASE("a stalled lane delays no other lane", "[service]") {
    Loop loop;
    Workers workers(loop, kLanes);
    for (int i = 0; i < 5; ++i) {
        workers.submit(Lane::Pulls, "", [](std::stop_token stop) {
            wait_for_stop(stop);
            return Task{};
        });
    }
    workers.submit(Lane::Steps, "", [&](std::stop_token) -> Task { return [&] { loop.stop(); }; });
    loop.run();  // ends: that is the check
    workers.stop();
}

TEST_CASE("a job whose key is busy lets the others of its lane go first", "[service]") {
    Loop loop;
    Workers workers(loop, {{Lane::Steps, 2}});
    std::string order;
    auto first = workers.submit(Lane::Steps, "web", [&](std::stop_token stop) -> Task {
        wait_for_stop(stop);
        return [&] { order += "1"; };
    });
    workers.submit(Lane::Steps, "web", [&](std::stop_token) -> Task {
        return [&] {
            order += "2";
            loop.stop();
        };
    });
    workers.submit(Lane::Steps, "db", [&](std::stop_token) -> Task {
        return [&] {
            order += "d";
            first.request_stop();
        };
    });
    loop.run();
    CHECK(order == "d12");
}

TEST_CASE("jobs of one key keep their order and never overlap, in whatever lanes they are", "[service]") {
    Loop loop;
    Workers workers(loop, kLanes);
    constexpr int kJobs = 2000;
    std::mt19937 rng(7);
    std::map<std::string, std::vector<int>> submitted;
    std::map<std::string, std::vector<int>> done;
    std::map<std::string, std::atomic<int>> inside;
    for (const char* key : {"a", "b", "c", "d", "e"})
        inside[key] = 0;
    std::atomic<int> overlaps{0};
    int finished = 0;
    for (int i = 0; i < kJobs; ++i) {
        const std::string key(1, static_cast<char>('a' + rng() % 5));
        submitted[key].push_back(i);
        workers.submit(static_cast<Lane>(rng() % 3), key, [&, key, i](std::stop_token) -> Task {
            auto& count = inside.at(key);
            if (count.fetch_add(1) != 0) ++overlaps;
            std::this_thread::yield();
            count.fetch_sub(1);
            return [&, key, i] {
                done[key].push_back(i);
                if (++finished == kJobs) loop.stop();
            };
        });
    }
    loop.run();
    CHECK(overlaps == 0);
    CHECK(done == submitted);
}

TEST_CASE("a job that is stopped while it waits runs with its token set", "[service]") {
    Loop loop;
    Workers workers(loop, {{Lane::Quick, 1}});
    auto first = workers.submit(Lane::Quick, "", [](std::stop_token stop) {
        wait_for_stop(stop);
        return Task{};
    });
    bool was_stopped = false;
    auto second = workers.submit(Lane::Quick, "", [&](std::stop_token stop) -> Task {
        return [&, stopped = stop.stop_requested()] {
            was_stopped = stopped;
            loop.stop();
        };
    });
    second.request_stop();
    first.request_stop();
    loop.run();
    CHECK(was_stopped);
}

TEST_CASE("a job that is withdrawn while it waits never runs and holds up nobody of its key", "[service]") {
    Loop loop;
    Workers workers(loop, {{Lane::Pulls, 1}, {Lane::Steps, 1}});
    std::promise<void> running;
    const auto busy = workers.submit(Lane::Pulls, "", [&](std::stop_token stop) {
        running.set_value();
        wait_for_stop(stop);
        return Task{};
    });
    std::atomic<bool> ran{false};
    const auto first = workers.submit(Lane::Pulls, "web", [&](std::stop_token) {
        ran = true;
        return Task{};
    });
    const auto behind = workers.submit(Lane::Pulls, "web", [&](std::stop_token) {
        ran = true;
        return Task{};
    });
    workers.submit(Lane::Steps, "web", [&](std::stop_token) -> Task { return [&] { loop.stop(); }; });
    running.get_future().wait();
    CHECK_FALSE(workers.withdraw(busy));
    CHECK(workers.withdraw(behind));
    CHECK(workers.withdraw(first));
    CHECK_FALSE(workers.withdraw(first));
    loop.run();  // ends: nobody has the key
    workers.stop();
    CHECK_FALSE(ran);
}

TEST_CASE("stop ends running jobs, drops waiting ones and every result", "[service]") {
    Loop loop;
    Workers workers(loop, {{Lane::Quick, 1}});
    bool result_seen = false;
    std::atomic<bool> waiting_ran{false};
    std::promise<void> running;
    workers.submit(Lane::Quick, "web", [&](std::stop_token stop) -> Task {
        running.set_value();
        wait_for_stop(stop);
        return [&] { result_seen = true; };
    });
    workers.submit(Lane::Quick, "web", [&](std::stop_token) {
        waiting_ran = true;
        return Task{};
    });
    running.get_future().wait();
    workers.stop();
    CHECK(workers.submit(Lane::Quick, "", [](std::stop_token) { return Task{}; }).stop_requested());
    loop.stop();
    loop.run();
    CHECK_FALSE(result_seen);
    CHECK_FALSE(waiting_ran);
}
