// What is said once nobody listens any more, over a connection of its own that subscribes nothing: no message
// reaches a daemon that would not act on it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "service/broker_address.hpp"
#include "service/config.hpp"
#include "service/connect_policy.hpp"
#include "service/link.hpp"

namespace berth::service {

// Blocks until the broker has taken or refused all, or `patience` is over; the library has two seconds more
// to end, then it is left behind. Who is told of a publication's fate is not. Unavailable: not all of it
// arrived, and why.
Result<> say_farewell(const BrokerAddress& address, const std::string& client_id, MqttVersion version,
                      MqttConfig config, const std::vector<Publication>& last,
                      std::chrono::milliseconds patience);

}  // namespace berth::service
