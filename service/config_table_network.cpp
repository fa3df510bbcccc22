// [network].
#include "service/config_rules.hpp"
#include "service/config_table.hpp"

namespace berth::service {

namespace {

constexpr Option kNetworkOptions[] = {
    {.key = "network.bridge.name",
     .own = "berth0",
     .kanto = "kanto-cm0",
     .path = {"network.default_bridge.name"},
     .flag = "net-br-name",
     .target = GOES_TO(bridge.name),
     .check = rules::interface_name,
     .help = "Docker network and interface of the containers"},
    {.key = "network.bridge.disable",
     .kind = Kind::Boolean,
     .own = "false",
     .path = {"network.default_bridge.disable"},
     .flag = "net-tbr-disable",
     .target = GOES_TO(bridge.disable),
     .help = "make no bridge of our own"},
    {.key = "network.bridge.ip4",
     .path = {"network.default_bridge.ip4"},
     .flag = "net-br-ip4",
     .target = GOES_TO(bridge.ip4),
     .help = "address range, CIDR; empty: the engine chooses"},
    {.key = "network.bridge.fixed_cidr4",
     .path = {"network.default_bridge.fixed_cidr4"},
     .flag = "net-br-fcidr4",
     .target = GOES_TO(bridge.fixed_cidr4),
     .help = "part of it that containers get"},
    {.key = "network.bridge.gateway4",
     .path = {"network.default_bridge.gwip4"},
     .flag = "net-br-gwip4",
     .target = GOES_TO(bridge.gateway4),
     .help = "gateway address"},
    {.key = "network.bridge.ipv6",
     .kind = Kind::Boolean,
     .own = "false",
     .path = {"network.default_bridge.enable_ip6"},
     .flag = "net-br-enable-ip6",
     .target = GOES_TO(bridge.ipv6),
     .help = "IPv6 on the bridge"},
    {.key = "network.bridge.mtu",
     .kind = Kind::Integer,
     .own = "1500",
     .path = {"network.default_bridge.mtu"},
     .flag = "net-br-mtu",
     .target = GOES_TO(bridge.mtu),
     .least = 68,
     .most = 65535,
     .help = "bytes in a packet"},
    {.key = "network.bridge.icc",
     .kind = Kind::Boolean,
     .own = "true",
     .path = {"network.default_bridge.icc"},
     .flag = "net-br-icc",
     .target = GOES_TO(bridge.icc),
     .help = "containers reach each other"},
    {.key = "network.bridge.ip_masq",
     .kind = Kind::Boolean,
     .own = "true",
     .path = {"network.default_bridge.ip_masq"},
     .flag = "net-br-ipmasq",
     .target = GOES_TO(bridge.ip_masq),
     .help = "outside, containers bear the device's address"},
    {.key = "network.bridge.neighbour_retrans",
     .kind = Kind::Duration,
     .own = "20ms",
     .target = GOES_TO(bridge.neighbour_retrans),
     .least = 0,
     .most = 60'000,
     .bare = Bare::Seconds,
     .help = "neighbour timer of the bridge, if berthd may set it; 0s: the kernel's"},
};

}  // namespace

std::span<const Option> network_options() {
    return kNetworkOptions;
}

}  // namespace berth::service
