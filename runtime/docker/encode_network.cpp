#include <arpa/inet.h>

#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/docker/encode.hpp"

namespace berth::runtime::docker {
namespace {

using nlohmann::ordered_json;

struct Interface {
    std::string address{};
    std::string subnet{};
};

// "172.20.0.1/16": the bridge's own address and, with the host part cut off, its subnet; newer engines refuse
// a subnet that is not cut.
Result<Interface> parse_interface(const std::string& text) {
    const auto bad = [&] {
        return fail(Errc::Invalid, fmt::format("network.bridge.ip4: '{}' is no IPv4/prefix", text));
    };
    const auto slash = text.find('/');
    if (slash == std::string::npos) return bad();
    unsigned prefix = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, prefix);
    in_addr address{};
    const auto host = text.substr(0, slash);
    if (error != std::errc{} || stop != end || prefix > 32 || inet_pton(AF_INET, host.c_str(), &address) != 1)
        return bad();
    const auto mask = prefix == 0 ? 0U : ~0U << (32 - prefix);
    const in_addr network{.s_addr = htonl(ntohl(address.s_addr) & mask)};
    std::array<char, INET_ADDRSTRLEN> name{};
    inet_ntop(AF_INET, &network, name.data(), name.size());
    const bool has_host_part = network.s_addr != address.s_addr;
    return Interface{.address = has_host_part ? host : std::string(),
                     .subnet = fmt::format("{}/{}", name.data(), prefix)};
}

Result<ordered_json> address_management(const BridgeOptions& bridge) {
    ordered_json config = ordered_json::object();
    auto gateway = bridge.gateway4;
    if (!bridge.ip4.empty()) {
        const auto interface = parse_interface(bridge.ip4);
        if (!interface) return interface.error();
        config["Subnet"] = interface->subnet;
        if (gateway.empty()) gateway = interface->address;
    }
    if (!bridge.fixed_cidr4.empty()) config["IPRange"] = bridge.fixed_cidr4;
    if (!gateway.empty()) config["Gateway"] = gateway;
    return config;
}

std::string start_of_apart(const BridgeOptions& bridge) {
    return bridge.name + "-apart-";
}

ordered_json labels_of_network(const std::string& name_space) {
    return {{kLabelManaged, "true"}, {kLabelNamespace, name_space}};
}

}  // namespace

Result<std::string> encode_network(const BridgeOptions& bridge, const std::string& name_space) {
    const auto addresses = address_management(bridge);
    if (!addresses) return addresses.error();
    ordered_json body = {
        {"Name", bridge.name},
        {"CheckDuplicate", true},
        {"Driver", "bridge"},
        {"EnableIPv6", bridge.ipv6},
        {"Options",
         {{"com.docker.network.bridge.name", bridge.name},
          {"com.docker.network.bridge.enable_icc", bridge.icc ? "true" : "false"},
          {"com.docker.network.bridge.enable_ip_masquerade", bridge.ip_masq ? "true" : "false"},
          {"com.docker.network.driver.mtu", std::to_string(bridge.mtu)}}},
        {"Labels", labels_of_network(name_space)}};
    if (!addresses->empty())
        body["IPAM"] = {{"Driver", "default"}, {"Config", ordered_json::array({*addresses})}};
    return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string apart_network(const BridgeOptions& bridge, const ContainerId& id) {
    return start_of_apart(bridge) + id8(id);
}

bool is_apart_network(const BridgeOptions& bridge, std::string_view name) {
    return name.starts_with(start_of_apart(bridge));
}

// Its interface has a name of the engine's choice, as this one would be too long.
std::string encode_apart_network(const BridgeOptions& bridge, const ContainerId& id,
                                 const std::string& name_space) {
    const ordered_json body = {
        {"Name", apart_network(bridge, id)},
        {"CheckDuplicate", true},
        {"Driver", "bridge"},
        {"Options",
         {{"com.docker.network.bridge.enable_ip_masquerade", bridge.ip_masq ? "true" : "false"},
          {"com.docker.network.driver.mtu", std::to_string(bridge.mtu)}}},
        {"Labels", labels_of_network(name_space)}};
    return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace berth::runtime::docker
