// A registry that speaks plain HTTP in the engine's network namespace, says that it is one, and never answers
// what it is asked for.
#pragma once

#include <atomic>
#include <string>
#include <thread>

namespace berth::test {

class StallingRegistry {
 public:
    explicit StallingRegistry(const std::string& network_namespace);  // a path as for nsenter
    ~StallingRegistry();
    StallingRegistry(const StallingRegistry&) = delete;
    StallingRegistry& operator=(const StallingRegistry&) = delete;

    std::string image(const std::string& name) const;  // a reference that it never delivers
    int waiting() const { return waiting_; }           // pulls that an engine is in the middle of

 private:
    void serve();

    int port_{};
    int listener_{-1};
    int end_{-1};  // an eventfd
    std::atomic<int> waiting_{0};
    std::thread thread_{};
};

}  // namespace berth::test
