#include "runtime/docker/errors.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace berth::runtime::docker {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxMessage = 500;

struct Wording {  // any case
    std::string_view part;
    Errc code;
};

// The engine answers 500 for nearly everything it was told by others, and 400 for a version it cannot speak.
// First match wins: what stands further up is the more precise part of a message that names both.
constexpr std::array kWordings = {
    Wording{"no space left on device", Errc::NoSpace},
    Wording{"disk quota exceeded", Errc::NoSpace},
    Wording{"client version", Errc::Unsupported},  // "client version 1.99 is too new. Maximum supported …"
    Wording{"port is already allocated", Errc::Conflict},
    Wording{"address already in use", Errc::Conflict},
    // the registry refuses
    Wording{"manifest unknown", Errc::NotFound},
    Wording{"name unknown", Errc::NotFound},
    Wording{"no matching manifest", Errc::NotFound},
    Wording{"unauthorized", Errc::Forbidden},
    Wording{"no basic auth credentials", Errc::Forbidden},
    Wording{"incorrect username or password", Errc::Forbidden},
    Wording{"access to the resource is denied", Errc::Forbidden},
    // the registry is not there, not there just now, or gone in the middle
    Wording{"toomanyrequests", Errc::Unavailable},
    Wording{"dial tcp", Errc::Unavailable},
    Wording{"no such host", Errc::Unavailable},
    Wording{"connection refused", Errc::Unavailable},
    Wording{"connection reset", Errc::Unavailable},
    Wording{"broken pipe", Errc::Unavailable},
    Wording{"network is unreachable", Errc::Unavailable},
    Wording{"no route to host", Errc::Unavailable},
    Wording{"server misbehaving", Errc::Unavailable},
    Wording{"tls handshake timeout", Errc::Unavailable},
    Wording{"i/o timeout", Errc::Unavailable},
    Wording{"timeout exceeded", Errc::Unavailable},
    Wording{"timeout awaiting", Errc::Unavailable},
    Wording{"deadline exceeded", Errc::Unavailable},
    Wording{"request canceled", Errc::Unavailable},
    Wording{"unexpected http status: 5", Errc::Unavailable},
    Wording{"unexpected eof", Errc::Unavailable},
    Wording{": eof", Errc::Unavailable},
    // the document asks for what this machine or this image has not got
    Wording{"error gathering device information", Errc::Invalid},
    Wording{"oci runtime create failed", Errc::Invalid},
    Wording{"unable to start container process", Errc::Invalid},
    Wording{"no command specified", Errc::Invalid},
};

// Who passed a failure on says nothing about its cause.
constexpr std::array<std::string_view, 7> kPassedThrough = {
    "Error response from daemon: ",  "failed to create task for container: ",
    "failed to create shim task: ",  "OCI runtime create failed: ",
    "runc create failed: ",          "unable to start container process: ",
    "error during container init: ",
};

std::string lower(std::string_view text) {
    std::string low(text);
    std::ranges::transform(low, low.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return low;
}

std::string message_of(std::string_view body) {
    const auto answer = json::parse(body, nullptr, false);
    if (answer.is_object()) {
        const auto found = answer.find("message");
        if (found != answer.end() && found->is_string()) return found->get<std::string>();
    }
    return std::string(body);
}

Errc by_status(int status) {
    switch (status) {
        case 400: return Errc::Invalid;
        case 401:
        case 403: return Errc::Forbidden;
        case 404: return Errc::NotFound;
        case 406:
        case 501: return Errc::Unsupported;
        case 409: return Errc::Conflict;
        case 413: return Errc::TooLarge;
        case 429: return Errc::Busy;
        case 502:
        case 503:
        case 504: return Errc::Unavailable;
        default: return Errc::Internal;
    }
}

// Between the end of a process and its restart, or before the engine noticed the end.
bool is_in_between(std::string_view text) {
    return text.find("ttrpc: closed") !=
               std::string_view::npos ||  // who looked after the process has gone with it
           text.find("cannot update a stopped container") != std::string_view::npos ||
           text.find("cannot update a deleted process") != std::string_view::npos ||
           text.find("cannot resume a stopped container") != std::string_view::npos ||
           (text.starts_with("sandbox ") && text.ends_with(" not found"));
}

Errc category(int status, std::string_view message) {
    const bool wording_decides = status == 500 || status == 400;
    const auto text = lower(message);
    if (is_in_between(text)) return Errc::Busy;
    if (wording_decides) {
        for (const auto& wording : kWordings)
            if (text.find(wording.part) != std::string::npos) return wording.code;
    }
    return by_status(status);
}

}  // namespace

std::string clean_message(std::string_view text) {
    for (bool cut = true; cut;) {
        cut = false;
        for (const auto prefix : kPassedThrough) {
            if (!text.starts_with(prefix)) continue;
            text.remove_prefix(prefix.size());
            cut = true;
        }
    }
    constexpr std::string_view kUnknown = ": unknown";
    if (text.ends_with(kUnknown)) text.remove_suffix(kUnknown.size());
    // A registry's code and its words for it are often the same.
    if (const auto last = text.rfind(": "); last != std::string_view::npos && last > 0)
        if (text.substr(0, last).ends_with(text.substr(last))) text.remove_suffix(text.size() - last);
    std::string clean;
    auto length = std::min(text.size(), kMaxMessage);
    while (length < text.size() && length > 0 && (text[length] & 0xC0) == 0x80)
        --length;  // whole UTF-8 only
    for (const char c : text.substr(0, length)) {
        const bool blank = static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
        if (!blank)
            clean += c;
        else if (!clean.empty() && clean.back() != ' ')
            clean += ' ';
    }
    while (!clean.empty() && clean.back() == ' ')
        clean.pop_back();
    return clean;
}

bool is_network_gone(const Error& error) {
    return error.code == Errc::NotFound && error.message.find("network ") != std::string::npos &&
           error.message.ends_with(" not found");
}

Error to_error(int status, std::string_view body) {
    const auto message = message_of(body);
    auto clean = clean_message(message);
    if (clean.empty()) clean = fmt::format("the engine answered {} without a word", status);
    return fail(category(status, message), std::move(clean));
}

}  // namespace berth::runtime::docker
