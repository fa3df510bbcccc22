// How large an image is, and how much room there is for it.
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "runtime/disk.hpp"
#include "runtime/docker/docker_runtime.hpp"
#include "runtime/docker/insecure.hpp"
#include "runtime/docker/reference.hpp"
#include "runtime/docker/registry.hpp"

namespace berth::runtime::docker {
namespace {

constexpr std::chrono::minutes kStaysKnown{1};
constexpr std::size_t kMostKnown = 64;

// An engine in a mount namespace of its own, or on another machine, names a folder that is something else
// here.
bool is_of_engine(const std::string& folder) {
    std::error_code error;
    return std::filesystem::status(std::filesystem::path(folder) / "containers", error).type() !=
           std::filesystem::file_type::not_found;
}

// The call is over, or the engine is away.
bool concerns_all(const Error& error) {
    return error.code == Errc::Unavailable || error.code == Errc::Timeout || error.code == Errc::Interrupted;
}

}  // namespace

Result<std::vector<Layer>> DockerRuntime::image_layers(const std::string& reference, Which which, Call call) {
    const auto doing = fmt::format("image {}", reference);
    if (auto checked = check_reference(reference); !checked) return checked.error();
    const auto platform = platform_.load();
    if (!platform) return fail(Errc::Unavailable, doing + ": no engine was connected to yet");
    auto image = split_reference(reference);
    const auto trust =
        is_insecure(image.registry, options_.insecure_registries) ? Trust::Blind : Trust::Verified;
    Registry registry(std::move(image), *registries_.load(), trust);
    auto known = which == Which::Missing ? take_manifest(reference) : std::nullopt;
    auto manifest = known ? Result<Manifest>(*std::move(known)) : registry.manifest(*platform, call);
    if (!manifest) return fail(manifest.error(), doing);
    if (which == Which::All) {
        keep_manifest(reference, *manifest);
        return std::move(manifest->layers);
    }
    const auto diff_ids = registry.diff_ids(*manifest, call);
    if (!diff_ids) return fail(diff_ids.error(), doing);
    if (diff_ids->size() != manifest->layers.size())
        return fail(Errc::Unsupported, doing + ": its manifest and its configuration differ in their layers");
    const auto there = layers_of_images(call);
    if (!there) return fail(there.error(), doing);
    return lacking(std::move(manifest->layers), *diff_ids, *there);
}

// For the Missing that may follow an All: registries count how often somebody asks for manifests.
void DockerRuntime::keep_manifest(const std::string& reference, const Manifest& manifest) {
    const auto now = steady_clock::now();
    const std::lock_guard lock(manifests_mutex_);
    std::erase_if(manifests_, [now](const auto& one) { return now - one.second.since > kStaysKnown; });
    if (manifests_.size() < kMostKnown) manifests_[reference] = {manifest, now};
}

std::optional<Manifest> DockerRuntime::take_manifest(const std::string& reference) {
    const std::lock_guard lock(manifests_mutex_);
    auto known = manifests_.extract(reference);
    if (!known || steady_clock::now() - known.mapped().since > kStaysKnown) return std::nullopt;
    return std::move(known.mapped().manifest);
}

// The engine tells the layers of one image at a time. One that it cannot show, as after a power cut, gives
// no layer to anybody.
Result<std::vector<std::vector<std::string>>> DockerRuntime::layers_of_images(const Call& call) const {
    const auto list = expect(request("GET", "/images/json"), call);
    if (!list) return list.error();
    std::vector<std::vector<std::string>> all;
    for (const auto& id : decode_image_ids(list->body)) {
        const auto image = expect(request("GET", fmt::format("/images/{}/json", id)), call, 404);
        if (!image && concerns_all(image.error())) return image.error();
        if (image) all.push_back(decode_image_layers(image->body));
    }
    return all;
}

Result<Space> DockerRuntime::space(Call call) {
    const auto info = expect(request("GET", "/info"), call);
    if (!info) return fail(info.error(), "info");
    Space space{.folder = decode_data_folder(info->body), .free_bytes = {}};
    if (!space.folder.empty() && is_of_engine(space.folder)) space.free_bytes = free_bytes(space.folder);
    return space;
}

}  // namespace berth::runtime::docker
