// Something behind a Unix socket that answers HTTP as it is told: what a real engine does not show on demand.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace berth::test {

class Peer {  // one connection, seen from the engine's side
 public:
    explicit Peer(int socket) : socket_(socket) {}
    void send(const std::string& bytes) const;
    void answer(int status, const std::string& body, const std::string& headers = "") const;
    void open_stream() const;  // 200, chunked
    void chunk(const std::string& bytes) const;
    void end_stream() const;
    void wait_until_closed() const;  // by the other side, or when the stub goes away
    void close();
    bool closed() const { return closed_; }

 private:
    int socket_;
    bool closed_{false};
};

class StubEngine {
 public:
    // request: "GET /v1.41/info", head and body of it follow after a line end. Called on the connection's
    // thread.
    using Handler = std::function<void(const std::string& request, Peer& peer)>;

    explicit StubEngine(Handler handler);
    ~StubEngine();
    StubEngine(const StubEngine&) = delete;
    StubEngine& operator=(const StubEngine&) = delete;

    std::string socket() const { return folder_ / "s"; }
    std::vector<std::string> requests() const;  // first lines, in order
    int connections() const { return accepted_; }

 private:
    void accept_all();
    void serve(int socket);

    Handler handler_;
    std::filesystem::path folder_;
    int listener_{-1};
    std::atomic<int> accepted_{0};
    mutable std::mutex mutex_;
    std::vector<int> sockets_{};
    std::vector<std::string> requests_{};
    std::vector<std::thread> serving_{};
    std::thread accepting_;
};

}  // namespace berth::test
