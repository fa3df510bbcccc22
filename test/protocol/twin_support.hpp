// The device that the twin's golden files speak of.
#pragma once

#include "protocol/twin/identity.hpp"

namespace berth::test {

inline twin::Device nav_device() {
    return {"acme.fleet:gw:truck-7", "acme", "acme.fleet:truck-policy"};
}

inline twin::Thing nav_thing() {
    return twin::thing_of(nav_device());
}

}  // namespace berth::test
