// Whoever sends Berth desired states in these benches, and the berthd it sends them to.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "test/bench/mqtt.hpp"
#include "test/support/child.hpp"
#include "test/support/lab.hpp"

namespace berth::bench {

struct DaemonOptions {
    std::string name{};  // its domain, namespace and folder; one word, not ending in "update"
    int parallel{4};
    std::string socket{};                    // empty: the engine's own
    std::vector<std::string> environment{};  // "NAME=value"
    std::string program{};                   // empty: berthd, or the one in BERTH_BENCHED
    std::string broker{};                    // its URL; empty: the lab's
    std::vector<std::string> inside{};       // "nsenter", "--net=…": what starts it somewhere else
};

// A berthd with default settings, but for what keeps several of them apart.
class Daemon {
 public:
    Daemon(const test::Lab& lab, const test::TempFolder& folder, DaemonOptions options);
    ~Daemon();  // SIGTERM; its containers keep running
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    int pid() const { return child_.pid(); }
    bool running() { return child_.running(); }
    static std::string log_of(const test::Lab& lab, const std::string& name);  // a file, for all of that name

 private:
    test::Child child_;
};

struct Component {
    std::string name{};
    std::string image{};
    std::string port{};    // "18080:80/tcp"; empty: none
    std::string memory{};  // "64M"; empty: no limit
};
std::vector<Component> sleepers(const std::string& prefix, int count);

class Operator {
 public:
    Operator(const test::Lab& lab, const std::string& daemon_name);

    void await_ready();  // until the daemon has told its first inventory

    // Publishes and waits for COMPLETED; throws on any other end. Both times are on the same clock.
    struct Applied {
        Clock::time_point published{};
        std::chrono::system_clock::time_point published_at{};
        Clock::time_point completed{};
        double ms() const { return std::chrono::duration<double, std::milli>(completed - published).count(); }
    };
    Applied apply(const std::vector<Component>& components);

    // The parts of it, for who has something else to look at meanwhile.
    void send(const std::vector<Component>& components);
    void send_again();                              // the very same
    bool listen(Clock::time_point deadline);        // to one message; false: none came
    bool is_accepted() const { return accepted_; }  // IDENTIFIED was heard
    bool has_ended() const { return !end_.empty(); }
    const std::string& end() const { return end_; }  // COMPLETED, INCOMPLETE or IDENTIFICATION_FAILED
    Clock::time_point ended_at() const { return ended_at_; }
    void expect_ready() { ready_ = false; }   // a daemon starts
    bool is_ready() const { return ready_; }  // it has told its inventory

    // A message of the size of that desired state through the broker and back, and a short one: what a
    // command and its answer need at least. In ms.
    double round_trip(const std::vector<Component>& components);

 private:
    void take_in(const Arrival& message);
    Clock::time_point await_echo(const std::string& payload);

    std::string domain_;
    Mqtt mqtt_;
    int activity_{0};
    bool applied_before_{false};
    std::string sent_{};  // the last desired state
    std::string end_{};   // of its activity
    Clock::time_point ended_at_{};
    bool accepted_{false};
    bool ready_{false};
};

}  // namespace berth::bench
