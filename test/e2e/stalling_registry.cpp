#include "test/e2e/stalling_registry.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <system_error>
#include <vector>

#include "test/support/loopback.hpp"

namespace berth::test {
namespace {

[[noreturn]] void give_up(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

// A socket belongs for ever to the namespace it was made in; a thread of its own goes there and ends.
int listen_in(const std::string& network_namespace) {
    int made = -1;
    std::thread([&] {
        const int there = open(network_namespace.c_str(), O_RDONLY | O_CLOEXEC);
        if (setns(there, CLONE_NEWNET) == 0) made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        close(there);
    }).join();
    if (made < 0) give_up("socket in the engine's namespace");
    sockaddr_in address = loopback();
    if (bind(made, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(made, 16) != 0)
        give_up("listen");
    return made;
}

int port_of(int listener) {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    if (getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) give_up("getsockname");
    return ntohs(address.sin_port);
}

constexpr std::string_view kIsRegistry =
    "HTTP/1.1 200 OK\r\nDocker-Distribution-Api-Version: registry/2.0\r\nContent-Length: 2\r\n\r\n{}";

}  // namespace

StallingRegistry::StallingRegistry(const std::string& network_namespace)
    : listener_(listen_in(network_namespace)), end_(eventfd(0, EFD_CLOEXEC)) {
    port_ = port_of(listener_);
    thread_ = std::thread([this] { serve(); });
}

StallingRegistry::~StallingRegistry() {
    const std::uint64_t one = 1;
    if (write(end_, &one, sizeof one) == sizeof one) thread_.join();
    close(listener_);
    close(end_);
}

std::string StallingRegistry::image(const std::string& name) const {
    return "127.0.0.1:" + std::to_string(port_) + "/" + name + ":1";
}

// Of each connection: whether somebody on it waits for an answer.
void StallingRegistry::serve() {
    std::map<int, bool> connections;
    const auto drop = [&](int connection) {
        if (connections.at(connection)) --waiting_;
        connections.erase(connection);
        close(connection);
    };
    for (;;) {
        std::vector<pollfd> all = {{end_, POLLIN, 0}, {listener_, POLLIN, 0}};
        for (const auto& [connection, kept] : connections)
            all.push_back({connection, POLLIN, 0});
        poll(all.data(), all.size(), -1);
        if (all[0].revents != 0) break;
        for (std::size_t i = 2; i < all.size(); ++i) {
            if (all[i].revents == 0) continue;
            std::array<char, 4096> bytes{};
            const auto count = read(all[i].fd, bytes.data(), bytes.size());
            const std::string_view asked(bytes.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
            if (asked.starts_with("GET /v2/ ")) {
                if (write(all[i].fd, kIsRegistry.data(), kIsRegistry.size()) < 0) drop(all[i].fd);
            } else if (asked.starts_with("GET ") || asked.starts_with("HEAD ")) {
                connections[all[i].fd] = true;
                ++waiting_;
            } else {
                drop(all[i].fd);  // the other side has gone, or tries TLS first
            }
        }
        if (all[1].revents != 0)
            if (const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC); connection >= 0)
                connections.emplace(connection, false);
    }
    for (const auto& [connection, kept] : connections)
        close(connection);
}

}  // namespace berth::test
