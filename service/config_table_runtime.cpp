// [storage], [runtime] and [lifecycle].
#include "service/config_rules.hpp"
#include "service/config_table.hpp"

namespace berth::service {

namespace {

constexpr Option kRuntimeOptions[] = {
    {.key = "storage.home_dir",
     .own = "/var/lib/berth",
     .kanto = "/var/lib/container-management",
     .path = {"manager.home_dir"},
     .flag = "cm-home-dir",
     .target = GOES_TO(home_dir),
     .check = rules::directory,
     .help = "what must survive a reboot"},
    {.key = "storage.run_dir",
     .own = "/run/berth",
     .kanto = "/var/run/container-management",
     .path = {"manager.exec_root_dir"},
     .flag = "cm-exec-root-dir",
     .target = GOES_TO(run_dir),
     .check = rules::directory,
     .help = "the lock file"},

    {.key = "runtime.type",
     .own = "auto",
     .path = {"manager.container_client_sid"},
     .flag = "cm-cc-sid",
     .target = GOES_TO(runtime.type),
     .choices = "auto|docker|containerd",
     .check = rules::engine,
     .help = "container engine"},
    {.key = "runtime.address",
     .path = {"containers.address_path"},
     .flag = "ccl-ap",
     .target = GOES_TO(runtime.address),
     .check = rules::socket,
     .help = "its socket; empty: the usual one"},
    {.key = "runtime.namespace",
     .own = "berth",
     .kanto = "kanto-cm",
     .path = {"containers.default_ns"},
     .flag = "ccl-default-ns",
     .target = GOES_TO(runtime.name_space),
     .check = rules::label,
     .help = "containers of another namespace do not exist for Berth"},
    {.key = "runtime.no_new_privileges",
     .kind = Kind::Boolean,
     .own = "true",
     .target = GOES_TO(runtime.no_new_privileges),
     .help = "programs in containers cannot gain privileges"},
    {.key = "runtime.docker.api_version",
     .own = "auto",
     .target = GOES_TO(runtime.docker_api_version),
     .check = rules::api_version,
     .help = "auto: agreed with the engine; 1.41 and up: pinned"},
    {.key = "runtime.docker.cgroup_parent",
     .target = GOES_TO(runtime.docker_cgroup_parent),
     .help = "parent control group of all containers; empty: the engine's"},

    {.key = "lifecycle.stop_timeout",
     .kind = Kind::Duration,
     .own = "30s",
     .path = {"manager.default_ctrs_stop_timeout"},
     .flag = "cm-deflt-ctrs-stop-timeout",
     .target = GOES_TO(stop_timeout),
     .least = 0,
     .most = kYearsMs,
     .bare = Bare::Seconds,
     .falls_back = true,
     .help = "between asking a container to stop and killing it; the cloud's stop gives up then"},
    {.key = "lifecycle.stop_on_exit",
     .kind = Kind::Boolean,
     .own = "false",
     .target = GOES_TO(stop_on_exit),
     .help = "when berthd ends it stops all containers; its next start brings them back"},
};

}  // namespace

std::span<const Option> runtime_options() {
    return kRuntimeOptions;
}

}  // namespace berth::service
