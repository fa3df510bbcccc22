#include "test/bench/network.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "test/support/loopback.hpp"
#include "test/support/relay.hpp"

namespace berth::bench {
namespace {

[[noreturn]] void give_up(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

void send_at_once(int socket) {
    const int yes = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

}  // namespace

void enter_network(const std::string& network_namespace) {
    const int there = open(network_namespace.c_str(), O_RDONLY | O_CLOEXEC);
    if (there < 0) give_up(network_namespace);
    const bool entered = setns(there, CLONE_NEWNET) == 0;
    close(there);
    if (!entered) give_up("enter " + network_namespace);
}

void in_network(const std::string& network_namespace, const std::function<void()>& work) {
    std::exception_ptr failed;
    std::thread([&] {
        try {
            enter_network(network_namespace);
            work();
        } catch (...) {
            failed = std::current_exception();
        }
    }).join();
    if (failed) std::rethrow_exception(failed);
}

int neighbour_timer(const std::string& network_namespace, const std::string& bridge) {
    int timer = 0;
    in_network(network_namespace, [&] {
        std::ifstream file("/proc/sys/net/ipv4/neigh/" + bridge + "/retrans_time_ms");
        if (!(file >> timer)) throw std::runtime_error("no neighbour timer of bridge " + bridge);
    });
    return timer;
}

// A socket belongs for ever to the namespace it was made in.
Door::Door(const std::string& network_namespace, int port) : port_(port), end_(eventfd(0, EFD_CLOEXEC)) {
    in_network(network_namespace, [&] {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int yes = 1;
        setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        const sockaddr_in address = test::loopback(port);
        if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            listen(listener_, 16) != 0)
            give_up("listen in the engine's network");
    });
    acceptor_ = std::jthread([this] { accept_all(); });
}

Door::~Door() {
    const std::uint64_t one = 1;
    if (write(end_, &one, sizeof one) != sizeof one) std::terminate();  // the threads would never end
    acceptor_.join();
    connections_.clear();
    close(end_);
    close(listener_);
}

void Door::accept_all() {
    for (;;) {
        std::array<pollfd, 2> fds = {{{listener_, POLLIN, 0}, {end_, POLLIN, 0}}};
        poll(fds.data(), fds.size(), -1);
        if (fds[1].revents != 0) return;
        const int inside = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (inside >= 0) connections_.emplace_back([this, inside] { carry(inside); });
    }
}

void Door::carry(int inside) const {
    const int outside = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = test::loopback(port_);
    const bool open = connect(outside, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    send_at_once(inside);
    send_at_once(outside);
    if (open) test::hand_on({inside, outside, end_});
    close(inside);
    close(outside);
}

}  // namespace berth::bench
