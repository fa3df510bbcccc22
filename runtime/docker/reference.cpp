#include "runtime/docker/reference.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "protocol/forms.hpp"

namespace berth::runtime::docker {
namespace {

constexpr std::size_t kMaxReference = 512;

bool is_allowed(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 128 && (std::isalnum(byte) || std::string_view("._-/:@").find(c) != std::string_view::npos);
}

}  // namespace

Result<> check_reference(std::string_view reference) {
    const bool bad_shape = reference.empty() || reference.size() > kMaxReference ||
                           reference.front() == '/' || reference.back() == '/' ||
                           reference.find("..") != std::string_view::npos ||
                           reference.find("//") != std::string_view::npos ||
                           reference.find("/.") != std::string_view::npos || reference.front() == '.';
    // Before the last slash it would make the registry's name a login for another host.
    const auto at = reference.find('@');
    const bool has_user = at != std::string_view::npos && reference.find('/', at) != std::string_view::npos;
    if (bad_shape || has_user || !std::ranges::all_of(reference, is_allowed))
        return fail(Errc::Invalid,
                    fmt::format("image '{}': not an image reference", reference.substr(0, kMaxReference)));
    return {};
}

ImageName split_reference(std::string_view reference) {
    ImageName name{.registry = registry_of(reference), .repository = {}, .version = "latest"};
    if (reference.starts_with(name.registry + "/")) reference.remove_prefix(name.registry.size() + 1);
    if (name.registry == "index.docker.io") name.registry = "docker.io";
    const auto digest = reference.find('@');
    const auto tag = reference.substr(0, digest).find(':', reference.substr(0, digest).rfind('/') + 1);
    if (digest != std::string_view::npos)
        name.version = reference.substr(digest + 1);
    else if (tag != std::string_view::npos)
        name.version = reference.substr(tag + 1);
    name.repository = reference.substr(0, std::min(digest, tag));
    const bool is_short = name.registry == "docker.io" && name.repository.find('/') == std::string::npos;
    if (is_short) name.repository.insert(0, "library/");
    return name;
}

std::string with_tag(std::string_view reference) {
    const auto last = reference.substr(reference.rfind('/') + 1);  // npos + 1 is 0
    if (last.find_first_of(":@") != std::string_view::npos) return std::string(reference);
    return fmt::format("{}:latest", reference);
}

}  // namespace berth::runtime::docker
