#include "protocol/current_state.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

#include "protocol/forms.hpp"
#include "protocol/json_text.hpp"
#include "protocol/redact.hpp"
#include "protocol/sizes.hpp"

namespace berth {
namespace {

// The parameters of one node, in the order they are added. Verbose adds what equals its default, too.
class Parameters {
 public:
    explicit Parameters(Verbosity verbosity) : verbose_(verbosity == Verbosity::Verbose) {}

    void always(std::string_view key, const std::string& value) {
        OrderedJson pair = {{"key", key}};
        if (!value.empty()) pair["value"] = value;
        list.push_back(std::move(pair));
    }
    void unless_empty(std::string_view key, const std::string& value) {
        if (!value.empty()) always(key, value);
    }
    void unless(std::string_view usual, std::string_view key, const std::string& value) {
        if (verbose_ || value != usual) always(key, value);
    }
    void when(bool condition, std::string_view key, const std::string& value) {
        if (verbose_ || condition) always(key, value);
    }
    void flag(std::string_view key, bool value) { when(value, key, value ? "true" : "false"); }

    OrderedJson list = OrderedJson::array();

 private:
    bool verbose_;
};

// A host port that the engine chooses has no number to show.
std::string port_text(const Port& port) {
    if (port.host_port != 0) return format(port);
    const bool any = port.host_ip.empty() || port.host_ip == "0.0.0.0";
    return (any ? "" : port.host_ip + ":") + ":" + std::to_string(port.container_port) + "/" + port.protocol;
}

std::string timeout_text(std::int64_t seconds) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 1'000'000'000;
    return format_duration(std::chrono::seconds{std::clamp(seconds, -kMost, kMost)});
}

void add_log(const LogConfig& log, Parameters& out) {
    const bool file = log.driver == "json-file";
    out.unless("json-file", "logDriver", log.driver);
    if (file) {
        out.unless("2", "logMaxFiles", std::to_string(log.max_files));
        out.unless("100M", "logMaxSize", log.max_size);
        out.unless_empty("logPath", log.root_dir);
    }
    out.unless("blocking", "logMode", log.mode);
    if (log.mode == "non-blocking") out.unless("1M", "logMaxBufferSize", log.max_buffer_size);
}

void add_spec(const ContainerSpec& spec, const InventoryStyle& style, Parameters& out) {
    out.unless("", "image", spec.image);
    out.unless(spec.name + "-domain", "domainName", spec.domain_name);
    out.unless(spec.name + "-host", "hostName", spec.host_name);
    out.flag("terminal", spec.io.tty);
    out.flag("interactive", spec.io.open_stdin);
    out.flag("privileged", spec.privileged);
    out.unless("unless-stopped", "restartPolicy", spec.restart.type);
    out.unless("0", "restartMaxRetries", std::to_string(spec.restart.maximum_retry_count));
    out.unless("0s", "restartTimeout", timeout_text(spec.restart.retry_timeout_s));
    for (const auto& device : spec.devices)
        out.always("device", format(device));
    for (const auto& port : spec.ports)
        out.always("port", port_text(port));
    out.unless("bridge", "network", spec.network);
    for (const auto& host : spec.extra_hosts)
        out.always("host", host);
    add_log(spec.log, out);
    out.unless_empty("memory", spec.resources.memory);
    out.unless_empty("memoryReservation", spec.resources.memory_reservation);
    out.unless_empty("memorySwap", spec.resources.memory_swap);
    for (const auto& mount : spec.mounts)
        out.always("mount", format(mount));
    for (const auto& entry : spec.env)
        out.always("env", redact_env(entry, style.redact));
    for (const auto& argument : spec.cmd)
        out.always("cmd", argument);
}

void add_state(const Container& container, Parameters& out) {
    const ContainerState& state = container.state;
    const bool down = state.status != Status::Running;
    out.always("status", std::string(to_string(state.status)));
    out.when(down && !state.finished_at.empty(), "finishedAt", state.finished_at);
    out.when(down && state.exit_code != 0, "exitCode", std::to_string(state.exit_code));
    out.always("created", state.created);
    out.unless("0", "restartCount", std::to_string(state.restart_count));
    out.when(down && container.manually_stopped, "manuallyStopped",
             container.manually_stopped ? "true" : "false");
    out.when(down && container.started_before, "startedSuccessfullyBefore",
             container.started_before ? "true" : "false");
}

OrderedJson container_node(const Container& container, const InventoryStyle& style) {
    Parameters parameters(style.verbosity);
    add_spec(container.spec, style, parameters);
    add_state(container, parameters);
    return {{"id", style.domain + ":" + container.spec.name},
            {"version", version_of_image(container.spec.image)},
            {"parameters", std::move(parameters.list)},
            {"type", "CONTAINER"}};
}

void add_dropped(std::string_view key, std::uint64_t count, Parameters& out) {
    if (count > 0) out.always(key, std::to_string(count));
}

OrderedJson agent_node(const std::string& id, const std::string& domain, const DroppedMessages& dropped) {
    Parameters parameters(Verbosity::Brief);
    parameters.always("domain", domain);
    add_dropped("droppedFeedback", dropped.feedback, parameters);
    add_dropped("droppedCurrentState", dropped.current_state, parameters);
    add_dropped("droppedTwin", dropped.twin, parameters);
    add_dropped("droppedMetrics", dropped.metrics, parameters);
    return {{"id", id},
            {"version", BERTH_VERSION},
            {"name", "Berth Containers Update Agent"},
            {"parameters", std::move(parameters.list)},
            {"type", "APPLICATION"}};
}

}  // namespace

std::string encode(const Inventory& inventory, const InventoryStyle& style) {
    const std::string agent = style.domain + "-update-agent";
    OrderedJson payload = {
        {"softwareNodes", OrderedJson::array({agent_node(agent, style.domain, inventory.dropped)})}};
    for (const Container* container : effective(inventory.containers)) {
        payload["softwareNodes"].push_back(container_node(*container, style));
        OrderedJson link = {{"sourceId", agent}, {"targetId", style.domain + ":" + container->spec.name}};
        payload["associations"].push_back(std::move(link));
    }
    return print_envelope(inventory.activity_id, inventory.timestamp, std::move(payload));
}

std::string version_of_image(std::string_view image) {
    if (const auto slash = image.rfind('/'); slash != image.npos) image.remove_prefix(slash + 1);
    for (const char mark : {'@', ':'}) {
        const auto at = image.find(mark);
        if (at != image.npos && at + 1 < image.size()) return std::string(image.substr(at + 1));
    }
    return "n/a";
}

}  // namespace berth
