// Reading a configuration. Writing one is configuration_write.cpp.
#include "protocol/twin/configuration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "protocol/redact.hpp"
#include "protocol/twin/words.hpp"

namespace berth::twin {
namespace {

std::uint16_t port_number(const Fields& item, std::string_view name) {
    constexpr std::int64_t kMost = std::numeric_limits<std::uint16_t>::max();
    const auto value = item.integer(name);
    if (value >= 0 && value <= kMost) return static_cast<std::uint16_t>(value);
    item.problem(name, "expected 0 to 65535" + value_note(std::to_string(value)));
    return 0;
}

Port read_port(const Fields& item) {
    Port port;
    item.is_misspelt("proto", "it is tcp");
    item.is_misspelt("hostIP", "it listens on all addresses");
    port.protocol = item.text("proto", port.protocol);
    port.host_port = port_number(item, "hostPort");
    port.host_port_end = port_number(item, "hostPortEnd");
    port.container_port = port_number(item, "containerPort");
    port.host_ip = item.text("hostIP", port.host_ip);
    return port;
}

std::string read_propagation(const Fields& item, std::vector<std::string>& warnings) {
    constexpr std::array<std::string_view, 6> kModes = {"rprivate", "private", "rshared",
                                                        "shared",   "rslave",  "slave"};
    item.is_misspelt("propagationMode", "it is RPRIVATE");
    const auto given = item.text("propagationMode");
    if (given.empty()) return {};
    const auto mode = lower(given);
    if (std::find(kModes.begin(), kModes.end(), mode) != kModes.end()) return mode;
    warnings.push_back(item.path() + ".propagationMode: unknown, RPRIVATE is used" + value_note(given));
    return "rprivate";
}

LogConfig read_log(const Fields& log) {
    const LogConfig usual;
    log.is_misspelt("type", "the default counts");
    return {.driver = engine_word(log.text("type", usual.driver)),
            .max_files = log.integer("maxFiles", usual.max_files),
            .max_size = log.text("maxSize"),
            .root_dir = log.text("rootDir"),
            .mode = engine_word(log.text("mode", usual.mode)),
            .max_buffer_size = log.text("maxBufferSize")};
}

// A number of seconds, of which the whole ones count.
std::int64_t whole_seconds(const Fields& fields, std::string_view name) {
    constexpr double kMost = 9'000'000'000.0;
    const Json* value = fields.find(name);
    if (value == nullptr) return 0;
    if (value->is_number() && std::abs(value->get<double>()) <= kMost)
        return static_cast<std::int64_t>(value->get<double>());
    fields.problem(name, "expected a number of seconds, got " + std::string(kind_of(*value)));
    return 0;
}

// A slip of the finger would be a container without ports, or one that may take all memory.
void look_for_slips(const Fields& config) {
    for (const char* name :
         {"mountPoints", "env", "cmd", "devices", "extraHosts", "extraCapabilities", "portMappings"})
        config.is_misspelt(name, "there are none");
    for (const char* name : {"restartPolicy", "networkMode", "resources", "log"})
        config.is_misspelt(name, "the default counts");
}

std::vector<std::string> read_env(const Fields& config) {
    auto env = config.texts("env");
    for (std::size_t i = 0; i < env.size(); ++i)
        if (is_masked(env[i])) config.problem("env[" + std::to_string(i) + "]", kMaskIsNoValue);
    return env;
}

}  // namespace

RestartPolicy read_restart_policy(const Fields& policy) {
    const RestartPolicy usual;
    policy.is_misspelt("type", "it is UNLESS_STOPPED");
    policy.is_misspelt("maxRetryCount", "there is no limit");
    return {.type = engine_word(policy.text("type", usual.type)),
            .maximum_retry_count = policy.integer("maxRetryCount"),
            .retry_timeout_s = whole_seconds(policy, "retryTimeout")};
}

Resources read_resources(const Fields& resources) {
    resources.is_misspelt("memory", "it is not limited");
    return {.memory = resources.text("memory"),
            .memory_reservation = resources.text("memoryReservation"),
            .memory_swap = resources.text("memorySwap")};
}

bool read_configuration(const Fields& config, ContainerSpec& spec, std::vector<std::string>& warnings) {
    look_for_slips(config);
    spec.domain_name = config.text("domainName");
    spec.host_name = config.text("hostName");
    for (const Fields& item : config.objects("mountPoints"))
        spec.mounts.push_back({.source = item.text("source"),
                               .destination = item.text("destination"),
                               .propagation = read_propagation(item, warnings)});
    spec.env = read_env(config);
    spec.cmd = config.texts("cmd");
    const Fields decryption = config.object("decryption");
    const bool encrypted = !decryption.texts("keys").empty() || !decryption.texts("recipients").empty();
    for (const Fields& item : config.objects("devices")) {
        item.is_misspelt("cgroupPermissions", "all is permitted");
        spec.devices.push_back({.on_host = item.text("pathOnHost"),
                                .in_container = item.text("pathInContainer"),
                                .permissions = item.text("cgroupPermissions")});
    }
    spec.privileged = config.flag("privileged");
    spec.restart = read_restart_policy(config.object("restartPolicy"));
    spec.extra_hosts = config.texts("extraHosts");
    spec.extra_capabilities = config.texts("extraCapabilities");
    if (spec.privileged) spec.extra_capabilities.clear();  // it has them all
    for (const Fields& item : config.objects("portMappings"))
        spec.ports.push_back(read_port(item));
    spec.network = engine_word(config.text("networkMode"));
    spec.io.open_stdin = config.flag("openStdin");
    spec.io.tty = config.flag("tty");
    spec.log = read_log(config.object("log"));
    spec.resources = read_resources(config.object("resources"));
    return !encrypted;
}

}  // namespace berth::twin
