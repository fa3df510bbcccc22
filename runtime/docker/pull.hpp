// One pull as the engine tells it: line by line, progress per layer, failures inside the stream.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"
#include "runtime/docker/options.hpp"
#include "runtime/runtime.hpp"

namespace berth::runtime::docker {

class PullStream {
 public:
    explicit PullStream(std::function<void(const Progress&)> report);  // may be empty

    // An error line ends the pull with that error; anything else is progress or none of our business.
    Result<> on_line(std::string_view line);

 private:
    struct Layer {
        std::int64_t current{};
        std::int64_t total{};
    };
    void report();

    std::function<void(const Progress&)> report_;
    std::map<std::string, Layer> layers_{};
    Progress told_{};
};

// Value of X-Registry-Auth for the registry of this reference; empty: no credentials for it.
std::string registry_auth(std::string_view reference, const std::vector<RegistryLogin>& logins);

}  // namespace berth::runtime::docker
