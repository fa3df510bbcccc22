// Files that survive a power cut: written beside, flushed, renamed, folder flushed.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace berth::service {

// NoSpace when the disk is full, Internal otherwise; the old content is untouched on any error.
Result<> replace_file(const std::filesystem::path& path, std::string_view content, unsigned mode);

Result<std::string> read_file(const std::filesystem::path& path);  // NotFound, Internal

}  // namespace berth::service
