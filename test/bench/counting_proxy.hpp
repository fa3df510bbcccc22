// A Unix socket before the engine's: hands every byte on and counts the requests that pass.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace berth::bench {

class CountingProxy {
 public:
    CountingProxy(std::string socket, std::string engine_socket);
    ~CountingProxy();
    CountingProxy(const CountingProxy&) = delete;
    CountingProxy& operator=(const CountingProxy&) = delete;

    const std::string& socket() const { return socket_; }
    std::vector<std::string> take();  // "GET /v1.41/containers/json?…": what passed since the last time

 private:
    void accept_all();
    void hand_on(int client);
    void note(std::string& seen, const char* bytes, std::size_t count);

    std::string socket_;
    std::string engine_socket_;
    int listener_;
    int end_[2]{-1, -1};  // a pipe that wakes every thread
    std::mutex mutex_;
    std::vector<std::string> requests_;
    std::vector<std::jthread> connections_;
    std::jthread acceptor_;
};

}  // namespace berth::bench
