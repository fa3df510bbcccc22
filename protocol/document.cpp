// Reading the document. Writing it is document_write.cpp.
#include "protocol/document.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <utility>

#include "protocol/check.hpp"
#include "protocol/fields.hpp"
#include "protocol/forms.hpp"

namespace berth {
namespace {

constexpr std::int64_t kNanosecondsFrom = 1'000'000;  // what is below was meant as seconds

struct Reader {
    Problems& problems;
    std::vector<std::string>& warnings;

    void warn(const std::string& path, const std::string& text) { warnings.push_back(path + ": " + text); }

    ContainerSpec spec(const Fields& top);
    void host_config(const Fields& host, ContainerSpec& spec);
    std::int64_t retry_timeout(const Fields& policy);
    Port port(const Fields& item);
};

std::string text_or_alias(const Fields& fields, std::string_view name, std::string_view alias) {
    return fields.has(name) ? fields.text(name) : fields.text(alias);
}

void refuse_encryption(const Fields& image) {
    const Fields decrypt = image.object("decrypt_config");
    if (!decrypt.texts("keys").empty() || !decrypt.texts("recipients").empty())
        image.problem("decrypt_config", "encrypted images are not supported; leave it out");
}

std::int64_t in_range(const Fields& fields, std::string_view name, std::int64_t least, std::int64_t most) {
    const auto value = fields.integer(name);
    if (value >= least && value <= most) return value;
    fields.problem(name, fmt::format("expected {} to {}", least, most) + value_note(std::to_string(value)));
    return least;
}

// 0 before start, 1 after start, 2 after stop; whatever else there may be is unknown.
int hook_type(const Fields& hook) {
    const auto type = hook.integer("type");
    return type >= 0 && type <= 2 ? static_cast<int>(type) : 3;
}

std::int64_t Reader::retry_timeout(const Fields& policy) {
    const auto value = policy.integer("retry_timeout");
    if (value == 0) return 0;
    if (value >= kNanosecondsFrom || value <= -kNanosecondsFrom) return value / kNanosecondsInASecond;
    warn(policy.path() + ".retry_timeout",
         "read as seconds, because as nanoseconds it would be next to nothing" +
             value_note(std::to_string(value)));
    return value;
}

// A name in place of the address would open the port on every interface: only localhost is clear enough.
Port Reader::port(const Fields& item) {
    Port port;
    port.host_ip = item.text("host_ip", port.host_ip);
    if (port.host_ip == "localhost") port.host_ip = "127.0.0.1";
    if (!port.host_ip.empty() && !is_ip(port.host_ip))
        item.problem("host_ip", "expected an IP address or localhost" + value_note(port.host_ip));
    port.container_port = static_cast<std::uint16_t>(in_range(item, "container_port", 1, 65535));
    port.host_port = static_cast<std::uint16_t>(in_range(item, "host_port", 0, 65535));
    port.host_port_end = static_cast<std::uint16_t>(in_range(item, "host_port_end", 0, 65535));
    if (const auto protocol = text_or_alias(item, "proto", "protocol"); !protocol.empty())
        port.protocol = protocol;
    return port;
}

LogConfig read_log(const Fields& log) {
    const LogConfig usual;
    const Fields driver = log.object("driver_config");
    const Fields mode = log.object("mode_config");
    return {.driver = driver.text("type", usual.driver),
            .max_files = driver.integer("max_files", usual.max_files),
            .max_size = driver.text("max_size"),
            .root_dir = driver.text("root_dir"),
            .mode = mode.text("mode", usual.mode),
            .max_buffer_size = mode.text("max_buffer_size")};
}

Io read_io(const Fields& io) {
    return {.attach_stderr = io.flag("attach_stderr"),
            .attach_stdin = io.flag("attach_stdin"),
            .attach_stdout = io.flag("attach_stdout"),
            .open_stdin = io.flag("open_stdin"),
            .stdin_once = io.flag("stdin_once"),
            .tty = io.flag("tty")};
}

void Reader::host_config(const Fields& host, ContainerSpec& spec) {
    for (const Fields& item : host.objects("devices"))
        spec.devices.push_back({.on_host = item.text("path_on_host"),
                                .in_container = item.text("path_in_container"),
                                .permissions = item.text("cgroup_permissions")});
    spec.network = host.text("network_mode");
    spec.privileged = host.flag("privileged");
    const Fields policy = host.object("restart_policy");
    spec.restart = {.type = policy.text("type", spec.restart.type),
                    .maximum_retry_count = policy.integer("maximum_retry_count"),
                    .retry_timeout_s = retry_timeout(policy)};
    spec.oci_runtime = host.text("runtime");
    spec.extra_hosts = host.texts("extra_hosts");
    spec.extra_capabilities = host.texts("extra_capabilities");
    for (const Fields& item : host.objects("port_mappings"))
        spec.ports.push_back(port(item));
    spec.log = read_log(host.object("log_config"));
    const Fields resources = host.object("resources");
    spec.resources = {.memory = resources.text("memory"),
                      .memory_reservation = resources.text("memory_reservation"),
                      .memory_swap = resources.text("memory_swap")};
}

ContainerSpec Reader::spec(const Fields& top) {
    ContainerSpec spec;
    spec.id = text_or_alias(top, "container_id", "id");
    spec.name = text_or_alias(top, "container_name", "name");
    const Fields image = top.object("image");
    spec.image = image.text("name");
    refuse_encryption(image);
    spec.domain_name = top.text("domain_name");
    spec.host_name = top.text("host_name");
    for (const Fields& item : top.objects(top.has("mount_points") ? "mount_points" : "mounts"))
        spec.mounts.push_back({.source = item.text("source"),
                               .destination = item.text("destination"),
                               .propagation = item.text("propagation_mode")});
    for (const Fields& item : top.objects("hooks"))
        spec.hooks.push_back({.path = item.text("path"),
                              .args = item.texts("args"),
                              .env = item.texts("env"),
                              .timeout_s = item.integer("timeout"),
                              .type = hook_type(item)});
    const Fields config = top.object("config");
    spec.env = config.texts("env");
    spec.cmd = config.texts("cmd");
    host_config(top.object("host_config"), spec);
    spec.io = read_io(top.object("io_config"));
    return spec;
}

// The number is what counts; the flags beside it repeat it. Without a number they are all there is.
Status read_status(const Fields& state) {
    constexpr std::array kByNumber = {Status::Creating, Status::Created, Status::Running, Status::Stopped,
                                      Status::Paused,   Status::Exited,  Status::Dead,    Status::Unknown};
    if (state.has("status")) return kByNumber[static_cast<std::size_t>(in_range(state, "status", 0, 7))];
    if (state.flag("dead")) return Status::Dead;
    if (state.flag("paused")) return Status::Paused;
    if (state.flag("running")) return Status::Running;
    return state.flag("exited") ? Status::Exited : Status::Unknown;
}

ContainerState read_state(const Fields& top) {
    const Fields state = top.object("state");
    return {.status = read_status(state),
            .pid = state.integer("pid", -1),
            .exit_code = state.integer("exit_code"),
            .oom_killed = state.flag("oomKilled"),
            .restarting = state.flag("restarting"),
            .error = state.text("error"),
            .created = top.text("created"),
            .started_at = state.text("started_at"),
            .finished_at = state.text("finished_at"),
            .restart_count = top.integer("restart_count")};
}

Role read_role(const Fields& berth) {
    const auto word = berth.text("role", "plain");
    if (word == "staged") return Role::Staged;
    if (word == "old") return Role::Old;
    if (word == "discarded") return Role::Discarded;
    if (word != "plain") berth.problem("role", "expected plain, staged, old or discarded" + value_note(word));
    return Role::Plain;
}

// Remarks that a reader of documents wants to see; what a record holds was said when it was made.
void add_remarks(const ContainerSpec& spec, std::vector<std::string>& warnings) {
    for (const auto& remark : remarks(spec))
        warnings.push_back("key " + std::string(remark.document) + ": " + remark.reason +
                           value_note(remark.value));
}

}  // namespace

Result<ContainerSpec> decode_document(std::string_view text, std::vector<std::string>* warnings) {
    auto root = parse_object(text);
    if (!root) return fail(root.error(), "document");
    Problems problems;
    std::vector<std::string> noted;
    ContainerSpec spec = Reader{problems, noted}.spec(Fields(&*root, "$", problems));
    if (!problems.empty()) return fail(problems.error(), "document");
    fill_defaults(spec);
    add_remarks(spec, noted);
    if (warnings != nullptr) *warnings = std::move(noted);
    return spec;
}

Result<Container> decode_record(std::string_view text) {
    auto root = parse_object(text);
    if (!root) return fail(root.error(), "record");
    Problems problems;
    std::vector<std::string> noted;
    const Fields top(&*root, "$", problems);
    const Fields berth = top.object("berth");
    Container container;
    container.spec = Reader{problems, noted}.spec(top);
    container.state = read_state(top);
    container.manually_stopped = top.flag("manually_stopped");
    container.started_before = top.flag("started_successfully_before");
    container.role = read_role(berth);
    container.replaces = berth.text("replaces");
    if (!problems.empty()) return fail(problems.error(), "record");
    // Kanto doubles the memory once, at create, and stores an unlimited swap as nothing at all.
    Resources& resources = container.spec.resources;
    if (!resources.memory.empty() && resources.memory_swap.empty()) resources.memory_swap = "-1";
    fill_defaults(container.spec);
    return container;
}

}  // namespace berth
