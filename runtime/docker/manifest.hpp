// What a registry says of an image: OCI's and Docker's manifests and indexes, and the image's configuration.
// Pure. Texts come from outside: whatever they hold, the answer is a value or Unsupported.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/layer.hpp"
#include "protocol/result.hpp"

namespace berth::runtime::docker {

struct Platform {  // in the words of images
    std::string os{};
    std::string architecture{};  // "amd64", "arm64", "arm"
    std::string variant{};       // "v7"; empty: the architecture's usual one
    bool operator==(const Platform&) const = default;
};

struct Manifest {
    std::string config{};  // digest of the configuration
    std::vector<Layer> layers{};
    bool operator==(const Manifest&) const = default;
};

struct Elsewhere {         // an index: the manifest of this platform is another document
    std::string digest{};  // of that
};

// NotFound: an index without this platform.
Result<std::variant<Manifest, Elsewhere>> decode_manifest(std::string_view text, const Platform& platform);

// Digests of the unpacked layers, in the order of the manifest's: what an engine knows its layers by.
Result<std::vector<std::string>> decode_diff_ids(std::string_view configuration);

// The layers that are left when the engine uses what it has. An engine reuses a layer only on top of the same
// ones, so what counts is how far the image goes along with one of `there`, each by its diff ids.
std::vector<Layer> lacking(std::vector<Layer> layers, const std::vector<std::string>& diff_ids,
                           const std::vector<std::vector<std::string>>& there);

}  // namespace berth::runtime::docker
