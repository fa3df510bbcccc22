// What the engine says of itself and of its images. What it leaves out is empty: whoever asks can do without.
#include "runtime/docker/decode.hpp"
#include "runtime/docker/fields.hpp"

namespace berth::runtime::docker {
namespace {

json lenient(std::string_view body) {
    return json::parse(body, nullptr, false);
}

}  // namespace

Platform decode_platform(std::string_view body) {
    const auto version = lenient(body);
    return {.os = text(version, "Os"), .architecture = text(version, "Arch"), .variant = {}};
}

// With containerd's store the images lie somewhere else, and the engine does not say where.
std::string decode_data_folder(std::string_view body) {
    constexpr auto kContainerd = "io.containerd.snapshotter.v1";
    const auto info = lenient(body);
    for (const auto& pair : member(info, "DriverStatus"))
        if (pair == json::array({"driver-type", kContainerd})) return {};
    return text(info, "DockerRootDir");
}

std::vector<std::string> decode_image_ids(std::string_view body) {
    std::vector<std::string> ids;
    for (const auto& image : lenient(body))
        if (auto id = text(image, "Id"); !id.empty()) ids.push_back(std::move(id));
    return ids;
}

std::vector<std::string> decode_image_layers(std::string_view body) {
    std::vector<std::string> ids;
    const auto image = lenient(body);
    for (const auto& id : member(member(image, "RootFS"), "Layers"))
        if (id.is_string()) ids.push_back(id.get<std::string>());
    return ids;
}

}  // namespace berth::runtime::docker
