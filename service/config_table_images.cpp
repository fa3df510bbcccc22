// [images], [[registry]] and [secrets].
#include "service/config_rules.hpp"
#include "service/config_table.hpp"

namespace berth::service {

namespace {

constexpr Option kImagesOptions[] = {
    {.key = "images.require_qualified",
     .kind = Kind::Boolean,
     .own = "false",
     .kanto = "true",
     .target = GOES_TO(images.require_qualified),
     .help = "refuse image names without a registry"},
    {.key = "images.insecure_registries",
     .kind = Kind::List,
     .own = "localhost",
     .path = {"containers.insecure_registries"},
     .flag = "ccl-insecure-registries",
     .target = GOES_TO(images.insecure_registries),
     .help = "registries that may speak plain HTTP; a warning if the engine does not allow it"},
    {.key = "images.reserve",
     .kind = Kind::Size,
     .own = "256M",
     .target = GOES_TO(images.reserve_bytes),
     .least = 0,
     .help = "room that stays free where the engine keeps images; in storage.home_dir at most 16 MiB of it"},
    {.key = "registry.*.host", .own = kNoDefault, .help = "host[:port] of a registry"},
    {.key = "registry.*.username",
     .own = kNoDefault,
     .path = {"containers.registry_configurations.*.credentials.user_id"},
     .help = "login there"},
    {.key = "registry.*.password",
     .own = kNoDefault,
     .path = {"containers.registry_configurations.*.credentials.password"},
     .secret = true,
     .help = "password of that login"},
    {.key = "registry.*.password_file", .own = kNoDefault, .help = "file whose first line is the password"},
    {.key = "registry.*.insecure",
     .kind = Kind::Boolean,
     .own = kNoDefault,
     .help = "as if listed in images.insecure_registries"},

    {.key = "secrets.dir",
     .own = "/etc/berth/secrets",
     .target = GOES_TO(secrets_dir),
     .check = rules::directory,
     .help = "one root-only file per secret"},
    {.key = "secrets.redact",
     .kind = Kind::List,
     .own = "*PASSWORD*,*TOKEN*,*SECRET*,*KEY*",
     .target = GOES_TO(redact),
     .help = "names of environment values that are secret"},
};

}  // namespace

std::span<const Option> images_options() {
    return kImagesOptions;
}

}  // namespace berth::service
