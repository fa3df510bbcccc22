// A Unix socket before the engine's: hands every byte on and counts the requests that pass.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "test/support/relay.hpp"

namespace berth::bench {

class CountingProxy {
 public:
    CountingProxy(std::string socket, std::string engine_socket);

    const std::string& socket() const { return relay_.socket(); }
    std::vector<std::string> take();  // "GET /v1.41/containers/json?…": what passed since the last time

 private:
    void hand_on(const test::Relay::Connection& connection);
    void note(std::string& seen, const char* bytes, std::size_t count);

    std::mutex mutex_{};
    std::vector<std::string> requests_{};
    test::Relay relay_;  // last: its threads use the others
};

}  // namespace berth::bench
