#include "test/bench/client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string_view>

#include "test/bench/network.hpp"
#include "test/support/loopback.hpp"
#include "test/support/wait.hpp"

namespace berth::bench {
namespace {

constexpr std::chrono::milliseconds kPause{2};
constexpr timeval kTimeout{.tv_sec = 5, .tv_usec = 0};

// Empty: no answer.
std::string ask(int port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kTimeout, sizeof kTimeout);
    const sockaddr_in address = test::loopback(port);
    constexpr std::string_view kRequest = "GET / HTTP/1.0\r\n\r\n";
    std::string answer;
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        send(fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) > 0) {
        std::array<char, 4096> piece{};
        for (ssize_t count = 0; (count = recv(fd, piece.data(), piece.size(), 0)) > 0;)
            answer.append(piece.data(), static_cast<std::size_t>(count));
    }
    close(fd);
    return answer.find("200 OK") == std::string::npos ? std::string() : answer;
}

}  // namespace

PortClient::PortClient(std::string network_namespace, int port)
    : thread_([this, network_namespace = std::move(network_namespace), port](const std::stop_token& stop) {
          run(stop, network_namespace, port);
      }) {
    const bool answered = test::eventually([this] {
        const std::lock_guard lock(mutex_);
        return !newest_.empty();
    });
    if (!answered) throw std::runtime_error("nobody answers on the published port");
}

PortClient::~PortClient() = default;

void PortClient::run(const std::stop_token& stop, const std::string& network_namespace, int port) {
    try {
        enter_network(network_namespace);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "client of a published port: %s\n", error.what());
        return;
    }
    while (!stop.stop_requested()) {
        if (const auto answer = ask(port); !answer.empty()) on_answer(answer);
        std::this_thread::sleep_for(kPause);
    }
}

void PortClient::on_answer(const std::string& answer) {
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    if (!newest_.empty())
        gap_ms_ = std::max(gap_ms_, std::chrono::duration<double, std::milli>(now - last_).count());
    last_ = now;
    newest_ = answer;
}

double PortClient::longest_gap_until(const std::string& text) {
    const bool seen = test::eventually([&] {
        const std::lock_guard lock(mutex_);
        return newest_.find(text) != std::string::npos;
    });
    if (!seen) throw std::runtime_error("no client reads '" + text + "'");
    const std::lock_guard lock(mutex_);
    return gap_ms_;
}

}  // namespace berth::bench
