// What the engine is told: bodies of its create, update and network calls, from our structs. Pure; what has
// to be asked of the machine or the engine comes in as a value or a function.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/result.hpp"
#include "runtime/docker/options.hpp"
#include "runtime/runtime.hpp"

namespace berth::runtime::docker {

inline constexpr const char* kLabelManaged = "io.berth.managed";
inline constexpr const char* kLabelNamespace = "io.berth.namespace";
inline constexpr const char* kLabelId = "io.berth.id";
inline constexpr const char* kLabelDocument = "io.berth.document";
inline constexpr const char* kLabelReplaces = "io.berth.replaces";

inline constexpr std::int64_t kMemoryFloor = 6 * 1024 * 1024;  // bytes; the engine refuses less

struct Surroundings {        // of a container that is to be made
    std::string document{};  // goes into label io.berth.document
    ContainerId replaces{};  // label io.berth.replaces; empty: none
    std::string gateway{};   // of the bridge network: what "host_ip" means; empty: unknown
    std::function<std::optional<std::string>(const std::string& interface)>
        address_of{};  // IPv4, "host_ip_<if>"
};

struct Body {
    std::string json{};
    std::vector<std::string> warnings{};  // what was left out or raised, one sentence each
};

// POST /containers/create. Invalid: a value the engine would take for something else.
Result<Body> encode_create(const ContainerSpec& spec, const DockerOptions& options,
                           const Surroundings& around);

// True if a host entry of the spec needs Surroundings::gateway.
bool needs_gateway(const ContainerSpec& spec);

struct Limits {  // what an instance has now, bytes; 0: none
    std::int64_t memory{};
    std::int64_t reservation{};
};

struct MachineMemory {  // bytes
    std::int64_t ram{};
    std::int64_t swap{};
};

// POST /containers/{id}/update. The engine cannot lift a limit: it becomes all that the machine has.
Result<Body> encode_update(const UpdateOptions& options, const Limits& now, const MachineMemory& machine);

// POST /networks/create.
Result<std::string> encode_network(const BridgeOptions& bridge, const std::string& name_space);

// The network of one instance that waits beside the one it replaces: its name, and POST /networks/create.
std::string apart_network(const BridgeOptions& bridge, const ContainerId& id);
bool is_apart_network(const BridgeOptions& bridge, std::string_view name);
std::string encode_apart_network(const BridgeOptions& bridge, const ContainerId& id,
                                 const std::string& name_space);

// POST /networks/{name}/connect and /disconnect; on Berth's bridge with the alias and the links of a create.
std::string encode_member(const EngineId& engine_id);
std::string encode_member(const EngineId& engine_id, const ContainerSpec& spec);

// The filters parameter (not escaped) that keeps everything else out of sight.
std::string encode_filters(const std::string& name_space, const ContainerId& id = {});
std::string encode_event_filters(const std::string& name_space);
std::string encode_network_filter(const std::string& network);  // whoever is on it

}  // namespace berth::runtime::docker
