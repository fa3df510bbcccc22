// 127.0.0.1, where tests have their brokers, registries and services.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>

namespace berth::test {

inline sockaddr_in loopback(int port = 0) {  // 0: a free one, when bound
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

}  // namespace berth::test
