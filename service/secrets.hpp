// Secrets by reference: an env value "secret:<name>" is read from a root-only file when the instance is made.
// The stored document, the label, feedback and logs keep the reference; the value goes to the engine only.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "protocol/result.hpp"

namespace berth::service {

// The entries with each reference replaced by the content of <dir>/<name>, without one newline at its end.
// NotFound, Invalid: names the variable and the secret, never a value. Blocks: called on workers.
Result<std::vector<std::string>> resolve_secrets(const std::vector<std::string>& env,
                                                 const std::filesystem::path& dir);

}  // namespace berth::service
