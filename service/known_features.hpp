// Which container features the cloud was told of, on disk: what is gone when Berth starts again is deleted
// there. Reads and writes the file that Kanto keeps. Blocking: called on workers.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/result.hpp"

namespace berth::service::known_features {

// sup_back_<thing id with _ for every :>.json; where that is too long for a file, with the SHA-256 of the id
// instead. What an older name of it knows, as one in which only the first : was replaced, is taken over. No
// file, or an empty one: none. Invalid: damaged.
Result<std::vector<ContainerId>> load(const std::filesystem::path& folder, const std::string& thing_id);

// Atomic, 0600; the folder is made if missing.
Result<> save(const std::filesystem::path& folder, const std::string& thing_id,
              const std::vector<ContainerId>& ids);

}  // namespace berth::service::known_features
