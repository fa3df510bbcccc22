// How much may still be written into a folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace berth::runtime {

// Bytes, for whoever is not root. Absent: the folder cannot be seen from here.
std::optional<std::int64_t> free_bytes(const std::filesystem::path& folder);

}  // namespace berth::runtime
