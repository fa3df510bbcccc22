#include "runtime/docker/insecure.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>

#include "runtime/docker/fields.hpp"

namespace berth::runtime::docker {
namespace {

struct Address {
    std::array<unsigned char, 16> bytes{};
    std::size_t length{};  // bytes: 4 or 16
};

std::optional<Address> parse_address(const std::string& text) {
    Address address;
    for (const auto& [family, length] : {std::pair{AF_INET, 4u}, std::pair{AF_INET6, 16u}}) {
        address.length = length;
        if (::inet_pton(family, text.c_str(), address.bytes.data()) == 1) return address;
    }
    return std::nullopt;
}

// "host", "host:port", "[v6]", "[v6]:port" -> the host.
std::string host_of(std::string_view registry) {
    if (registry.starts_with('[')) return std::string(registry.substr(1, registry.find(']') - 1));
    return std::string(registry.substr(0, registry.find(':')));
}

bool contains(const std::string& network, const Address& address) {
    const auto slash = network.find('/');
    if (slash == std::string::npos) return false;
    const auto start = parse_address(network.substr(0, slash));
    std::size_t bits = 0;
    const auto* const end = network.data() + network.size();
    const auto read = std::from_chars(network.data() + slash + 1, end, bits);
    if (!start || read.ec != std::errc{} || read.ptr != end) return false;
    if (start->length != address.length || bits > 8 * address.length) return false;
    for (std::size_t bit = 0; bit < bits; ++bit) {
        const int mask = 0x80 >> (bit % 8);
        if ((start->bytes[bit / 8] & mask) != (address.bytes[bit / 8] & mask)) return false;
    }
    return true;
}

// What is asked for may be a network itself, as in the engine's own setting.
bool in_networks(const std::string& registry, const json& networks) {
    if (!networks.is_array()) return false;
    const auto address = parse_address(host_of(registry));
    return std::ranges::any_of(networks, [&](const json& network) {
        return network == registry ||
               (address && network.is_string() && contains(network.get<std::string>(), *address));
    });
}

}  // namespace

bool is_insecure_anyway(std::string_view registry) {
    const auto host = host_of(registry);
    const auto address = parse_address(host);
    return host == "localhost" || (address && contains("127.0.0.0/8", *address));
}

bool is_insecure(std::string_view registry, const std::vector<std::string>& listed) {
    if (is_insecure_anyway(registry)) return true;
    const auto address = parse_address(host_of(registry));
    return std::ranges::any_of(listed, [&](const std::string& one) {
        return one == registry || (address && contains(one, *address));
    });
}

Result<std::vector<std::string>> refused_insecure(const std::vector<std::string>& wanted,
                                                  std::string_view info) {
    const auto parsed = json::parse(info, nullptr, false);
    if (!parsed.is_object()) return fail(Errc::Internal, "the engine's info is no JSON object");
    const auto& settings = member(parsed, "RegistryConfig");
    std::vector<std::string> refused;
    for (const auto& registry : wanted) {
        const auto& listed = member(member(settings, "IndexConfigs"), registry.c_str());
        const bool insecure = listed.is_object()
                                  ? !flag(listed, "Secure")
                                  : in_networks(registry, member(settings, "InsecureRegistryCIDRs"));
        if (!insecure && !is_insecure_anyway(registry)) refused.push_back(registry);
    }
    return refused;
}

}  // namespace berth::runtime::docker
