// A berthd of a test's own: the real binary, with folders, a configuration file and a log of its own.
// What it does is looked at from outside.
#pragma once

#include <csignal>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "test/support/child.hpp"

namespace berth::test {

class Daemon {
 public:
    // Option to TOML value: {"update_agent.parallel", "1"}, {"mqtt.url", quoted("tcp://…")}.
    using Options = std::map<std::string, std::string>;
    static std::string quoted(const std::string& text);

    static void use(std::string program);  // another build of berthd, from now on

    explicit Daemon(Options options);  // starts nothing
    ~Daemon();                         // SIGKILL if it still runs
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    void start();  // returns at once
    // From now on it is started by this command, which becomes berthd: nsenter with its options.
    void start_by(std::vector<std::string> command);
    void set(const std::string& option, const std::string& value);  // written at once, for the next reader
    void stop();  // throws unless it ends with 0 within 5 s of SIGTERM
    void kill();
    void signal(int number) const { process_->signal(number); }
    bool running() const { return process_ && process_->running(); }
    int wait() const { return process_->wait(); }  // exit status
    pid_t pid() const { return process_->pid(); }

    std::string log() const;                           // since the last start
    bool logs(const std::string& text) const;          // has, or soon will have
    std::size_t count(const std::string& text) const;  // lines of log() with it

    std::string home() const { return folder_ / "home"; }
    std::string run_dir() const { return folder_ / "run"; }
    std::string file(const std::string& name) const { return folder_ / name; }  // beside them, for the test

 private:
    void write() const;

    TempFolder folder_{};
    Options options_;
    std::vector<std::string> start_by_{};
    std::size_t log_from_{};
    std::unique_ptr<Child> process_{};
};

}  // namespace berth::test
