#include "test/support/web_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace berth::test {

WebServer::WebServer() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, plain, size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, plain, &size) != 0)
        throw std::runtime_error("no web server");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

WebServer::~WebServer() {
    ending_ = true;
    thread_.join();
    ::close(listener_);
}

std::string WebServer::put(const std::string& path, const std::string& text) {
    const std::lock_guard lock(mutex_);
    texts_[path] = text;
    return "http://127.0.0.1:" + std::to_string(port_) + path;
}

void WebServer::serve() {
    while (!ending_) {
        pollfd ready{listener_, POLLIN, 0};
        if (::poll(&ready, 1, 50) <= 0) continue;
        const int connection = ::accept(listener_, nullptr, nullptr);
        if (connection >= 0) answer(connection);
    }
}

void WebServer::answer(int connection) {
    std::string request;
    char buffer[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
        const auto got = ::recv(connection, buffer, sizeof buffer, 0);
        if (got <= 0) break;
        request.append(buffer, static_cast<std::size_t>(got));
    }
    const auto begin = request.find(' ') + 1;
    const auto path = request.substr(begin, request.find(' ', begin) - begin);
    std::string reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = texts_.find(path); found != texts_.end())
            reply = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(found->second.size()) +
                    "\r\nConnection: close\r\n\r\n" + found->second;
    }
    for (std::size_t sent = 0; sent < reply.size();) {
        const auto now = ::send(connection, reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
        if (now <= 0) break;
        sent += static_cast<std::size_t>(now);
    }
    ::close(connection);
}

}  // namespace berth::test
