// What the twin shows: every message that changes it, as text. Pure; when and in which order they go out is
// service/twin's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/twin/identity.hpp"
#include "protocol/twin/software.hpp"

namespace berth::twin {

inline constexpr std::string_view kContainerFactory = "ContainerFactory";
inline constexpr std::string_view kSoftwareUpdatable = "SoftwareUpdatable";
inline constexpr std::string_view kMetrics = "Metrics";

std::string container_feature(const ContainerId& id);  // Container:<id>

// Writes the messages of one thing.
class Features {
 public:
    // Values of env names in `redact` are masked.
    Features(Thing thing, std::vector<std::string> redact);

    const Thing& thing() const { return thing_; }

    std::string factory() const;
    std::string metrics() const;
    std::string software(const std::vector<Container>& containers) const;
    std::string dependencies(const std::vector<Container>& containers) const;
    std::string last_operation(const OperationStatus& status) const;
    std::string last_failed_operation(const OperationStatus& status) const;

    std::string container(const Container& container) const;
    std::string state(const ContainerId& id, const ContainerState& state) const;
    std::string name(const ContainerSpec& spec) const;
    std::string configuration(const ContainerSpec& spec) const;
    std::string removed(std::string_view feature) const;

 private:
    Thing thing_;
    std::vector<std::string> redact_;
};

// Container id -> feature id, as kept on disk: {"nav-7":"Container:nav-7"}; null when there is none.
std::string encode_known(const std::vector<ContainerId>& ids);
Result<std::vector<ContainerId>> decode_known(std::string_view text);  // empty text: none

}  // namespace berth::twin
