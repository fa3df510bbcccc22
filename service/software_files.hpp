// The files of SoftwareRecord, one for each action; its number is the name. Blocking.
#pragma once

#include <filesystem>
#include <optional>

#include "protocol/result.hpp"
#include "protocol/twin/software.hpp"

namespace berth::service::software_files {

Result<twin::KeptAction> read(const std::filesystem::path& file);  // Invalid: damaged; TooLarge

// Atomic, 0600; the folder is made if missing. Nothing: it goes. A disk that is full has room to remove a
// file: what cannot be written anew goes as well, as no last word is better than a false one.
Result<> put(const std::filesystem::path& file, const std::optional<twin::KeptAction>& kept);

}  // namespace berth::service::software_files
