// What became of a model in the engine: its inspection against what a create would send. Pure.
#pragma once

#include <string_view>

#include "protocol/container.hpp"
#include "protocol/result.hpp"
#include "runtime/docker/encode.hpp"
#include "runtime/docker/options.hpp"

namespace berth::runtime::docker {

// `asked`, in the engine's words wherever they are not those that it was sent. Internal: no inspection.
Result<ContainerSpec> held_by_engine(const ContainerSpec& asked, std::string_view inspection,
                                     const DockerOptions& options, const MachineMemory& machine);

}  // namespace berth::runtime::docker
