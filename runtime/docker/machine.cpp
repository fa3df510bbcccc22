#include "runtime/docker/machine.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/sysinfo.h>

#include <array>
#include <memory>

namespace berth::runtime::docker {

std::optional<std::string> interface_address(const std::string& interface) {
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0) return std::nullopt;
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> all(first, freeifaddrs);
    for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
        const bool fits = one->ifa_addr != nullptr && one->ifa_addr->sa_family == AF_INET &&
                          interface == one->ifa_name && (one->ifa_flags & IFF_LOOPBACK) == 0;
        if (!fits) continue;
        std::array<char, INET_ADDRSTRLEN> text{};
        const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
        if (inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size()) != nullptr) return text.data();
    }
    return std::nullopt;
}

MachineMemory machine_memory() {
    struct sysinfo info{};
    if (sysinfo(&info) != 0) return {};
    const auto bytes = [&](unsigned long units) { return static_cast<std::int64_t>(units) * info.mem_unit; };
    return {.ram = bytes(info.totalram), .swap = bytes(info.totalswap)};
}

}  // namespace berth::runtime::docker
