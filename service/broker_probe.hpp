// Why a connection to the broker fails, in words: the client library says little more than "failure".
#pragma once

#include <chrono>
#include <string>

#include "protocol/result.hpp"
#include "service/broker_address.hpp"
#include "service/config.hpp"

namespace berth::service {

// The TLS files, the authority's always: readable, PEM, in force today, key and certificate belong together.
// Invalid: names the option, the file and what is wrong with it.
Result<> check_tls_files(const MqttConfig& config);

// Looks up, connects and shakes hands like the client would, and says where that ends; empty: nothing ends
// it. Blocks for as long as the name look-up takes and `patience` for each further step.
std::string probe_broker(const BrokerAddress& address, const MqttConfig& config,
                         std::chrono::milliseconds patience);

}  // namespace berth::service
