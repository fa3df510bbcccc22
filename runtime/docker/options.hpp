// What a DockerRuntime has to know. Plain values, filled from the configuration by whoever owns that.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace berth::runtime::docker {

struct BridgeOptions {           // the network of every container that does not share the machine's
    std::string name{"berth0"};  // both the engine's name of the network and the interface
    bool disable{};              // no such network: bridge containers are refused
    std::string ip4{};  // "172.20.0.1/16": address of the bridge and subnet; empty: the engine's choice
    std::string fixed_cidr4{};  // part of the subnet that addresses are taken from
    std::string gateway4{};
    bool ipv6{};
    int mtu{1500};  // bytes
    bool icc{true};
    bool ip_masq{true};
};

struct RegistryLogin {
    std::string host{};  // host[:port], exact; "docker.io" for references without a host
    std::string username{};
    std::string password{};
};

struct DockerOptions {
    std::string socket{"/var/run/docker.sock"};
    std::string name_space{"berth"};  // label io.berth.namespace; what bears another one does not exist
    std::string api_version{"auto"};  // or a number such as "1.41", which is then used or refused
    std::string cgroup_parent{};      // empty: the engine's
    bool no_new_privileges{true};
    BridgeOptions bridge{};
    std::vector<RegistryLogin> registries{};
    std::vector<std::string> insecure_registries{};  // host[:port]; only compared with the engine's own list
    std::function<void()> before_start{};  // called before a container starts, by that thread; may be empty
};

}  // namespace berth::runtime::docker
