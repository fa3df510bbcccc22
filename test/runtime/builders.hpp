// Small makers of what runtime tests talk about.
#pragma once

#include <string>

#include "protocol/container.hpp"
#include "protocol/document.hpp"

namespace berth::test {

inline ContainerSpec make_spec(const std::string& name, const std::string& id,
                               const std::string& image = "berth-test/sleeper:1") {
    ContainerSpec spec{.id = id, .name = name, .image = image};
    fill_defaults(spec);
    return spec;
}

}  // namespace berth::test
