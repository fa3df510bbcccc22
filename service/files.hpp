// Files that survive a power cut: written beside, flushed, renamed, folder flushed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

#include "protocol/result.hpp"

namespace berth::service {

// What errno says of a call that failed: NoSpace when the disk or the quota is full, Internal otherwise.
Error os_error(const std::string& doing);

// PowerCut: flushed, so that it outlives one. Nothing: what is written anew all the time would wear the
// flash.
enum class Outlives { PowerCut, Nothing };

// NoSpace when the disk is full, Internal otherwise. On an error the file holds the old content or, if only
// the folder could not be flushed, the new one; never a part. The mode does not depend on the umask.
Result<> replace_file(const std::filesystem::path& path, std::string_view content, unsigned mode,
                      Outlives outlives = Outlives::PowerCut);

// What a cut in the middle of replace_file left beside the file. Nothing there, or a read-only disk: fine.
void discard_unfinished(const std::filesystem::path& path);

Result<std::string> read_file(const std::filesystem::path& path);  // NotFound, Internal; regular files only

Result<> make_folder(const std::filesystem::path& folder);  // 0711, and its entry is on disk; there: fine

// Files whose names are numbers. What a cut in replace_file left of one goes. The error is of the folder:
// that of one that is not there is none.
std::set<std::uint64_t> numbered_files(const std::filesystem::path& folder, std::error_code& error);

Result<> flush_folder(const std::filesystem::path& folder);  // its entries are on disk

}  // namespace berth::service
