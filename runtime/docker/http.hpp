// HTTP over the engine's Unix socket: one blocking exchange at a time per thread, on a kept-alive connection.
// Knows no endpoint and no JSON; a status is only a number here.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"
#include "runtime/runtime.hpp"

namespace berth::runtime::docker {

struct Request {
    std::string method{"GET"};
    std::string target{};                // "/v1.41/containers/json?all=1", escaped
    std::string body{};                  // JSON; empty: none
    std::vector<std::string> headers{};  // "Name: value"
    std::chrono::milliseconds idle{0};   // Timeout after so long without a byte; 0: never
};

struct Reply {
    int status{};
    std::string api_version{};  // of the Api-Version header, else empty
    std::string body{};

    bool ok() const { return status >= 200 && status < 300; }
};

struct Stream {                                             // of a 2xx answer that comes in pieces
    std::function<void()> opened{};                         // once the headers are here; may be empty
    std::function<Result<>(std::string_view line)> line{};  // without its end; an error ends the exchange
    std::function<void()> skipped{};  // a line of more than kMaxLine was left out; empty: it is TooLarge
};

inline constexpr std::size_t kMaxBody = 64 * 1024 * 1024;
inline constexpr std::size_t kMaxLine = 1024 * 1024;

class Http {
 public:
    explicit Http(std::string socket);

    // Unavailable: nobody answers or the connection broke; Timeout, Interrupted: as Call says; TooLarge: more
    // than kMaxBody, or in a stream that does not skip them a line of more than kMaxLine.
    Result<Reply> send(const Request& request, const Call& call) const;

    // A 2xx body goes to stream.line, line by line, on this thread; any other comes back in the reply.
    // Returns when the engine has ended the stream; what stands behind its last line end is a line, too.
    Result<Reply> stream(const Request& request, const Stream& stream, const Call& call) const;

 private:
    Result<Reply> exchange(const Request& request, const Stream* stream, const Call& call) const;

    std::string socket_;
};

std::string url_escape(std::string_view text);

}  // namespace berth::runtime::docker
