#include "service/store.hpp"

#include <system_error>

#include "protocol/document.hpp"
#include "service/files.hpp"
#include "service/kill_points.hpp"

namespace berth::service::store {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& home_dir, const ContainerId& id) {
    return home_dir / "containers" / id;
}

Result<Container> load_record(const fs::path& folder) {
    auto text = read_file(folder / "config.json");
    if (!text) return text.error();
    auto record = decode_record(*text);
    if (!record) return fail(record.error(), (folder / "config.json").string());
    if (record->spec.id != folder.filename().string())
        return fail(Errc::Invalid, folder.string() + ": its record bears the id '" + record->spec.id + "'");
    return record;
}

}  // namespace

bool is_safe_id(const std::string& id) {
    return is_container_id(id);
}

void clear_unfinished(const fs::path& home_dir) {
    std::error_code error;
    for (fs::directory_iterator entry(home_dir / "containers", error), end; !error && entry != end;
         entry.increment(error))
        discard_unfinished(entry->path() / "config.json");
}

Result<Loaded> load(const fs::path& home_dir) {
    Loaded loaded;
    const fs::path root = home_dir / "containers";
    std::error_code error;
    fs::directory_iterator entry(root, error);
    if (error == std::errc::no_such_file_or_directory) return loaded;
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
        std::error_code unknown;
        if (!entry->is_directory(unknown) || !is_safe_id(entry->path().filename().string())) continue;
        auto record = load_record(entry->path());
        if (record)
            loaded.records.push_back(std::move(*record));
        else
            loaded.problems.push_back(record.error().message);
    }
    if (error) return fail(Errc::Internal, "read " + root.string() + ": " + error.message());
    return loaded;
}

Result<> save(const fs::path& home_dir, const Container& container) {
    if (!is_safe_id(container.spec.id))
        return fail(Errc::Invalid, "container id '" + container.spec.id + "' cannot be a folder name");
    const auto folder = folder_of(home_dir, container.spec.id);
    if (auto made = make_folder(folder); !made) return made;
    return replace_file(folder / "config.json", encode_record(container), 0600);
}

Result<> erase(const fs::path& home_dir, const ContainerId& id) {
    if (!is_safe_id(id)) return fail(Errc::Invalid, "container id '" + id + "' cannot be a folder name");
    std::error_code error;
    kill_point("before erasing a record");
    fs::remove_all(folder_of(home_dir, id), error);
    kill_point("after erasing a record");
    if (error) return fail(Errc::Internal, "remove the record of " + id + ": " + error.message());
    const auto flushed = flush_folder(home_dir / "containers");
    return flushed || !fs::exists(home_dir / "containers", error) ? Result<>{} : flushed;
}

}  // namespace berth::service::store
