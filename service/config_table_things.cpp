// [things] and [metrics].
#include "service/config_rules.hpp"
#include "service/config_table.hpp"

namespace berth::service {

namespace {

constexpr Option kThingsOptions[] = {
    {.key = "things.enabled",
     .kind = Kind::Boolean,
     .own = "true",
     .path = {"things.enable"},
     .flag = "things-enable",
     .target = GOES_TO(things.enabled),
     .help = "the digital twin"},
    {.key = "things.home_dir",
     .own = "/var/lib/berth",
     .kanto = "/var/lib/container-management",
     .path = {"things.home_dir"},
     .flag = "things-home-dir",
     .target = GOES_TO(things.home_dir),
     .check = rules::directory,
     .help = "what the cloud was told, and asked of software, survives here; not given: storage.home_dir"},
    {.key = "things.features",
     .kind = Kind::List,
     .own = "ContainerFactory,SoftwareUpdatable,Metrics",
     .path = {"things.features"},
     .flag = "things-features",
     .target = GOES_TO(things.features),
     .help = "what the twin has; without ContainerFactory no container is shown"},
    {.key = "things.topic_form",
     .own = "namespace",
     .target = GOES_TO(things.topic_form),
     .choices = "namespace|tenant",
     .help = "what stands before the thing's name in the twin's topics"},
    {.key = "things.resync_on_repeat",
     .kind = Kind::Boolean,
     .own = "false",
     .target = GOES_TO(things.resync_on_repeat),
     .help = "say all again when a connector repeats who we are, every 5 s at most"},
    {.key = "things.metrics_refresh",
     .kind = Kind::Boolean,
     .own = "true",
     .target = GOES_TO(things.metrics_refresh),
     .help = "a request for metrics is followed by the containers it is about"},
    {.key = "things.max_command_bytes",
     .kind = Kind::Integer,
     .own = "1048576",
     .target = GOES_TO(things.max_command_bytes),
     .least = 1,
     .most = 8LL * 1024 * 1024,
     .help = "larger commands are refused"},
    {.key = "things.redact_env",
     .kind = Kind::Boolean,
     .own = "true",
     .kanto = "false",
     .target = GOES_TO(things.redact_env),
     .help = "mask secret environment values in the twin"},
    {.key = "things.download_ca",
     .target = GOES_TO(things.download_ca),
     .help = "PEM file of authorities for SoftwareUpdatable downloads; empty: the system's"},

    {.key = "metrics.source",
     .own = "auto",
     .target = GOES_TO(metrics.source),
     .choices = "auto|kernel|engine",
     .help = "auto: the kernel's files where they can be seen, else the engine's numbers; or one alone"},
    {.key = "metrics.textfile",
     .target = GOES_TO(metrics.textfile),
     .check = rules::prometheus_file,
     .help = "file for the textfile collector of a Prometheus node exporter; empty: none"},
    {.key = "metrics.change",
     .kind = Kind::Integer,
     .own = "0",
     .target = GOES_TO(metrics.change),
     .least = 0,
     .most = 100,
     .help = "percent that a value has to move to be reported again; 0: all are reported"},
};

}  // namespace

std::span<const Option> things_options() {
    return kThingsOptions;
}

}  // namespace berth::service
