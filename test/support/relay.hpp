// A Unix socket before another one: for each connection it makes one behind. What passes between the two is
// up to whoever uses it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace berth::test {

class Relay {
 public:
    struct Connection {
        int client{-1};
        int server{-1};  // -1: nobody listens there
        int end{-1};     // readable once the relay goes away
    };
    // On a thread of its own for each connection. Returns when one side is done; closes neither.
    using Serve = std::function<void(const Connection&)>;

    Relay(std::string socket, std::string behind, Serve serve);
    ~Relay();  // when every connection has been served
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    const std::string& socket() const { return socket_; }

 private:
    void accept_all();
    void hand_over(int client) const;

    std::string socket_;
    std::string behind_;
    Serve serve_;
    int listener_;
    int end_[2]{-1, -1};  // a pipe that wakes every thread
    std::vector<std::jthread> connections_{};
    std::jthread acceptor_{};
};

// Whatever comes, both ways, until one side is done. `upstream` sees what the client sent, before it goes on.
using Upstream = std::function<void(const char* bytes, std::size_t count)>;
void hand_on(const Relay::Connection& connection, const Upstream& upstream = {});

bool send_all(int socket, const char* bytes, std::size_t count);  // false: the other side has gone

}  // namespace berth::test
