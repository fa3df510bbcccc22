// What the kernel knows of the neighbours on Berth's bridge, that is of the containers. Whoever talks to one
// while it is replaced would wait a second for the kernel's patience: it asks again for a neighbour only
// after that time, and a first packet to one that it still remembers is lost, to be sent again after that
// time. Touches no other interface.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "service/config.hpp"

namespace berth::service {

class Neighbours {
 public:
    explicit Neighbours(const BridgeConfig& bridge,
                        std::filesystem::path settings = "/proc/sys/net/ipv4/neigh");

    // How soon it asks again. After every connect: an engine that has been restarted may have made the bridge
    // anew. Nothing happens for a value of 0; where it cannot be written (no right to, no such bridge here)
    // one debug line says so.
    void set_timer();

    // Where it believes containers to be. Before a container starts: it may get the address of one that went.
    // Nothing happens where the timer is left alone. From any thread.
    void forget();

 private:
    void tell_once(const std::string& what, int error);

    const BridgeConfig bridge_;
    const std::filesystem::path settings_;
    const bool ours_;
    std::atomic<bool> told_{false};
};

}  // namespace berth::service
