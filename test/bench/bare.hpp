// The same work without Berth: bare calls on the engine over libcurl, with bodies written here, and the
// engine's own account of when something happened.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "runtime/docker/http.hpp"

namespace berth::bench {

class Bare {
 public:
    explicit Bare(const std::string& socket) : http_(socket) {}

    std::string create(const std::string& name, const std::string& body) const;  // the engine's id
    void start(const std::string& id) const;
    void stop(const std::string& id) const;
    void remove(const std::string& id) const;  // by force
    void inspect(const std::string& id) const;
    std::vector<std::string> list(const std::string& name_space) const;  // ids, in whatever state
    // "/web berth-test/sleeper:1 running 67108864": name, image, state and memory limit of each, in order.
    std::vector<std::string> describe(const std::string& name_space) const;
    void ask_list(const std::string& name_space) const;  // the same answer, unread
    void remove_all() const;                             // every container of the engine
    bool has_network(const std::string& name) const;
    // A network with the options that another one has, on a bridge of its own.
    void make_network_like(const std::string& model, const std::string& name) const;

 private:
    runtime::docker::Reply call(std::string_view method, const std::string& path,
                                std::string body = {}) const;

    runtime::docker::Http http_;
};

// What a container of the bare loop is made from: {"Image": …, "HostConfig": {"NetworkMode": …}}.
std::string container_body(const std::string& image, const std::string& network, int host_port = 0);

struct Happened {
    std::string action{};  // "start", "die", …
    std::string id{};
    std::int64_t time_ns{};     // since 1970, the engine's clock, which is ours
    std::int64_t arrived_ns{};  // the same, when it came here
};

class EventLog {
 public:
    explicit EventLog(const std::string& socket);  // returns once the engine has accepted the subscription
    ~EventLog();
    EventLog(const EventLog&) = delete;
    EventLog& operator=(const EventLog&) = delete;

    void clear();
    // The first `count` events of that kind since clear(); throws when they don't come.
    std::vector<Happened> await(const std::string& action, std::size_t count);

 private:
    void run(const std::stop_token& stop);
    void add(std::string_view line);

    runtime::docker::Http http_;
    std::mutex mutex_;
    std::condition_variable news_;
    std::vector<Happened> events_;
    bool subscribed_{false};
    std::jthread thread_;  // last: it uses the others
};

}  // namespace berth::bench
