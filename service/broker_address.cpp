#include "service/broker_address.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>

namespace berth::service {

namespace {

struct Scheme {
    std::string_view name;
    bool tls;
};
constexpr std::array kSchemes{Scheme{"tcp", false}, Scheme{"mqtt", false}, Scheme{"ssl", true},
                              Scheme{"tls", true},  Scheme{"mqtts", true}, Scheme{"mqtt+ssl", true},
                              Scheme{"tcps", true}};

Error invalid(std::string_view url, std::string_view why) {
    return fail(Errc::Invalid, fmt::format("broker URL '{}': {}", url, why));
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

Result<bool> parse_scheme(std::string_view url, std::string_view scheme) {
    for (const auto& known : kSchemes) {
        if (known.name == scheme) return known.tls;
    }
    if (scheme == "ws" || scheme == "wss") {
        // What follows the host may be a signed query, which is as good as a password.
        const auto end = url.find_first_of("/?#", scheme.size() + 3);
        return fail(
            Errc::Unsupported,
            fmt::format("broker URL '{}': websockets are not supported, messages get lost or late over "
                        "those of the MQTT library; use mqtt:// or mqtts://, or a relay to the broker",
                        url.substr(0, end)));
    }
    return invalid(url, "unknown scheme, use mqtt:// or mqtts://");
}

// "host", "host:port", "[::1]:port"
Result<BrokerAddress> parse_host(std::string_view url, std::string_view rest, bool tls) {
    BrokerAddress address{.port = static_cast<std::uint16_t>(tls ? 8883 : 1883), .tls = tls};
    std::string_view port_text;
    if (rest.starts_with('[')) {
        const auto end = rest.find(']');
        if (end == std::string_view::npos) return invalid(url, "no ] after the IPv6 address");
        address.host = rest.substr(1, end - 1);
        port_text = rest.substr(end + 1);
    } else {
        const auto colon = rest.find(':');
        address.host = rest.substr(0, colon);
        if (colon != std::string_view::npos) port_text = rest.substr(colon);
    }
    if (address.host.empty()) return invalid(url, "no host");
    if (!port_text.empty()) {
        const auto port = port_text.starts_with(':') ? parse_port(port_text.substr(1)) : std::nullopt;
        if (!port) return invalid(url, "the port is not a number from 1 to 65535");
        address.port = *port;
    }
    return address;
}

}  // namespace

std::string BrokerAddress::url() const {
    const bool ipv6 = host.find(':') != std::string::npos;
    return fmt::format("{}://{}{}{}:{}", tls ? "ssl" : "tcp", ipv6 ? "[" : "", host, ipv6 ? "]" : "", port);
}

Result<BrokerAddress> parse_broker_url(std::string_view url) {
    if (const auto at = url.rfind('@'); at != std::string_view::npos) {
        return invalid(fmt::format("...{}", url.substr(at)),
                       "give user name and password in their own options");
    }
    bool tls = false;
    auto rest = url;
    if (const auto colon = url.find("://"); colon != std::string_view::npos) {
        const auto scheme = parse_scheme(url, url.substr(0, colon));
        if (!scheme) return scheme.error();
        tls = *scheme;
        rest.remove_prefix(colon + 3);
    }
    if (rest.ends_with('/')) rest.remove_suffix(1);
    if (rest.find('/') != std::string_view::npos) return invalid(url, "a path means nothing to MQTT");
    return parse_host(url, rest, tls);
}

}  // namespace berth::service
