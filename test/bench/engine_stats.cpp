#include "test/bench/engine_stats.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "test/bench/processes.hpp"

namespace berth::bench {
namespace {

class Asked {  // a connection on which one request is under way
 public:
    Asked(const std::string& path, const std::string& engine_id)
        : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        const auto request = fmt::format(
            "GET /v1.41/containers/{}/stats?stream=false&one-shot=true HTTP/1.1\r\n"
            "Host: engine\r\nConnection: close\r\n\r\n",
            engine_id);
        if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
            const int error = errno;
            close(fd_);
            throw std::system_error(error, std::generic_category(), "ask the engine for stats");
        }
    }
    Asked(Asked&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Asked& operator=(Asked&&) = delete;
    ~Asked() {
        if (fd_ >= 0) close(fd_);
    }

    void await_answer() const {
        constexpr std::string_view kGood = "HTTP/1.1 200";
        std::string answer;
        std::array<char, 16384> piece{};
        for (ssize_t count = 0; (count = recv(fd_, piece.data(), piece.size(), 0)) > 0;)
            answer.append(piece.data(), static_cast<std::size_t>(count));
        if (!answer.starts_with(kGood)) throw std::runtime_error("the engine's stats: " + answer);
    }

 private:
    int fd_;
};

}  // namespace

EngineStats::EngineStats(const test::Lab& lab, std::vector<std::string> engine_ids)
    : socket_(lab.docker_socket()),
      engine_ids_(std::move(engine_ids)),
      processes_(processes_of(lab, {"dockerd", "containerd", "containerd-shim"})) {
    if (processes_.size() < engine_ids_.size() + 2)
        throw std::runtime_error("not all processes of the engine are to be found");
}

void EngineStats::ask_all() const {
    std::vector<Asked> all;
    all.reserve(engine_ids_.size());
    for (const auto& id : engine_ids_)
        all.emplace_back(socket_, id);
    for (const auto& asked : all)
        asked.await_answer();
}

std::int64_t EngineStats::cpu_ns() const {
    timespec own{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
    std::int64_t sum = std::int64_t{own.tv_sec} * 1'000'000'000 + own.tv_nsec;
    for (const int pid : processes_)
        sum += bench::cpu_ns(pid);
    return sum;
}

}  // namespace berth::bench
