#include <algorithm>

#include "protocol/document.hpp"
#include "protocol/document_tree.hpp"

namespace berth {
namespace {

OrderedJson texts(const std::vector<std::string>& items) {
    return items.empty() ? OrderedJson(nullptr) : OrderedJson(items);
}

template <class Items, class Write>
OrderedJson objects(const Items& items, Write write) {
    if (items.empty()) return nullptr;
    OrderedJson all = OrderedJson::array();
    for (const auto& item : items)
        all.push_back(write(item));
    return all;
}

OrderedJson write_mount(const Mount& mount) {
    return {{"destination", mount.destination},
            {"source", mount.source},
            {"propagation_mode", mount.propagation}};
}

OrderedJson write_hook(const Hook& hook) {
    return {{"path", hook.path},
            {"args", texts(hook.args)},
            {"env", texts(hook.env)},
            {"timeout", hook.timeout_s},
            {"type", hook.type}};
}

OrderedJson write_device(const Device& device) {
    return {{"path_on_host", device.on_host},
            {"path_in_container", device.in_container},
            {"cgroup_permissions", device.permissions}};
}

OrderedJson write_port(const Port& port) {
    return {{"proto", port.protocol},
            {"container_port", port.container_port},
            {"host_ip", port.host_ip},
            {"host_port", port.host_port},
            {"host_port_end", port.host_port_end}};
}

OrderedJson write_restart(const RestartPolicy& restart) {
    const auto seconds =
        std::clamp(restart.retry_timeout_s, -kMaxRetryTimeoutSeconds, kMaxRetryTimeoutSeconds);
    return {{"maximum_retry_count", restart.maximum_retry_count},
            {"retry_timeout", seconds * kNanosecondsInASecond},
            {"type", restart.type}};
}

OrderedJson write_log(const LogConfig& log) {
    return {{"driver_config",
             {{"type", log.driver},
              {"max_files", log.max_files},
              {"max_size", log.max_size},
              {"root_dir", log.root_dir}}},
            {"mode_config", {{"mode", log.mode}, {"max_buffer_size", log.max_buffer_size}}}};
}

OrderedJson write_resources(const Resources& resources) {
    if (resources == Resources{}) return nullptr;
    return {{"memory", resources.memory},
            {"memory_reservation", resources.memory_reservation},
            {"memory_swap", resources.memory_swap}};
}

OrderedJson write_host_config(const ContainerSpec& spec) {
    return {{"devices", objects(spec.devices, write_device)},
            {"network_mode", spec.network},
            {"privileged", spec.privileged},
            {"restart_policy", write_restart(spec.restart)},
            {"runtime", spec.oci_runtime},
            {"extra_hosts", texts(spec.extra_hosts)},
            {"extra_capabilities", texts(spec.extra_capabilities)},
            {"port_mappings", objects(spec.ports, write_port)},
            {"log_config", write_log(spec.log)},
            {"resources", write_resources(spec.resources)}};
}

OrderedJson write_spec(const ContainerSpec& spec) {
    OrderedJson config = nullptr;
    if (!spec.env.empty() || !spec.cmd.empty()) config = {{"env", texts(spec.env)}, {"cmd", texts(spec.cmd)}};
    const Io& io = spec.io;
    return {{"container_id", spec.id},
            {"container_name", spec.name},
            {"image", {{"name", spec.image}}},
            {"domain_name", spec.domain_name},
            {"host_name", spec.host_name},
            {"mount_points", objects(spec.mounts, write_mount)},
            {"hooks", objects(spec.hooks, write_hook)},
            {"config", config},
            {"host_config", write_host_config(spec)},
            {"io_config",
             {{"attach_stderr", io.attach_stderr},
              {"attach_stdin", io.attach_stdin},
              {"attach_stdout", io.attach_stdout},
              {"open_stdin", io.open_stdin},
              {"stdin_once", io.stdin_once},
              {"tty", io.tty}}}};
}

OrderedJson write_state(const ContainerState& state) {
    return {{"pid", state.pid},
            {"started_at", state.started_at},
            {"error", state.error},
            {"exit_code", state.exit_code},
            {"finished_at", state.finished_at},
            {"exited", state.status == Status::Exited},
            {"dead", state.status == Status::Dead},
            {"restarting", state.restarting},
            {"paused", state.status == Status::Paused},
            {"running", state.status == Status::Running},
            {"oomKilled", state.oom_killed},
            {"status", static_cast<int>(state.status)}};
}

std::string_view word_of(Role role) {
    switch (role) {
        case Role::Plain: return "plain";
        case Role::Staged: return "staged";
        case Role::Old: return "old";
        case Role::Discarded: return "discarded";
    }
    return "plain";
}

}  // namespace

OrderedJson document_tree(const ContainerSpec& spec) {
    return write_spec(spec);
}

std::string encode_document(const ContainerSpec& spec) {
    return print(write_spec(spec));
}

std::string encode_record(const Container& container) {
    OrderedJson record = write_spec(container.spec);
    record["state"] = write_state(container.state);
    record["created"] = container.state.created;
    record["restart_count"] = container.state.restart_count;
    record["manually_stopped"] = container.manually_stopped;
    record["started_successfully_before"] = container.started_before;
    record["berth"] = {{"role", word_of(container.role)}, {"replaces", container.replaces}};
    return print(record, 3);
}

}  // namespace berth
