// Fetches one small text over HTTP or HTTPS, and checks what it should be. Blocking: called on workers.
#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>

#include "protocol/result.hpp"
#include "protocol/twin/software.hpp"

namespace berth::service {

struct DownloadLimits {
    std::size_t bytes{1024 * 1024};
    std::chrono::milliseconds time{30'000};
};

// The server's certificate is verified, against `ca_file` alone if it is not empty. A redirection never leads
// from https to http. Unavailable: no connection, or an answer other than 2xx; TooLarge, Timeout, Interrupted
// as they say; Unsupported: another scheme.
Result<std::string> download(const std::string& url, const std::string& ca_file, std::stop_token stop,
                             DownloadLimits limits = {});

// For logs and messages: without user, password, query and fragment, which may be secret.
std::string presentable(const std::string& url);

// The first of MD5, SHA1, SHA256 that is not empty counts; none: fine. Conflict: the text is another one.
// Invalid: no hex digits. Internal: more digits than there can be.
Result<> check(std::string_view text, const twin::Checksums& checksums);

}  // namespace berth::service
