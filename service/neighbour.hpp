// How soon the kernel asks again for a neighbour on Berth's bridge. By itself it waits a second, and whoever
// talks to a container while that is replaced waits with it. Touches no other interface.
#pragma once

#include <filesystem>

#include "service/config.hpp"

namespace berth::service {

// Used on the loop only.
class NeighbourTimer {
 public:
    explicit NeighbourTimer(const BridgeConfig& bridge,
                            std::filesystem::path settings = "/proc/sys/net/ipv4/neigh");

    // After every connect: an engine that has been restarted may have made the bridge anew. Nothing happens
    // for a value of 0; where it cannot be written (no right to, no such bridge here) one debug line says so.
    void apply();

 private:
    const BridgeConfig bridge_;
    const std::filesystem::path settings_;
    bool told_{false};
};

}  // namespace berth::service
