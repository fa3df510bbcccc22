// Where the broker is: the URL of mqtt.url taken apart. No websockets (README.md, Connecting, says why), no
// credentials in a URL.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace berth::service {

struct BrokerAddress {
    std::string host{};  // name or IP address, an IPv6 one without brackets
    std::uint16_t port{};
    bool tls{};

    std::string url() const;  // tcp://host:port or ssl://host:port
    bool operator==(const BrokerAddress&) const = default;
};

// [scheme://]host[:port][/]. tcp and mqtt (or no scheme) are plain, port 1883; ssl, tls, mqtts, mqtt+ssl and
// tcps are TLS, port 8883. ws and wss: Unsupported, naming no more than the host; anything else: Invalid,
// naming the URL without its credentials.
Result<BrokerAddress> parse_broker_url(std::string_view url);

}  // namespace berth::service
