#include "test/support/relay.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace berth::test {
namespace {

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw std::system_error(ENAMETOOLONG, std::generic_category(), path);
    path.copy(address.sun_path, path.size());
    return address;
}

}  // namespace

bool send_all(int socket, const char* bytes, std::size_t count) {
    while (count > 0) {
        const auto sent = send(socket, bytes, count, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes += sent;
        count -= static_cast<std::size_t>(sent);
    }
    return true;
}

void hand_on(const Relay::Connection& connection, const Upstream& upstream) {
    const auto [client, server, end] = connection;
    std::array<char, 65536> piece{};
    while (server >= 0) {
        std::array<pollfd, 3> fds = {{{client, POLLIN, 0}, {server, POLLIN, 0}, {end, POLLIN, 0}}};
        poll(fds.data(), fds.size(), -1);
        if (fds[2].revents != 0) return;
        for (const bool up : {true, false}) {
            if (fds[up ? 0 : 1].revents == 0) continue;
            const auto got = recv(up ? client : server, piece.data(), piece.size(), 0);
            if (got <= 0) return;
            const auto count = static_cast<std::size_t>(got);
            if (up && upstream) upstream(piece.data(), count);
            if (!send_all(up ? server : client, piece.data(), count)) return;
        }
    }
}

Relay::Relay(std::string socket, std::string behind, Serve serve)
    : socket_(std::move(socket)),
      behind_(std::move(behind)),
      serve_(std::move(serve)),
      listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto address = unix_address(socket_);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener_, 64) != 0 || pipe2(end_, O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), socket_);
    acceptor_ = std::jthread([this] { accept_all(); });
}

Relay::~Relay() {
    close(end_[1]);  // the other end becomes readable for everybody
    acceptor_.join();
    connections_.clear();
    close(end_[0]);
    close(listener_);
    unlink(socket_.c_str());
}

void Relay::accept_all() {
    for (;;) {
        std::array<pollfd, 2> fds = {{{listener_, POLLIN, 0}, {end_[0], POLLIN, 0}}};
        poll(fds.data(), fds.size(), -1);
        if (fds[1].revents != 0) return;
        const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client >= 0) connections_.emplace_back([this, client] { hand_over(client); });
    }
}

void Relay::hand_over(int client) const {
    int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = unix_address(behind_);
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        close(server);
        server = -1;
    }
    serve_({client, server, end_[0]});
    close(client);
    if (server >= 0) close(server);
}

}  // namespace berth::test
