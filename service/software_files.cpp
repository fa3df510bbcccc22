#include "service/software_files.hpp"

#include <string>
#include <system_error>

#include "service/files.hpp"
#include "service/log.hpp"

namespace berth::service::software_files {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMostFileBytes = 64 * 1024 * 1024;

Result<> take_away(const fs::path& file) {
    std::error_code error;
    if (fs::remove(file, error)) return flush_folder(file.parent_path());
    if (error) return fail(Errc::Internal, "remove " + file.string() + ": " + error.message());
    return {};
}

}  // namespace

Result<twin::KeptAction> read(const fs::path& file) {
    std::error_code error;
    if (const auto bytes = fs::file_size(file, error); !error && bytes > kMostFileBytes)
        return fail(Errc::TooLarge, file.string() + ": has " + std::to_string(bytes) + " bytes");
    const auto text = read_file(file);
    if (!text) return text.error();
    auto kept = twin::decode_kept(*text);
    if (!kept) return fail(kept.error(), file.string());
    return kept;
}

Result<> put(const fs::path& file, const std::optional<twin::KeptAction>& kept) {
    if (!kept) return take_away(file);
    auto written = make_folder(file.parent_path());
    if (written) written = replace_file(file, twin::encode_kept(*kept), 0600);
    if (written) return {};
    if (const auto gone = take_away(file); !gone) log::debug("{}", gone.error().message);
    return written;
}

}  // namespace berth::service::software_files
