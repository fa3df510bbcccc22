// Small texts from registries, over HTTPS and where that is allowed over HTTP. Bounded in size and time.
// Knows no path and no JSON.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "runtime/runtime.hpp"

namespace berth::runtime::docker {

enum class Trust {
    Verified,  // HTTPS from somebody whose certificate the system's authorities vouch for
    Blind      // HTTP, and HTTPS from whomever
};

struct WebRequest {
    std::string url{};
    Trust trust{Trust::Verified};
    std::vector<std::string> headers{};  // "Name: value"; not repeated to another host
    std::string username{};              // empty: no login
    std::string password{};
};

struct WebReply {
    int status{};
    std::string url{};  // whose answer it is, after all redirections
    std::string body{};
    std::vector<std::string> challenges{};  // of its WWW-Authenticate headers
};

inline constexpr std::size_t kMaxWebBody = 1024 * 1024;
inline constexpr std::chrono::seconds kWebPatience{10};  // for one answer, redirections included

class Web {  // one exchange at a time; keeps its connections
 public:
    Web();
    ~Web();
    Web(const Web&) = delete;
    Web& operator=(const Web&) = delete;

    // GET. Unavailable: no answer, or none that can be trusted; Timeout, Interrupted, TooLarge as they say.
    Result<WebReply> get(const WebRequest& request, const Call& call);
    // Whether somebody spoke the last URL's protocol, be it to lead elsewhere. False: nobody listens, or
    // whoever does speaks another one.
    bool was_heard() const { return heard_; }

 private:
    struct Client;
    std::unique_ptr<Client> client_;
    bool heard_{false};
};

}  // namespace berth::runtime::docker
