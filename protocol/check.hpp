// What is wrong with a container model, all of it, in the order of the document. Internal to protocol: the
// desired state reports every finding, validate() the first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/container.hpp"

namespace berth {

inline constexpr std::string_view kLogPathKey = "logPath";

struct Finding {
    std::string_view key{};       // as a component's config names it; empty: it has no such key
    std::string_view document{};  // as the document names it
    std::string reason{};
    std::string value{};  // env values are left out: they may be secrets
};

std::vector<Finding> findings(const ContainerSpec& spec);

// Values that are taken as they are but act differently on the engine, or not at all.
std::vector<Finding> remarks(const ContainerSpec& spec);

// Empty: fine. <name>:<target>, the target an address, host_ip, host_ip_<interface> or container_<host name>.
std::string fault_of_host_entry(std::string_view entry);

bool is_container_name(std::string_view text);  // [a-zA-Z0-9_][a-zA-Z0-9_.-]*

}  // namespace berth
