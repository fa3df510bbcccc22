// The module that gives the containers back as a desired state, on desiredstate/export. Reads the world, asks
// the engine nothing.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "protocol/topics.hpp"
#include "service/clock.hpp"
#include "service/config.hpp"
#include "service/link.hpp"
#include "service/world.hpp"

namespace berth::service {

class Exporter {
 public:
    // Why what is there is not what shall be; empty: it is.
    using Unsettled = std::function<std::string()>;

    Exporter(Link& link, const World& world, Stamps& stamps, const UpdateAgentConfig& config,
             const std::vector<std::string>& redact, Unsettled unsettled);

    std::vector<Route> routes();

 private:
    void on_export(const Message& message);

    Link& link_;
    const World& world_;
    Stamps& stamps_;
    std::string domain_;
    UpdateTopics topics_;
    std::set<std::string> system_containers_;
    std::vector<std::string> redact_;
    Unsettled unsettled_;
};

}  // namespace berth::service
