// One table: topic filter -> handler. It is the daemon's public surface and its list of subscriptions.
// Inbox stands before it: the bounded way from the client library's threads to the loop.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "service/link.hpp"
#include "service/loop.hpp"

namespace berth::service {

class Router {
 public:
    void add(std::vector<Route> routes);

    std::vector<std::string> filters() const;  // each once, in the order of the table; not those on demand

    Keep keep(const std::string& topic) const;  // the most that a route wants; from any thread

    void dispatch(const Message& message) const;  // to every route that matches
    void refuse(const Message& message) const;    // to `refused` of every route that matches

 private:
    std::vector<Route> routes_;
};

// What a message costs while it waits, besides its topic and payload; without it, empty ones had no bound.
inline constexpr std::size_t kMessageOverhead = 256;

// Messages wait here, in order, until the loop takes them. Past the bound a message is cut and refused
// through its routes; when even those pile up, it is counted and logged. The inbox outlives the loop's tasks.
class Inbox {
 public:
    struct Limits {
        std::size_t bytes{16 * 1024 * 1024};  // of messages that will be dispatched, kMessageOverhead each
        std::size_t refusals{1024};           // cut messages that wait
    };

    Inbox(Loop& loop, const Router& router) : Inbox(loop, router, Limits{}) {}
    Inbox(Loop& loop, const Router& router, Limits limits);

    // Asked for what a route wants kept, before accept() returns and on its thread; says its inbox_number.
    // Without a keeper nothing is kept. Before the first accept().
    using Keeper = std::function<std::uint64_t(const Message&, Keep)>;
    void keep_by(Keeper keeper) { keeper_ = std::move(keeper); }

    void accept(Message message);  // from any thread; waits for the keeper only

 private:
    void keep(Message& message) const;
    void accept_refusal(Message message);
    void on_refusal(const Message& message);

    Loop& loop_;
    const Router& router_;
    const Limits limits_;
    Keeper keeper_{};
    std::atomic<std::size_t> waiting_bytes_{0};
    std::atomic<std::size_t> waiting_refusals_{0};
    std::atomic<std::size_t> lost_{0};
    bool overloaded_{false};  // on the loop
};

}  // namespace berth::service
