// The two facts about this machine that the engine's calls need and the engine does not offer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace berth::runtime::docker {

std::optional<std::string> interface_address(const std::string& interface);  // its first non-loopback IPv4
std::int64_t machine_memory();                                               // bytes

}  // namespace berth::runtime::docker
