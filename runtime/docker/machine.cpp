#include "runtime/docker/machine.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <array>
#include <memory>
#include <string_view>

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

std::string machine_variant() {
    struct utsname names{};
    if (uname(&names) != 0) return {};
    const std::string_view machine(static_cast<const char*>(names.machine));
    constexpr std::string_view kArm = "armv";
    if (machine == "aarch64" || machine.starts_with("armv8")) return "v8";
    if (machine.starts_with(kArm) && machine.size() > kArm.size()) return {'v', machine[kArm.size()]};
    return {};
}

}  // namespace berth::runtime::docker
