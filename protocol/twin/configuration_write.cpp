#include "protocol/redact.hpp"
#include "protocol/twin/configuration.hpp"
#include "protocol/twin/words.hpp"

namespace berth::twin {
namespace {

void put(OrderedJson& object, const char* name, const std::string& text) {
    if (!text.empty()) object[name] = text;
}

void put(OrderedJson& object, const char* name, std::int64_t number) {
    if (number != 0) object[name] = number;
}

void put_flag(OrderedJson& object, const char* name, bool flag) {
    if (flag) object[name] = true;
}

void put(OrderedJson& object, const char* name, const std::vector<std::string>& texts) {
    if (!texts.empty()) object[name] = texts;
}

template <class Items, class Write>
void put_all(OrderedJson& object, const char* name, const Items& items, Write write) {
    if (items.empty()) return;
    object[name] = OrderedJson::array();
    for (const auto& item : items)
        object[name].push_back(write(item));
}

OrderedJson write_mount(const Mount& mount) {
    return {{"source", mount.source},
            {"destination", mount.destination},
            {"propagationMode", upper_word(mount.propagation)}};
}

OrderedJson write_device(const berth::Device& device) {
    OrderedJson written = {{"pathOnHost", device.on_host}, {"pathInContainer", device.in_container}};
    put(written, "cgroupPermissions", device.permissions);
    return written;
}

OrderedJson write_port(const Port& port) {
    OrderedJson written = OrderedJson::object();
    put(written, "proto", port.protocol);
    written["hostPort"] = port.host_port;
    put(written, "hostPortEnd", port.host_port_end);
    written["containerPort"] = port.container_port;
    put(written, "hostIP", port.host_ip);
    return written;
}

OrderedJson write_restart(const RestartPolicy& restart) {
    OrderedJson written = OrderedJson::object();
    put(written, "maxRetryCount", restart.maximum_retry_count);
    put(written, "retryTimeout", restart.retry_timeout_s);
    put(written, "type", upper_word(restart.type));
    return written;
}

OrderedJson write_log(const LogConfig& log) {
    OrderedJson written = OrderedJson::object();
    put(written, "type", upper_word(log.driver));
    put(written, "maxFiles", log.max_files);
    put(written, "maxSize", log.max_size);
    put(written, "rootDir", log.root_dir);
    put(written, "mode", upper_word(log.mode));
    put(written, "maxBufferSize", log.max_buffer_size);
    return written;
}

// An unlimited swap is said by saying nothing.
OrderedJson write_resources(const Resources& resources) {
    OrderedJson written = OrderedJson::object();
    put(written, "memory", resources.memory);
    put(written, "memoryReservation", resources.memory_reservation);
    if (resources.memory_swap != "-1") put(written, "memorySwap", resources.memory_swap);
    return written;
}

std::vector<std::string> redacted(const std::vector<std::string>& env,
                                  const std::vector<std::string>& redact) {
    std::vector<std::string> shown;
    for (const auto& entry : env)
        shown.push_back(redact_env(entry, redact));
    return shown;
}

}  // namespace

OrderedJson write_configuration(const ContainerSpec& spec, const std::vector<std::string>& redact) {
    OrderedJson written = OrderedJson::object();
    put(written, "domainName", spec.domain_name);
    put(written, "hostName", spec.host_name);
    put_all(written, "mountPoints", spec.mounts, write_mount);
    put(written, "env", redacted(spec.env, redact));
    put(written, "cmd", spec.cmd);
    put_all(written, "devices", spec.devices, write_device);
    put_flag(written, "privileged", spec.privileged);
    written["restartPolicy"] = write_restart(spec.restart);
    put(written, "extraHosts", spec.extra_hosts);
    put(written, "extraCapabilities", spec.extra_capabilities);
    put_all(written, "portMappings", spec.ports, write_port);
    put(written, "networkMode", upper_word(spec.network));
    put_flag(written, "openStdin", spec.io.open_stdin);
    put_flag(written, "tty", spec.io.tty);
    written["log"] = write_log(spec.log);
    if (auto resources = write_resources(spec.resources); !resources.empty())
        written["resources"] = std::move(resources);
    return written;
}

}  // namespace berth::twin
