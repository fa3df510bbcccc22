// What the engine made of a component, against what it was asked for.
#pragma once

#include <string>

#include "protocol/container.hpp"

namespace berth::reconcile {

// `unstable: hostName wanted "a" engine says "b"`, further keys behind a comma; empty: it holds what it was
// asked for. To be told and never acted on: what is asked for next is compared with what was asked for
// before. Shows no value of env.
std::string unstable(const ContainerSpec& asked, const ContainerSpec& held);

}  // namespace berth::reconcile
