#include "test/support/fake_broker.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "test/support/loopback.hpp"

namespace berth::test {

namespace {

enum Type { kConnect = 1, kPublish = 3, kSubscribe = 8, kUnsubscribe = 10, kPing = 12, kDisconnect = 14 };

std::string bytes(std::initializer_list<int> values) {
    std::string text;
    for (const int value : values)
        text.push_back(static_cast<char>(value));
    return text;
}

std::size_t number(const std::string& text, std::size_t at) {  // two bytes, big-endian
    return static_cast<unsigned char>(text.at(at)) * 256u + static_cast<unsigned char>(text.at(at + 1));
}

void wait_until_shut(int fd) {
    pollfd socket{.fd = fd, .events = POLLRDHUP, .revents = 0};
    poll(&socket, 1, -1);
}

// Closed with something unread, the connection would be reset, and our last word be lost with it.
void read_out(int fd) {
    shutdown(fd, SHUT_WR);
    char rest[4096];
    while (recv(fd, rest, sizeof rest, 0) > 0) {
    }
}

void send_all(int fd, const std::string& text) {
    send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

}  // namespace

FakeBroker::FakeBroker(const Behaviour& behaviour)
    : behaviour_(behaviour), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback();
    socklen_t length = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(listener_, 8) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
        throw std::system_error(errno, std::generic_category(), "fake broker");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

FakeBroker::~FakeBroker() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    {
        const std::lock_guard lock(mutex_);
        if (client_ >= 0) shutdown(client_, SHUT_RDWR);
    }
    thread_.join();
    close(listener_);
}

std::string FakeBroker::url() const {
    return "tcp://127.0.0.1:" + std::to_string(port_);
}

std::vector<int> FakeBroker::connects() const {
    const std::lock_guard lock(mutex_);
    return connects_;
}

std::vector<std::string> FakeBroker::client_ids() const {
    const std::lock_guard lock(mutex_);
    return client_ids_;
}

std::vector<int> FakeBroker::connect_flags() const {
    const std::lock_guard lock(mutex_);
    return connect_flags_;
}

std::vector<int> FakeBroker::subscribed_qos() const {
    const std::lock_guard lock(mutex_);
    return subscribed_qos_;
}

std::vector<std::string> FakeBroker::publications() const {
    const std::lock_guard lock(mutex_);
    return publications_;
}

std::size_t FakeBroker::subscribes() const {
    const std::lock_guard lock(mutex_);
    return subscribes_;
}

void FakeBroker::throw_out(int reason) {
    const std::lock_guard lock(mutex_);
    if (client_ < 0) return;
    send_all(client_, bytes({0xE0, 2, reason, 0}));
    shutdown(client_, SHUT_RDWR);
}

void FakeBroker::acknowledge_subscriptions() {
    const std::lock_guard lock(mutex_);
    behaviour_.acknowledge_subscriptions = true;
    if (client_ >= 0 && !waiting_suback_.empty()) send_all(client_, waiting_suback_);
    waiting_suback_.clear();
}

void FakeBroker::fall_silent() {
    silent_ = true;
}

void FakeBroker::serve() {
    while (!stopping_) {
        const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) continue;
        {
            const std::lock_guard lock(mutex_);
            client_ = stopping_ ? -1 : fd;
        }
        if (!stopping_) serve_connection(fd);
        const std::lock_guard lock(mutex_);
        client_ = -1;
        close(fd);
    }
}

void FakeBroker::serve_connection(int fd) {
    for (Packet packet; read_packet(fd, packet);) {
        if (silent_) return wait_until_shut(fd);
        if (handle(fd, packet)) continue;
        if (packet.type == kPublish) read_out(fd);
        return;
    }
}

bool FakeBroker::read_packet(int fd, Packet& packet) const {
    unsigned char byte = 0;
    if (recv(fd, &byte, 1, MSG_WAITALL) != 1) return false;
    packet.type = byte >> 4;
    packet.flags = byte & 0x0F;
    std::size_t length = 0;
    for (int shift = 0;; shift += 7) {
        if (recv(fd, &byte, 1, MSG_WAITALL) != 1) return false;
        length |= static_cast<std::size_t>(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0) break;
    }
    packet.body.resize(length);
    return length == 0 || recv(fd, packet.body.data(), length, MSG_WAITALL) == static_cast<ssize_t>(length);
}

// False: the connection is over.
bool FakeBroker::handle(int fd, const Packet& packet) {
    const std::lock_guard lock(mutex_);
    switch (packet.type) {
        case kConnect: return handle_connect(fd, packet);
        case kSubscribe: handle_subscribe(fd, packet); return true;
        case kPublish: return handle_publish(fd, packet);
        case kPing: send_all(fd, bytes({0xD0, 0})); return true;
        case kUnsubscribe: {
            const auto tail = level_ == 5 ? bytes({0, 0}) : std::string{};
            send_all(fd, bytes({0xB0, static_cast<int>(2 + tail.size())}) + packet.body.substr(0, 2) + tail);
            return true;
        }
        default: return packet.type != kDisconnect;
    }
}

bool FakeBroker::handle_connect(int fd, const Packet& packet) {
    level_ = packet.body.at(6);  // after the string "MQTT"
    connects_.push_back(level_);
    connect_flags_.push_back(static_cast<unsigned char>(packet.body.at(7)));
    const std::size_t payload = level_ == 5 ? 11 + static_cast<unsigned char>(packet.body.at(10)) : 10;
    client_ids_.push_back(packet.body.substr(payload + 2, number(packet.body, payload)));
    switch (level_ == 5 ? behaviour_.to_version_5 : behaviour_.to_version_311) {
        case Answer::Accept:
            send_all(fd, level_ == 5 ? bytes({0x20, 3, 0, 0, 0}) : bytes({0x20, 2, 0, 0}));
            return true;
        case Answer::RefuseOldCode: send_all(fd, bytes({0x20, 2, 0, 1})); return false;
        case Answer::RefuseNewReason: send_all(fd, bytes({0x20, 3, 0, 132, 0})); return false;
        case Answer::Close: return false;
        case Answer::Silence: return true;
    }
    return false;
}

// Grants QoS 1.
void FakeBroker::handle_subscribe(int fd, const Packet& packet) {
    ++subscribes_;
    std::string answer = packet.body.substr(0, 2);
    std::size_t at = 2;
    if (level_ == 5) {  // no properties either way
        answer += bytes({0});
        at += 1;
    }
    while (at < packet.body.size()) {
        const auto filter = packet.body.substr(at + 2, number(packet.body, at));
        at += 2 + filter.size() + 1;
        subscribed_qos_.push_back(packet.body.at(at - 1) & 0x03);
        const int refusal = level_ == 5 ? 135 : 128;
        answer += bytes({filter == behaviour_.refused_filter ? refusal : 1});
    }
    answer = bytes({0x90, static_cast<int>(answer.size())}) + answer;
    if (behaviour_.acknowledge_subscriptions) {
        send_all(fd, answer);
    } else {
        waiting_suback_ = answer;
    }
}

bool FakeBroker::handle_publish(int fd, const Packet& packet) {
    if (behaviour_.largest_publication > 0 && packet.body.size() > behaviour_.largest_publication) {
        send_all(fd, bytes({0xE0, 2, 149, 0}));
        return false;
    }
    std::size_t at = 2 + number(packet.body, 0);
    const bool acknowledged = (packet.flags & 0x06) != 0;
    const auto id = acknowledged ? packet.body.substr(at, 2) : std::string{};
    at += id.size() + (level_ == 5 ? 1 : 0);
    publications_.push_back(packet.body.substr(at));
    if (!acknowledged || !behaviour_.acknowledge_publications) return true;
    if (level_ == 5 && publications_.back() == behaviour_.no_room_for) {
        behaviour_.no_room_for.clear();
        send_all(fd, bytes({0x40, 4}) + id + bytes({151, 0}));
    } else {
        send_all(fd, bytes({0x40, 2}) + id);
    }
    if (!publications_.back().empty() && publications_.back() == behaviour_.last_publication) return false;
    return true;
}

}  // namespace berth::test
