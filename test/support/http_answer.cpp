#include "test/support/http_answer.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <sstream>

namespace berth::test {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";

// Of a request or an answer; 0: none is announced.
std::size_t announced_length(std::string_view head) {
    constexpr std::string_view kName = "\r\nContent-Length: ";
    const auto at = head.find(kName);
    if (at == std::string_view::npos) return 0;
    return std::strtoul(std::string(head.substr(at + kName.size())).c_str(), nullptr, 10);
}

// Reads one answer of the engine to its end.
class AnswerReader {
 public:
    explicit AnswerReader(const Relay::Connection& connection) : connection_(connection) {}

    std::optional<HttpAnswer> read() {
        HttpAnswer answer{};
        if (!take_through(kHeadEnd, answer.head)) return std::nullopt;
        const bool chunked = answer.head.find("\r\nTransfer-Encoding: chunked\r\n") != std::string::npos;
        const bool whole =
            chunked ? take_chunks(answer.body) : take(announced_length(answer.head), answer.body);
        if (!whole) return std::nullopt;
        return answer;
    }

 private:
    bool receive() {
        std::array<pollfd, 2> fds = {{{connection_.server, POLLIN, 0}, {connection_.end, POLLIN, 0}}};
        poll(fds.data(), fds.size(), -1);
        if (fds[1].revents != 0) return false;
        std::array<char, 65536> piece{};
        const auto count = recv(connection_.server, piece.data(), piece.size(), 0);
        if (count <= 0) return false;
        bytes_.append(piece.data(), static_cast<std::size_t>(count));
        return true;
    }

    bool take(std::size_t count, std::string& to) {
        while (bytes_.size() < count)
            if (!receive()) return false;
        to.append(bytes_, 0, count);
        bytes_.erase(0, count);
        return true;
    }

    bool take_through(std::string_view mark, std::string& to) {
        auto at = bytes_.find(mark);
        while (at == std::string::npos) {
            if (!receive()) return false;
            at = bytes_.find(mark);
        }
        return take(at + mark.size(), to);
    }

    bool take_chunks(std::string& to) {
        for (;;) {
            std::string size;
            std::string end;
            if (!take_through("\r\n", size)) return false;
            const auto count = std::strtoul(size.c_str(), nullptr, 16);
            if (!take(count, to) || !take(2, end)) return false;
            if (count == 0) return true;
        }
    }

    const Relay::Connection& connection_;
    std::string bytes_{};
};

}  // namespace

std::string_view first_line(std::string_view text) {
    return text.substr(0, text.find("\r\n"));
}

bool is_whole_request(std::string_view request) {
    const auto end = request.find(kHeadEnd);
    return end != std::string_view::npos &&
           request.size() >= end + kHeadEnd.size() + announced_length(request.substr(0, end));
}

bool HttpAnswer::has_body() const {
    const auto line = first_line(head);
    return line.find(" 204 ") == std::string_view::npos && line.find(" 304 ") == std::string_view::npos;
}

std::optional<HttpAnswer> read_answer(const Relay::Connection& connection) {
    return AnswerReader(connection).read();
}

std::string bytes_of(const HttpAnswer& answer) {
    std::istringstream lines(answer.head);
    std::string bytes;
    for (std::string line; std::getline(lines, line) && line != "\r";)
        if (!line.starts_with("Content-Length:") && !line.starts_with("Transfer-Encoding:"))
            bytes += line + '\n';
    if (answer.has_body()) bytes += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
    return bytes + "\r\n" + answer.body;
}

}  // namespace berth::test
