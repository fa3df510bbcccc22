#include "test/bench/mqtt.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <system_error>

#include "test/support/loopback.hpp"

namespace berth::bench {
namespace {

enum Type { kConnack = 2, kPublish = 3, kSuback = 9 };
constexpr std::chrono::seconds kPatience{10};

std::string two_bytes(std::size_t value) {
    return {static_cast<char>(value / 256), static_cast<char>(value % 256)};
}

std::string text(const std::string& value) {
    return two_bytes(value.size()) + value;
}

std::size_t number(const std::string& body, std::size_t at) {
    return static_cast<unsigned char>(body.at(at)) * 256u + static_cast<unsigned char>(body.at(at + 1));
}

int connect_to(int port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = test::loopback(port);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::system_error(errno, std::generic_category(), "connect to the broker");
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

}  // namespace

Mqtt::Mqtt(int port, const std::string& client_id) : fd_(connect_to(port)) {
    constexpr char kLevel = 4;         // 3.1.1
    constexpr char kCleanSession = 2;  // and no keep-alive
    send_packet(0x10, text("MQTT") + kLevel + kCleanSession + two_bytes(0) + text(client_id));
    await(kConnack);
}

Mqtt::~Mqtt() {
    close(fd_);
}

void Mqtt::subscribe(const std::string& filter) {
    send_packet(0x82, two_bytes(1) + text(filter) + '\1');
    await(kSuback);
}

void Mqtt::publish(const std::string& topic, const std::string& payload) {
    last_id_ = last_id_ % 65535 + 1;
    send_packet(0x32, text(topic) + two_bytes(static_cast<std::size_t>(last_id_)) + payload);
}

std::optional<Arrival> Mqtt::next(Clock::time_point deadline) {
    if (!early_.empty()) {
        auto arrival = std::move(early_.front());
        early_.pop_front();
        return arrival;
    }
    while (const auto packet = read_packet(deadline)) {
        if (packet->type != kPublish) continue;
        return arrival_of(*packet);
    }
    return std::nullopt;
}

Arrival Mqtt::arrival_of(const Packet& packet) const {
    Arrival arrival{};
    arrival.time = Clock::now();
    arrival.retained = (packet.flags & 1) != 0;
    const auto length = number(packet.body, 0);
    arrival.topic = packet.body.substr(2, length);
    auto at = 2 + length;
    if ((packet.flags & 6) != 0) {
        send_packet(0x40, packet.body.substr(at, 2));
        at += 2;
    }
    arrival.payload = packet.body.substr(at);
    return arrival;
}

void Mqtt::send_packet(int first_byte, const std::string& body) const {
    std::string packet(1, static_cast<char>(first_byte));
    auto length = body.size();
    do {
        const auto digit = length % 128;
        length /= 128;
        packet += static_cast<char>(length > 0 ? digit | 128 : digit);
    } while (length > 0);
    packet += body;
    for (std::size_t sent = 0; sent < packet.size();) {
        const auto count = send(fd_, packet.data() + sent, packet.size() - sent, MSG_NOSIGNAL);
        if (count < 0) throw std::system_error(errno, std::generic_category(), "send to the broker");
        sent += static_cast<std::size_t>(count);
    }
}

std::optional<Mqtt::Packet> Mqtt::take_packet() {
    std::size_t length = 0;
    std::size_t at = 1;
    for (std::size_t scale = 1;; scale *= 128) {
        if (at >= received_.size()) return std::nullopt;
        const auto digit = static_cast<unsigned char>(received_[at++]);
        length += (digit & 127) * scale;
        if ((digit & 128) == 0) break;
    }
    if (received_.size() < at + length) return std::nullopt;
    const auto first = static_cast<unsigned char>(received_[0]);
    Packet packet{.type = first >> 4, .flags = first & 15, .body = received_.substr(at, length)};
    received_.erase(0, at + length);
    return packet;
}

std::optional<Mqtt::Packet> Mqtt::read_packet(Clock::time_point deadline) {
    for (;;) {
        if (auto packet = take_packet()) return packet;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd readable{.fd = fd_, .events = POLLIN, .revents = 0};
        if (poll(&readable, 1, static_cast<int>(std::max<long>(left, 0))) <= 0) return std::nullopt;
        std::array<char, 65536> piece{};
        const auto count = recv(fd_, piece.data(), piece.size(), 0);
        if (count <= 0) throw std::runtime_error("the broker closed the connection");
        received_.append(piece.data(), static_cast<std::size_t>(count));
    }
}

// What a subscription brings at once may come before its acknowledgement.
void Mqtt::await(int type) {
    const auto deadline = Clock::now() + kPatience;
    while (const auto packet = read_packet(deadline)) {
        if (packet->type == type) return;
        if (packet->type == kPublish) early_.push_back(arrival_of(*packet));
    }
    throw std::runtime_error("the broker does not answer");
}

}  // namespace berth::bench
