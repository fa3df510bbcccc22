// Which registries the engine speaks to without TLS, or without looking at their certificate: a setting of
// the engine, which Berth can only compare with what it was told. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace berth::runtime::docker {

// localhost and 127.0.0.0/8, with or without a port: for every engine, so that it need not be asked.
bool is_insecure_anyway(std::string_view registry);

// Whether one may be spoken to without TLS: any engine's, or one of `listed` as below.
bool is_insecure(std::string_view registry, const std::vector<std::string>& listed);

// Those of `wanted` (host[:port], or a network like 10.1.0.0/16) that the engine insists on TLS with, by the
// body of its GET /info. A host name counts only where the engine lists it by name: what it resolves to is
// not looked up.
Result<std::vector<std::string>> refused_insecure(const std::vector<std::string>& wanted,
                                                  std::string_view info);

}  // namespace berth::runtime::docker
