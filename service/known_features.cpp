#include "service/known_features.hpp"

#include <algorithm>
#include <system_error>

#include "protocol/twin/features.hpp"
#include "service/files.hpp"
#include "service/log.hpp"

namespace berth::service::known_features {
namespace {

namespace fs = std::filesystem;

enum class Colons { All, First };

fs::path file_of(const fs::path& folder, std::string thing_id, Colons colons) {
    for (auto at = thing_id.find(':'); at != std::string::npos; at = thing_id.find(':', at)) {
        thing_id[at] = '_';
        if (colons == Colons::First) break;
    }
    return folder / ("sup_back_" + thing_id + ".json");
}

Result<std::vector<ContainerId>> read(const fs::path& file) {
    const auto text = read_file(file);
    if (!text && text.error().code == Errc::NotFound) return std::vector<ContainerId>{};
    if (!text) return text.error();
    auto ids = twin::decode_known(*text);
    if (!ids) return fail(ids.error(), file.string());
    return ids;
}

}  // namespace

// What either file knows may be in the cloud still. The older one goes when the other has it all.
Result<std::vector<ContainerId>> load(const fs::path& folder, const std::string& thing_id) {
    const auto file = file_of(folder, thing_id, Colons::All);
    const auto older = file_of(folder, thing_id, Colons::First);
    std::error_code error;
    auto ids = read(file);
    if (older == file || !fs::exists(older, error)) return ids;
    const auto former = read(older);
    if (!former) log::warn("{}: it is not believed", former.error().message);
    if (!former || !ids) return ids;
    for (const auto& id : *former)
        if (std::find(ids->begin(), ids->end(), id) == ids->end()) ids->push_back(id);
    if (auto saved = save(folder, thing_id, *ids); !saved) {
        log::warn("{} is kept: {}", older.string(), saved.error().message);
        return ids;
    }
    fs::remove(older, error);
    if (error) log::warn("remove {}: {}", older.string(), error.message());
    return ids;
}

Result<> save(const fs::path& folder, const std::string& thing_id, const std::vector<ContainerId>& ids) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return fail(Errc::Internal, "make folder " + folder.string() + ": " + error.message());
    return replace_file(file_of(folder, thing_id, Colons::All), twin::encode_known(ids), 0600);
}

}  // namespace berth::service::known_features
