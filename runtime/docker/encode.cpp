#include "runtime/docker/encode.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "protocol/sizes.hpp"
#include "runtime/docker/memory.hpp"

namespace berth::runtime::docker {
namespace {

using nlohmann::ordered_json;

constexpr std::array<std::string_view, 3> kRuncNames = {"io.containerd.runtime.v1.linux",
                                                        "io.containerd.runc.v1", "io.containerd.runc.v2"};

std::string dump(const ordered_json& value) {
    return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

bool shares_network(const ContainerSpec& spec) {
    return spec.network == "host";
}

// The engine takes any text as an address at create and then opens the port on every interface.
Result<std::string> binding_address(const std::string& host_ip) {
    if (host_ip == "localhost") return std::string("127.0.0.1");
    std::array<unsigned char, sizeof(in6_addr)> parsed{};
    const bool is_address = inet_pton(AF_INET, host_ip.c_str(), parsed.data()) == 1 ||
                            inet_pton(AF_INET6, host_ip.c_str(), parsed.data()) == 1;
    if (host_ip.empty() || is_address) return host_ip;
    return fail(Errc::Invalid, fmt::format("port: '{}' is no IP address", host_ip));
}

std::string host_port(const Port& port) {
    if (port.host_port_end <= port.host_port) return std::to_string(port.host_port);
    return fmt::format("{}-{}", port.host_port, port.host_port_end);
}

Result<> put_ports(const ContainerSpec& spec, ordered_json& body, ordered_json& host) {
    for (const auto& port : spec.ports) {
        const auto address = binding_address(port.host_ip);
        if (!address) return address.error();
        const auto key = fmt::format("{}/{}", port.container_port, port.protocol);
        body["ExposedPorts"][key] = ordered_json::object();
        host["PortBindings"][key].push_back({{"HostIp", *address}, {"HostPort", host_port(port)}});
    }
    return {};
}

// "host_ip" and "host_ip_<if>"; nothing: cannot be resolved.
std::optional<std::string> address_behind(std::string_view target, const Surroundings& around) {
    constexpr std::string_view kOfInterface = "host_ip_";
    if (target == "host_ip") return around.gateway.empty() ? std::nullopt : std::optional(around.gateway);
    const std::string interface(target.substr(kOfInterface.size()));
    if (interface.empty() || !around.address_of) return std::nullopt;
    return around.address_of(interface);
}

bool is_machine_address(std::string_view target) {
    return target == "host_ip" || target.starts_with("host_ip_");
}

constexpr std::string_view kContainer = "container_";

// On Berth's bridge. An entry "name:container_<host>" is a link that the engine's name service answers, also
// when that container starts later or is replaced.
ordered_json endpoint_of(const ContainerSpec& spec) {
    ordered_json endpoint = {{"Aliases", ordered_json::array({spec.host_name})}};
    for (const auto& entry : spec.extra_hosts) {
        const auto colon = std::min(entry.find(':'), entry.size());
        const auto target = std::string_view(entry).substr(std::min(colon + 1, entry.size()));
        if (!target.starts_with(kContainer) || target == kContainer) continue;
        endpoint["Links"].push_back(
            fmt::format("{}:{}", target.substr(kContainer.size()), entry.substr(0, colon)));
    }
    return endpoint;
}

// One entry "name:target": an address goes into the hosts file, a container's name is the endpoint's.
Result<> put_extra_host(const std::string& entry, const ContainerSpec& spec, const Surroundings& around,
                        ordered_json& host, std::vector<std::string>& warnings) {
    const auto colon = entry.find(':');
    if (colon == std::string::npos) return fail(Errc::Invalid, fmt::format("host: '{}' has no colon", entry));
    const auto name = entry.substr(0, colon);
    const std::string_view target = std::string_view(entry).substr(colon + 1);
    const bool of_container = target.starts_with(kContainer);
    if (shares_network(spec) && (of_container || is_machine_address(target)))
        return fail(Errc::Invalid, fmt::format("host: '{}' needs network bridge", entry));
    if (of_container) {
        if (target == kContainer)
            warnings.push_back(fmt::format("host '{}' names no container and is left out", entry));
        return {};
    }
    if (!is_machine_address(target)) {
        host["ExtraHosts"].push_back(entry);
        return {};
    }
    if (const auto address = address_behind(target, around))
        host["ExtraHosts"].push_back(fmt::format("{}:{}", name, *address));
    else
        warnings.push_back(fmt::format("host '{}' cannot be resolved now and is left out", entry));
    return {};
}

Result<std::string> bytes_text(const std::string& size, std::string_view key) {
    const auto bytes = parse_size(size);
    if (!bytes) return fail(bytes.error(), key);
    return std::to_string(*bytes);
}

// Sizes go as plain bytes: the engine reads its own suffixes of these options as powers of ten.
Result<ordered_json> log_config(const LogConfig& log) {
    ordered_json config = ordered_json::object();
    if (log.driver == "none") return ordered_json{{"Type", "none"}, {"Config", config}};
    const auto max_size = bytes_text(log.max_size, "logMaxSize");
    if (!max_size) return max_size.error();
    config["max-size"] = *max_size;
    config["max-file"] = std::to_string(log.max_files);
    config["mode"] = log.mode;
    if (log.mode == "non-blocking") {
        const auto buffer =
            bytes_text(log.max_buffer_size.empty() ? "1M" : log.max_buffer_size, "logMaxBufferSize");
        if (!buffer) return buffer.error();
        config["max-buffer-size"] = *buffer;
    }
    return ordered_json{{"Type", log.driver}, {"Config", config}};
}

ordered_json restart_policy(const RestartPolicy& policy) {
    ordered_json value = {{"Name", policy.type}};
    if (policy.type == "on-failure" && policy.maximum_retry_count > 0)
        value["MaximumRetryCount"] = policy.maximum_retry_count;
    return value;
}

ordered_json labels(const ContainerSpec& spec, const DockerOptions& options, const Surroundings& around) {
    ordered_json value = {{kLabelManaged, "true"},
                          {kLabelNamespace, options.name_space},
                          {kLabelId, spec.id},
                          {kLabelDocument, around.document}};
    if (!around.replaces.empty()) value[kLabelReplaces] = around.replaces;
    return value;
}

Result<> put_resources(const Resources& resources, ordered_json& host, std::vector<std::string>& warnings) {
    const auto memory = memory_of(resources, warnings);
    if (!memory) return memory.error();
    host["Memory"] = memory->memory;
    host["MemorySwap"] = memory->swap;
    host["MemoryReservation"] = memory->reservation;
    return {};
}

void put_process(const ContainerSpec& spec, ordered_json& body) {
    if (!shares_network(spec)) body["Hostname"] = spec.host_name;  // in host mode it is the machine's
    body["Domainname"] = spec.domain_name;
    body["Env"] = spec.env;
    if (!spec.cmd.empty()) body["Cmd"] = spec.cmd;
    body["Tty"] = spec.io.tty;
    body["OpenStdin"] = spec.io.open_stdin;
    body["StdinOnce"] = spec.io.stdin_once;
    body["AttachStdin"] = spec.io.attach_stdin;
    body["AttachStdout"] = spec.io.attach_stdout;
    body["AttachStderr"] = spec.io.attach_stderr;
}

void put_rights(const ContainerSpec& spec, const DockerOptions& options, ordered_json& host) {
    const auto is_runc = [&](std::string_view name) { return name == spec.oci_runtime; };
    host["Privileged"] = spec.privileged;
    if (!spec.extra_capabilities.empty()) host["CapAdd"] = spec.extra_capabilities;
    for (const auto& device : spec.devices)
        host["Devices"].push_back(
            {{"PathOnHost", device.on_host},
             {"PathInContainer", device.in_container.empty() ? device.on_host : device.in_container},
             {"CgroupPermissions", device.permissions}});
    // Mounts and never Binds: those would make a missing source as a directory of the machine.
    for (const auto& mount : spec.mounts)
        host["Mounts"].push_back({{"Type", "bind"},
                                  {"Source", mount.source},
                                  {"Target", mount.destination},
                                  {"BindOptions", {{"Propagation", mount.propagation}}}});
    if (options.no_new_privileges) host["SecurityOpt"] = ordered_json::array({"no-new-privileges:true"});
    if (!options.cgroup_parent.empty()) host["CgroupParent"] = options.cgroup_parent;
    if (!spec.oci_runtime.empty() && std::ranges::none_of(kRuncNames, is_runc))
        host["Runtime"] = spec.oci_runtime;
}

ordered_json owned_labels(const std::string& name_space) {
    return ordered_json::array(
        {fmt::format("{}=true", kLabelManaged), fmt::format("{}={}", kLabelNamespace, name_space)});
}

}  // namespace

bool needs_gateway(const ContainerSpec& spec) {
    return !shares_network(spec) && std::ranges::any_of(spec.extra_hosts, [](const auto& entry) {
        return entry.ends_with(":host_ip");
    });
}

Result<Body> encode_create(const ContainerSpec& spec, const DockerOptions& options,
                           const Surroundings& around) {
    if (!shares_network(spec) && options.bridge.disable)
        return fail(Errc::Invalid, "network: the bridge network is disabled on this device");
    Body result;
    ordered_json body = {{"Image", spec.image}};
    ordered_json host = {{"NetworkMode", shares_network(spec) ? "host" : options.bridge.name}};
    put_process(spec, body);
    put_rights(spec, options, host);
    if (auto done = put_ports(spec, body, host); !done) return done.error();
    for (const auto& entry : spec.extra_hosts)
        if (auto done = put_extra_host(entry, spec, around, host, result.warnings); !done)
            return done.error();
    if (auto done = put_resources(spec.resources, host, result.warnings); !done) return done.error();
    const auto log = log_config(spec.log);
    if (!log) return log.error();
    host["RestartPolicy"] = restart_policy(spec.restart);
    host["LogConfig"] = *log;
    body["Labels"] = labels(spec, options, around);
    body["HostConfig"] = host;
    if (!shares_network(spec))
        body["NetworkingConfig"]["EndpointsConfig"][options.bridge.name] = endpoint_of(spec);
    result.json = dump(body);
    return result;
}

Result<Body> encode_update(const UpdateOptions& options, const Limits& now, const MachineMemory& machine) {
    Body result;
    ordered_json body = ordered_json::object();
    if (options.resources) {
        const auto wanted = memory_of(*options.resources, result.warnings);
        if (!wanted) return wanted.error();
        const auto sent = memory_update(*wanted, now, machine);
        body["Memory"] = sent.memory;
        body["MemorySwap"] = sent.swap;
        body["MemoryReservation"] = sent.reservation;
    }
    if (options.restart) body["RestartPolicy"] = restart_policy(*options.restart);
    result.json = dump(body);
    return result;
}

std::string encode_member(const EngineId& engine_id) {
    const ordered_json body = {{"Container", engine_id}};
    return dump(body);
}

std::string encode_member(const EngineId& engine_id, const ContainerSpec& spec) {
    const ordered_json body = {{"Container", engine_id}, {"EndpointConfig", endpoint_of(spec)}};
    return dump(body);
}

std::string encode_filters(const std::string& name_space, const ContainerId& id) {
    ordered_json filters = {{"label", owned_labels(name_space)}};
    if (!id.empty()) filters["label"].push_back(fmt::format("{}={}", kLabelId, id));
    return dump(filters);
}

std::string encode_network_filter(const std::string& network) {
    const ordered_json filters = {{"network", ordered_json::array({network})}};
    return dump(filters);
}

std::string encode_event_filters(const std::string& name_space) {
    const ordered_json filters = {{"type", ordered_json::array({"container"})},
                                  {"label", owned_labels(name_space)}};
    return dump(filters);
}

}  // namespace berth::runtime::docker
