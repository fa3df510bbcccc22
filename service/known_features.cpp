#include "service/known_features.hpp"

#include <algorithm>
#include <system_error>

#include "protocol/digest.hpp"
#include "protocol/twin/features.hpp"
#include "service/files.hpp"
#include "service/log.hpp"

namespace berth::service::known_features {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostNameBytes =
    251;  // file systems take 255; while it is written it has .new behind it

enum class Colons { All, First };

std::string name_of(std::string thing_id, Colons colons) {
    for (auto at = thing_id.find(':'); at != std::string::npos; at = thing_id.find(':', at)) {
        thing_id[at] = '_';
        if (colons == Colons::First) break;
    }
    return "sup_back_" + thing_id + ".json";
}

fs::path file_of(const fs::path& folder, const std::string& thing_id) {
    auto name = name_of(thing_id, Colons::All);
    if (name.size() > kMostNameBytes) name = name_of(sha256(thing_id), Colons::All);
    return folder / name;
}

Result<std::vector<ContainerId>> read(const fs::path& file) {
    const auto text = read_file(file);
    if (!text && text.error().code == Errc::NotFound) return std::vector<ContainerId>{};
    if (!text) return text.error();
    auto ids = twin::decode_known(*text);
    if (!ids) return fail(ids.error(), file.string());
    return ids;
}

// What either file knows may be in the cloud still. The older one goes when the other has it all.
void take_over(const fs::path& older, const fs::path& folder, const std::string& thing_id,
               std::vector<ContainerId>& ids) {
    const auto former = read(older);
    if (!former) return log::warn("{}: it is not believed", former.error().message);
    for (const auto& id : *former)
        if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    if (auto saved = save(folder, thing_id, ids); !saved)
        return log::warn("{} is kept: {}", older.string(), saved.error().message);
    std::error_code error;
    fs::remove(older, error);
    if (error) log::warn("remove {}: {}", older.string(), error.message());
}

}  // namespace

Result<std::vector<ContainerId>> load(const fs::path& folder, const std::string& thing_id) {
    const auto file = file_of(folder, thing_id);
    auto ids = read(file);
    for (const auto colons : {Colons::All, Colons::First}) {
        const auto older = folder / name_of(thing_id, colons);
        std::error_code error;
        if (ids && older != file && fs::exists(older, error)) take_over(older, folder, thing_id, *ids);
    }
    return ids;
}

Result<> save(const fs::path& folder, const std::string& thing_id, const std::vector<ContainerId>& ids) {
    if (auto made = make_folder(folder); !made) return made;
    return replace_file(file_of(folder, thing_id), twin::encode_known(ids), 0600);
}

}  // namespace berth::service::known_features
