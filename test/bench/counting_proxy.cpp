#include "test/bench/counting_proxy.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

namespace berth::bench {
namespace {

constexpr std::string_view kRequestEnd = " HTTP/1.1";

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw std::system_error(ENAMETOOLONG, std::generic_category(), path);
    path.copy(address.sun_path, path.size());
    return address;
}

bool send_all(int fd, const char* bytes, std::size_t count) {
    while (count > 0) {
        const auto sent = send(fd, bytes, count, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes += sent;
        count -= static_cast<std::size_t>(sent);
    }
    return true;
}

}  // namespace

CountingProxy::CountingProxy(std::string socket, std::string engine_socket)
    : socket_(std::move(socket)),
      engine_socket_(std::move(engine_socket)),
      listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto address = address_of(socket_);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener_, 64) != 0 || pipe2(end_, O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), socket_);
    acceptor_ = std::jthread([this] { accept_all(); });
}

CountingProxy::~CountingProxy() {
    close(end_[1]);  // the other end becomes readable for everybody
    acceptor_.join();
    connections_.clear();
    close(end_[0]);
    close(listener_);
    unlink(socket_.c_str());
}

std::vector<std::string> CountingProxy::take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(requests_, {});
}

void CountingProxy::accept_all() {
    for (;;) {
        std::array<pollfd, 2> fds = {{{listener_, POLLIN, 0}, {end_[0], POLLIN, 0}}};
        poll(fds.data(), fds.size(), -1);
        if (fds[1].revents != 0) return;
        const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client >= 0) connections_.emplace_back([this, client] { hand_on(client); });
    }
}

void CountingProxy::hand_on(int client) {
    const int engine = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = address_of(engine_socket_);
    bool open = connect(engine, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    std::string seen;
    std::array<char, 65536> piece{};
    while (open) {
        std::array<pollfd, 3> fds = {{{client, POLLIN, 0}, {engine, POLLIN, 0}, {end_[0], POLLIN, 0}}};
        poll(fds.data(), fds.size(), -1);
        if (fds[2].revents != 0) break;
        for (const bool upstream : {true, false}) {
            if (fds[upstream ? 0 : 1].revents == 0) continue;
            const auto count = recv(upstream ? client : engine, piece.data(), piece.size(), 0);
            if (count <= 0) {
                open = false;
                break;
            }
            if (upstream) note(seen, piece.data(), static_cast<std::size_t>(count));
            open = send_all(upstream ? engine : client, piece.data(), static_cast<std::size_t>(count));
        }
    }
    close(client);
    close(engine);
}

// A request's first line ends with the protocol's version; a body (JSON in one line) may stand before it.
void CountingProxy::note(std::string& seen, const char* bytes, std::size_t count) {
    seen.append(bytes, count);
    std::size_t begin = 0;
    for (auto end = seen.find("\r\n"); end != std::string::npos; end = seen.find("\r\n", begin)) {
        const auto line = std::string_view(seen).substr(begin, end - begin);
        begin = end + 2;
        if (!line.ends_with(kRequestEnd)) continue;
        const auto body_end = line.rfind('}');
        const auto first = body_end == std::string_view::npos ? 0 : body_end + 1;
        const std::lock_guard lock(mutex_);
        requests_.emplace_back(line.substr(first, line.size() - kRequestEnd.size() - first));
    }
    seen.erase(0, begin);
}

}  // namespace berth::bench
