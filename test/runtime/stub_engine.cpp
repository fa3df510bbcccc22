#include "test/runtime/stub_engine.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace berth::test {
namespace {

// The length a head announces, 0 if it announces none.
std::size_t body_length(const std::string& head) {
    constexpr std::string_view kName = "Content-Length: ";
    const auto found = head.find(kName);
    return found == std::string::npos ? 0 : std::strtoul(head.c_str() + found + kName.size(), nullptr, 10);
}

}  // namespace

void Peer::send(const std::string& bytes) const {
    for (std::size_t sent = 0; sent < bytes.size();) {
        const auto n = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return;
        sent += static_cast<std::size_t>(n);
    }
}

void Peer::answer(int status, const std::string& body, const std::string& headers) const {
    send(fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), headers, body));
}

void Peer::open_stream() const {
    send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

void Peer::chunk(const std::string& bytes) const {
    send(fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes));
}

void Peer::end_stream() const {
    send("0\r\n\r\n");
}

void Peer::wait_until_closed() const {
    std::array<char, 256> ignored{};
    while (::recv(socket_, ignored.data(), ignored.size(), 0) > 0) {
    }
}

void Peer::close() {
    ::shutdown(socket_, SHUT_RDWR);
    closed_ = true;
}

StubEngine::StubEngine(Handler handler) : handler_(std::move(handler)) {
    std::string folder = (std::filesystem::temp_directory_path() / "berth-stub-XXXXXX").string();
    if (!mkdtemp(folder.data())) throw std::runtime_error("no temporary folder");
    folder_ = folder;
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket().c_str(), sizeof address.sun_path - 1);
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 16) != 0)
        throw std::runtime_error("cannot listen at " + socket());
    accepting_ = std::thread([this] { accept_all(); });
}

StubEngine::~StubEngine() {
    ::shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    {
        const std::lock_guard lock(mutex_);
        for (const int socket : sockets_)
            ::shutdown(socket, SHUT_RDWR);
    }
    for (auto& thread : serving_)
        thread.join();
    for (const int socket : sockets_)
        ::close(socket);
    ::close(listener_);
    std::filesystem::remove_all(folder_);
}

std::vector<std::string> StubEngine::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void StubEngine::accept_all() {
    for (;;) {
        const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0) return;
        ++accepted_;
        const std::lock_guard lock(mutex_);
        sockets_.push_back(socket);
        serving_.emplace_back([this, socket] { serve(socket); });
    }
}

void StubEngine::serve(int socket) {
    Peer peer(socket);
    std::string data;
    std::array<char, 4096> piece{};
    while (!peer.closed()) {
        const auto n = ::recv(socket, piece.data(), piece.size(), 0);
        if (n <= 0) return;
        data.append(piece.data(), static_cast<std::size_t>(n));
        const auto head = data.find("\r\n\r\n");
        if (head == std::string::npos || data.size() < head + 4 + body_length(data.substr(0, head))) continue;
        const auto request = data.substr(0, data.find(" HTTP/1.1")) + data.substr(data.find("\r\n"));
        data.clear();
        {
            const std::lock_guard lock(mutex_);
            requests_.push_back(request.substr(0, request.find("\r\n")));
        }
        handler_(request, peer);
    }
}

}  // namespace berth::test
