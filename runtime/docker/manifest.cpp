#include "runtime/docker/manifest.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "runtime/docker/fields.hpp"

namespace berth::runtime::docker {
namespace {

// It becomes part of a path.
bool is_digest(std::string_view text) {
    const auto colon = text.find(':');
    const auto is_plain = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 128 && std::isalnum(byte);
    };
    return colon != 0 && colon != std::string_view::npos && text.size() - colon > 32 && text.size() < 256 &&
           std::ranges::all_of(text.substr(0, colon), is_plain) &&
           std::ranges::all_of(text.substr(colon + 1), is_plain);
}

std::string variant_of(const Platform& platform) {
    if (!platform.variant.empty()) return platform.variant;
    if (platform.architecture == "arm") return "v7";
    return platform.architecture == "arm64" ? "v8" : std::string();
}

// 0: not at all; a processor also runs what is made for an older one of its kind, best the newest of those.
int fitness(const Platform& offered, const Platform& wanted) {
    if (offered.os != wanted.os || offered.architecture != wanted.architecture) return 0;
    const auto has = variant_of(offered);
    const auto asks = variant_of(wanted);
    if (has == asks) return 100;
    return has.size() > 1 && has < asks ? has[1] : 1;
}

Result<std::variant<Manifest, Elsewhere>> choose(const json& manifests, const Platform& platform) {
    Elsewhere best;
    int best_fitness = 0;
    for (const auto& one : manifests) {
        const auto& offered = member(one, "platform");
        const int fits =
            fitness({text(offered, "os"), text(offered, "architecture"), text(offered, "variant")}, platform);
        if (fits <= best_fitness) continue;
        best_fitness = fits;
        best.digest = text(one, "digest");
    }
    if (best_fitness == 0)
        return fail(Errc::NotFound, fmt::format("not for {}/{}", platform.os, platform.architecture));
    if (!is_digest(best.digest)) return fail(Errc::Unsupported, "the index names no digest");
    return std::variant<Manifest, Elsewhere>(std::move(best));
}

}  // namespace

Result<std::variant<Manifest, Elsewhere>> decode_manifest(std::string_view body, const Platform& platform) {
    const auto said = json::parse(body, nullptr, false);
    if (const auto& manifests = member(said, "manifests"); manifests.is_array())
        return choose(manifests, platform);
    const auto& layers = member(said, "layers");
    Manifest manifest{.config = text(member(said, "config"), "digest"), .layers = {}};
    if (!layers.is_array() || !is_digest(manifest.config))
        return fail(Errc::Unsupported, "the manifest is of no kind that is known here");
    for (const auto& layer : layers) {
        const auto& size = member(layer, "size");
        if (!size.is_number_unsigned() || number(layer, "size") < 0)
            return fail(Errc::Unsupported, "the manifest leaves out the size of a layer");
        manifest.layers.push_back({text(layer, "digest"), number(layer, "size")});
    }
    return std::variant<Manifest, Elsewhere>(std::move(manifest));
}

Result<std::vector<std::string>> decode_diff_ids(std::string_view configuration) {
    const auto said = json::parse(configuration, nullptr, false);
    const auto& ids = member(member(said, "rootfs"), "diff_ids");
    if (!ids.is_array()) return fail(Errc::Unsupported, "the image's configuration names no layers");
    std::vector<std::string> all;
    for (const auto& id : ids)
        all.push_back(id.is_string() ? id.get<std::string>() : std::string());
    return all;
}

std::vector<Layer> lacking(std::vector<Layer> layers, const std::vector<std::string>& diff_ids,
                           const std::vector<std::vector<std::string>>& there) {
    if (layers.size() != diff_ids.size()) return layers;
    std::ptrdiff_t shared = 0;
    for (const auto& other : there) {
        const auto apart = std::ranges::mismatch(diff_ids, other).in1;
        shared = std::max(shared, apart - diff_ids.begin());
    }
    layers.erase(layers.begin(), layers.begin() + shared);
    return layers;
}

}  // namespace berth::runtime::docker
