// The member "config" of a Container feature, both ways. Internal to protocol/twin: JSON stays in here.
#pragma once

#include <string>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/fields.hpp"
#include "protocol/json_text.hpp"

namespace berth::twin {

// Into a model whose defaults are still open. What cannot be read is among the problems of `config`.
// `warnings`: what is read otherwise than written. False: the image would have to be decrypted.
bool read_configuration(const Fields& config, ContainerSpec& spec, std::vector<std::string>& warnings);

RestartPolicy read_restart_policy(const Fields& policy);
Resources read_resources(const Fields& resources);

// Members that are empty, zero or false are left out. Values of env names in `redact` are masked.
OrderedJson write_configuration(const ContainerSpec& spec, const std::vector<std::string>& redact);

}  // namespace berth::twin
