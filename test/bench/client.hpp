// A client of a published port: asks again 2 ms after each answer, from within the engine's network
// namespace.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>

namespace berth::bench {

class PortClient {
 public:
    PortClient(std::string network_namespace, int port);  // returns after the first answer
    ~PortClient();
    PortClient(const PortClient&) = delete;
    PortClient& operator=(const PortClient&) = delete;

    // The longest time between two answers until `text` is among the answers, in ms.
    double longest_gap_until(const std::string& text);

 private:
    void run(const std::stop_token& stop, const std::string& network_namespace, int port);
    void on_answer(const std::string& answer);

    std::mutex mutex_;
    std::chrono::steady_clock::time_point last_{};
    std::string newest_{};
    double gap_ms_{};
    std::jthread thread_;  // last: it uses the others
};

}  // namespace berth::bench
