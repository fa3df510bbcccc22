#include "service/software_files.hpp"

#include <charconv>
#include <string>

#include "service/files.hpp"
#include "service/log.hpp"

namespace berth::service::software_files {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMostFileBytes = 64 * 1024 * 1024;

std::optional<std::uint64_t> number_of(const fs::path& file) {
    const auto name = file.filename().string();
    std::uint64_t number{};
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
    return number;
}

Result<> take_away(const fs::path& file) {
    std::error_code error;
    if (fs::remove(file, error)) return flush_folder(file.parent_path());
    if (error) return fail(Errc::Internal, "remove " + file.string() + ": " + error.message());
    return {};
}

}  // namespace

std::set<std::uint64_t> find(const fs::path& folder, std::error_code& error) {
    std::set<std::uint64_t> found;
    const fs::directory_iterator end;
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != end; entry.increment(error))
        if (const auto number = number_of(entry->path()))
            found.insert(*number);
        else if (entry->path().extension() == ".new")
            discard_unfinished(folder / entry->path().stem());
    if (error == std::errc::no_such_file_or_directory) error.clear();
    return found;
}

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
