// The facts about this machine that the engine's calls need and the engine does not offer.
#pragma once

#include <optional>
#include <string>

#include "runtime/docker/encode.hpp"

namespace berth::runtime::docker {

std::optional<std::string> interface_address(const std::string& interface);  // its first non-loopback IPv4
MachineMemory machine_memory();
std::string machine_variant();  // of an ARM processor: "v6", "v7", "v8"; else empty

}  // namespace berth::runtime::docker
