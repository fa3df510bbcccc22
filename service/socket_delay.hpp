// TCP_NODELAY for sockets that somebody else opened: the client library leaves it off, and small messages
// then wait 40 ms for the delayed acknowledgement.
#pragma once

#include <cstdint>

namespace berth::service {

// Every TCP socket of this process whose peer has this port.
void send_without_delay(std::uint16_t peer_port);

}  // namespace berth::service
