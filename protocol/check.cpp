#include "protocol/check.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "protocol/document.hpp"
#include "protocol/forms.hpp"
#include "protocol/sizes.hpp"

namespace berth {
namespace {

constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kLeastMemory = 3 * kMiB;
constexpr std::int64_t kEngineFloor = 6 * kMiB;

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";

bool is_letter(char c) {
    return kLetters.find(c) != kLetters.npos;
}
bool is_alnum(char c) {
    return is_letter(c) || kDigits.find(c) != kDigits.npos;
}

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
    return std::find(words.begin(), words.end(), text) != words.end();
}

// Collects findings about one model. One function per block of the document.
class Check {
 public:
    explicit Check(const ContainerSpec& spec) : spec_(spec) {}

    void identity();
    void mounts();
    void privileges();
    void network();
    void devices();
    void log();
    void restart();
    void resources();
    void env();

    std::vector<Finding> found{};

 private:
    void add(std::string_view key, std::string_view document, std::string reason, std::string value) {
        found.push_back({key, document, std::move(reason), std::move(value)});
    }
    // 0 when not set or bad; what is bad is noted.
    std::int64_t size(std::string_view key, std::string_view document, const std::string& text) {
        if (text.empty()) return 0;
        auto bytes = parse_size(text);
        if (bytes) return *bytes;
        add(key, document, bytes.error().message, text);
        return 0;
    }

    const ContainerSpec& spec_;
};

void Check::identity() {
    if (!spec_.id.empty() && !is_container_id(spec_.id))
        add("", "container_id", "expected up to 76 letters and digits, joined by single . _ or -", spec_.id);
    if (spec_.image.empty()) add("image", "image.name", "is empty; expected an image reference", "");
    if (!is_container_name(spec_.name))
        add("id", "container_name", "expected letters, digits, _ . and -, not beginning with . or -",
            spec_.name);
    if (spec_.host_name.size() > 63)
        add("id", "host_name", "a host name has at most 63 characters", spec_.host_name);
}

void Check::mounts() {
    constexpr std::array<std::string_view, 6> kModes = {"rprivate", "private", "rshared",
                                                        "shared",   "rslave",  "slave"};
    for (const auto& mount : spec_.mounts) {
        if (mount.source.empty() || mount.destination.empty())
            add("mount", "mount_points", "source and destination must both be given", format(mount));
        else if (!is_one_of(mount.propagation, kModes))
            add("mount", "mount_points",
                "propagation mode must be rprivate, private, rshared, shared, rslave or slave",
                format(mount));
    }
}

void Check::privileges() {
    if (spec_.privileged && !spec_.devices.empty())
        add("privileged", "host_config.privileged", "true cannot be combined with devices", "true");
    if (spec_.privileged && !spec_.extra_capabilities.empty())
        add("privileged", "host_config.privileged", "true cannot be combined with extra capabilities",
            "true");
}

// host_ip, host_ip_<interface> and container_<host name> stand for an address on the bridge.
bool is_reserved_target(std::string_view target) {
    return target == "host_ip" || target.starts_with("host_ip_") || target.starts_with("container_");
}

void Check::network() {
    const bool host = spec_.network == "host";
    if (!host && spec_.network != "bridge")
        add("network", "host_config.network_mode", "expected bridge or host", spec_.network);
    if (host && !spec_.ports.empty())
        add("network", "host_config.network_mode", "host cannot be combined with ports", "host");
    for (const auto& entry : spec_.extra_hosts) {
        const auto colon = entry.find(':');
        const auto target =
            colon == entry.npos ? std::string_view{} : std::string_view(entry).substr(colon + 1);
        if (colon == entry.npos || colon == 0 || target.empty())
            add("host", "host_config.extra_hosts", "expected <name>:<address>", entry);
        else if (host && is_reserved_target(target))
            add("host", "host_config.extra_hosts",
                "host_ip, host_ip_<interface> and container_<host name> need network bridge", entry);
    }
    for (const auto& port : spec_.ports) {
        if (port.container_port == 0)
            add("port", "host_config.port_mappings", "container port must be 1 to 65535", format(port));
        if (port.host_port_end < port.host_port)
            add("port", "host_config.port_mappings", "host port range runs backwards", format(port));
        if (!is_protocol(port.protocol))
            add("port", "host_config.port_mappings", "protocol must be tcp, udp or sctp", format(port));
        if (!is_ip(port.host_ip))
            add("port", "host_config.port_mappings", "host address must be an IP address", format(port));
    }
}

void Check::devices() {
    for (const auto& device : spec_.devices) {
        if (device.on_host.empty() || device.in_container.empty())
            add("device", "host_config.devices", "the path on the host must be given", format(device));
        if (!is_permissions(device.permissions))
            add("device", "host_config.devices", "permissions must be one to three of the letters r, w and m",
                format(device));
    }
}

void Check::log() {
    const LogConfig& log = spec_.log;
    if (log.driver != "json-file" && log.driver != "none")
        add("logDriver", "host_config.log_config.driver_config.type", "expected json-file or none",
            log.driver);
    if (log.driver == "json-file") {
        if (log.max_files < 1)
            add("logMaxFiles", "host_config.log_config.driver_config.max_files", "must be at least 1",
                std::to_string(log.max_files));
        if (log.max_size.empty())
            add("logMaxSize", "host_config.log_config.driver_config.max_size", "is missing", "");
        size("logMaxSize", "host_config.log_config.driver_config.max_size", log.max_size);
    }
    if (!log.root_dir.empty() && log.root_dir.front() != '/')
        add(kLogPathKey, "host_config.log_config.driver_config.root_dir", "expected an absolute path",
            log.root_dir);
    if (log.mode != "blocking" && log.mode != "non-blocking")
        add("logMode", "host_config.log_config.mode_config.mode", "expected blocking or non-blocking",
            log.mode);
    if (log.mode == "non-blocking")
        size("logMaxBufferSize", "host_config.log_config.mode_config.max_buffer_size", log.max_buffer_size);
}

void Check::restart() {
    constexpr std::array<std::string_view, 4> kTypes = {"no", "always", "on-failure", "unless-stopped"};
    const RestartPolicy& restart = spec_.restart;
    const bool on_failure = restart.type == "on-failure";
    const std::string retries = std::to_string(restart.maximum_retry_count);
    const std::string timeout = std::to_string(restart.retry_timeout_s);
    if (!is_one_of(restart.type, kTypes))
        add("restartPolicy", "host_config.restart_policy.type",
            "expected no, always, on-failure or unless-stopped", restart.type);
    else if (!on_failure && restart.maximum_retry_count != 0)
        add("restartMaxRetries", "host_config.restart_policy.maximum_retry_count",
            "needs restart policy on-failure", retries);
    if (on_failure && restart.maximum_retry_count < 0)
        add("restartMaxRetries", "host_config.restart_policy.maximum_retry_count", "must not be negative",
            retries);
    if (on_failure && restart.retry_timeout_s < 0)
        add("restartTimeout", "host_config.restart_policy.retry_timeout", "must not be negative", timeout);
    if (restart.retry_timeout_s > kMaxRetryTimeoutSeconds)
        add("restartTimeout", "host_config.restart_policy.retry_timeout", "is out of range", timeout);
}

void Check::resources() {
    const Resources& given = spec_.resources;
    const bool unlimited_swap = given.memory_swap == "-1";
    const auto limit = size("memory", "host_config.resources.memory", given.memory);
    const auto reservation =
        size("memoryReservation", "host_config.resources.memory_reservation", given.memory_reservation);
    const auto swap =
        unlimited_swap ? -1 : size("memorySwap", "host_config.resources.memory_swap", given.memory_swap);
    const bool limited = !given.memory.empty() && parse_size(given.memory);
    const bool swap_given = !given.memory_swap.empty() && !unlimited_swap && parse_size(given.memory_swap);
    if (limit > 0 && limit < kLeastMemory)
        add("memory", "host_config.resources.memory", "must be at least 3M", given.memory);
    if (swap > 0 && given.memory.empty())
        add("memorySwap", "host_config.resources.memory_swap", "needs memory as well", given.memory_swap);
    if (swap_given && limited && swap < limit)
        add("memorySwap", "host_config.resources.memory_swap",
            "is memory and swap together, so it must not be below memory " + given.memory, given.memory_swap);
    if (limited && reservation > limit)
        add("memoryReservation", "host_config.resources.memory_reservation",
            "must not be above memory " + given.memory, given.memory_reservation);
}

// A bad entry is shown up to its "=": what follows may be a secret.
std::string without_value(const std::string& entry) {
    const auto at = entry.find('=');
    return at == entry.npos ? entry : entry.substr(0, at) + "=***";
}

void Check::env() {
    for (const auto& entry : spec_.env) {
        const std::string_view name = std::string_view(entry).substr(0, entry.find('='));
        const bool named =
            !name.empty() && (is_letter(name.front()) || name.front() == '_') &&
            std::all_of(name.begin(), name.end(), [](char c) { return is_alnum(c) || c == '_'; });
        if (!named)
            add("env", "config.env", "expected NAME or NAME=value; a name has letters, digits and _",
                without_value(entry));
        else if (entry.find_first_of(std::string_view("\n\0", 2)) != entry.npos)
            add("env", "config.env", "a value has no line break and no zero byte", without_value(entry));
    }
}

}  // namespace

bool is_container_id(std::string_view text) {
    if (text.size() > 76 || text.empty() || !is_alnum(text.front()) || !is_alnum(text.back())) return false;
    for (std::size_t i = 1; i < text.size(); ++i) {
        const bool joint = text[i] == '.' || text[i] == '_' || text[i] == '-';
        if (!is_alnum(text[i]) && !(joint && is_alnum(text[i - 1]))) return false;
    }
    return true;
}

bool is_container_name(std::string_view text) {
    if (text.empty() || text.front() == '.' || text.front() == '-') return false;
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

std::string fault_of_host_entry(std::string_view entry) {
    const auto colon = entry.find(':');
    const auto name = entry.substr(0, colon);
    if (colon == entry.npos || name.empty() ||
        name.find_first_of(std::string_view(" \t\r\n\0", 5)) != name.npos)
        return "expected <name>:<address>";
    const auto target = entry.substr(colon + 1);
    const bool names_something = target != "host_ip_" && target != "container_";
    if (is_ip(target) || (is_reserved_target(target) && names_something)) return {};
    return "the address must be an IP address, host_ip, host_ip_<interface> or container_<host name>";
}

std::vector<Finding> findings(const ContainerSpec& spec) {
    Check check(spec);
    check.identity();
    check.mounts();
    check.privileges();
    check.network();
    check.devices();
    check.log();
    check.restart();
    check.resources();
    check.env();
    return std::move(check.found);
}

std::vector<Finding> remarks(const ContainerSpec& spec) {
    std::vector<Finding> found;
    const auto low = [](const std::string& text) {
        const auto bytes = parse_size(text);
        return bytes && *bytes > 0 && *bytes < kEngineFloor;
    };
    if (low(spec.resources.memory))
        found.push_back({"memory", "host_config.resources.memory", "raised to 6M, the engine's least",
                         spec.resources.memory});
    if (low(spec.resources.memory_reservation))
        found.push_back({"memoryReservation", "host_config.resources.memory_reservation",
                         "raised to 6M, the engine's least", spec.resources.memory_reservation});
    if (spec.restart.retry_timeout_s != 0)
        found.push_back({"restartTimeout", "host_config.restart_policy.retry_timeout",
                         "stored and reported, but the engine has its own back-off of at most 1 minute",
                         std::to_string(spec.restart.retry_timeout_s)});
    if (!spec.log.root_dir.empty())
        found.push_back({kLogPathKey, "host_config.log_config.driver_config.root_dir",
                         "stored and reported, but the engine chooses where its logs are",
                         spec.log.root_dir});
    if (!spec.hooks.empty())
        found.push_back(
            {"", "hooks", "stored and reported, but never run", std::to_string(spec.hooks.size())});
    return found;
}

}  // namespace berth
