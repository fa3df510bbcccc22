// The two facts about this machine that the engine's calls need and the engine does not offer.
#pragma once

#include <optional>
#include <string>

#include "runtime/docker/encode.hpp"

namespace berth::runtime::docker {

std::optional<std::string> interface_address(const std::string& interface);  // its first non-loopback IPv4
MachineMemory machine_memory();

}  // namespace berth::runtime::docker
