#include "test/support/web_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace berth::test {

WebServer::WebServer() : WebServer(Handler{}) {}

WebServer::WebServer(Handler handler) : handler_(std::move(handler)) {
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
    for (const int connection : unanswered_)
        ::close(connection);
    ::close(listener_);
}

std::string WebServer::put(const std::string& path, const std::string& text) {
    return add(path, {200, text, {}});
}

std::string WebServer::redirect(const std::string& path, const std::string& to) {
    return add(path, {302, {}, "Location: " + to + "\r\n"});
}

std::string WebServer::add(const std::string& path, Reply reply) {
    const std::lock_guard lock(mutex_);
    replies_[path] = std::move(reply);
    return "http://" + address() + path;
}

std::string WebServer::address() const {
    return "127.0.0.1:" + std::to_string(port_);
}

std::vector<std::string> WebServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void WebServer::serve() {
    while (!ending_) {
        pollfd ready{listener_, POLLIN, 0};
        if (::poll(&ready, 1, 50) <= 0) continue;
        const int connection = ::accept(listener_, nullptr, nullptr);
        if (connection >= 0) answer(connection);
    }
}

WebServer::Reply WebServer::reply_to(const std::string& request) {
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
    }
    if (handler_) return handler_(request);
    const auto begin = request.find(' ') + 1;
    const auto path = request.substr(begin, request.find(' ', begin) - begin);
    const std::lock_guard lock(mutex_);
    const auto found = replies_.find(path);
    return found == replies_.end() ? Reply{404, {}, {}} : found->second;
}

void WebServer::answer(int connection) {
    std::string request;
    char buffer[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
        const auto got = ::recv(connection, buffer, sizeof buffer, 0);
        if (got <= 0) break;
        request.append(buffer, static_cast<std::size_t>(got));
        if (request.front() == '\x16') break;  // somebody tries TLS
    }
    const auto reply = request.find("\r\n\r\n") == std::string::npos ? Reply{400, {}, {}} : reply_to(request);
    if (reply.status == 0) return unanswered_.push_back(connection);
    const auto text = "HTTP/1.1 " + std::to_string(reply.status) +
                      " X\r\nContent-Length: " + std::to_string(reply.body.size()) +
                      "\r\nConnection: close\r\n" + reply.headers + "\r\n" + reply.body;
    for (std::size_t sent = 0; sent < text.size();) {
        const auto now = ::send(connection, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (now <= 0) break;
        sent += static_cast<std::size_t>(now);
    }
    ::close(connection);
}

}  // namespace berth::test
