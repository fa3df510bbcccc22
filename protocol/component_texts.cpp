#include "protocol/component_texts.hpp"

#include <cstddef>
#include <utility>

#include "protocol/document.hpp"
#include "protocol/forms.hpp"
#include "protocol/problems.hpp"
#include "protocol/redact.hpp"

namespace berth {
namespace {

// A change is read by people; with it cut the answer to the largest message still fits the wire.
constexpr std::size_t kMostShown = 1024;

KeyTexts single(std::string_view key, std::string value, std::string_view usual) {
    KeyTexts row{};
    row.key = key;
    row.usual = value == usual;
    if (!value.empty()) row.texts.push_back(std::move(value));
    return row;
}

KeyTexts repeated(std::string_view key, Values values, std::vector<std::string> texts_now) {
    KeyTexts row{};
    row.key = key;
    row.values = values;
    row.usual = texts_now.empty();
    row.texts = std::move(texts_now);
    return row;
}

KeyTexts without_key(KeyTexts row) {
    row.settable = false;
    return row;
}

std::string truth(bool value) {
    return value ? "true" : "false";
}

template <class Item>
std::vector<std::string> short_forms(const std::vector<Item>& items) {
    std::vector<std::string> forms;
    for (const auto& item : items)
        forms.push_back(format(item));
    return forms;
}

std::vector<std::string> paths_of(const std::vector<Hook>& hooks) {
    std::vector<std::string> paths;
    for (const auto& hook : hooks)
        paths.push_back(hook.path);
    return paths;
}

// What fill_defaults makes of a memory limit alone.
std::string usual_swap(const std::string& memory) {
    ContainerSpec spec{};
    spec.resources.memory = memory;
    fill_defaults(spec);
    return spec.resources.memory_swap;
}

// What `all` has more than `others`, an equal one as often as it is more.
std::vector<std::string> lacking(const std::vector<std::string>& all,
                                 const std::vector<std::string>& others) {
    std::multiset<std::string_view> rest(others.begin(), others.end());
    std::vector<std::string> more;
    for (const auto& text : all) {
        if (const auto at = rest.find(text); at != rest.end())
            rest.erase(at);
        else
            more.push_back(text);
    }
    return more;
}

std::string shown_value(std::string_view key, const std::string& value,
                        const std::vector<std::string>& redact) {
    if (value.empty()) return "\"\"";
    return key == "env" ? redact_env(value, redact) : value;
}

std::string shown_values(const KeyTexts& row, const KeyTexts& other, const std::vector<std::string>& redact) {
    const auto values = row.values == Values::Several ? lacking(row.texts, other.texts) : row.texts;
    std::string joined;
    for (const auto& value : values) {
        if (joined.size() > kMostShown) break;
        joined += (joined.empty() ? "" : ", ") + shown_value(row.key, value, redact);
    }
    return shortened(joined, kMostShown);
}

}  // namespace

std::vector<KeyTexts> texts_of(const ContainerSpec& spec) {
    const RestartPolicy& restart = spec.restart;
    const LogConfig& log = spec.log;
    const Resources& limits = spec.resources;
    return {
        single("image", spec.image, ""),
        repeated("env", Values::Several, spec.env),
        repeated("cmd", Values::InOrder, spec.cmd),
        single("terminal", truth(spec.io.tty), "false"),
        single("interactive", truth(spec.io.open_stdin), "false"),
        single("privileged", truth(spec.privileged), "false"),
        single("network", spec.network, "bridge"),
        repeated("device", Values::Several, short_forms(spec.devices)),
        repeated("port", Values::Several, short_forms(spec.ports)),
        repeated("host", Values::Several, spec.extra_hosts),
        repeated("mount", Values::Several, short_forms(spec.mounts)),
        single("restartPolicy", restart.type, "unless-stopped"),
        single("restartMaxRetries", std::to_string(restart.maximum_retry_count), "0"),
        single("restartTimeout", std::to_string(restart.retry_timeout_s), "0"),
        single("logDriver", log.driver, "json-file"),
        single("logMaxFiles", log.max_files == 0 ? std::string() : std::to_string(log.max_files), "2"),
        single("logMaxSize", log.max_size, "100M"),
        single("logPath", log.root_dir, ""),
        single("logMode", log.mode, "blocking"),
        single("logMaxBufferSize", log.max_buffer_size, "1M"),
        single("memory", limits.memory, ""),
        single("memorySwap", limits.memory_swap, usual_swap(limits.memory)),
        single("memoryReservation", limits.memory_reservation, ""),
        without_key(repeated("capabilities", Values::Several, spec.extra_capabilities)),
        without_key(single("hostName", spec.host_name, spec.name + "-host")),
        without_key(single("domainName", spec.domain_name, spec.name + "-domain")),
        without_key(single("runtime", spec.oci_runtime, "")),
        without_key(repeated("hooks", Values::InOrder, paths_of(spec.hooks))),
    };
}

std::vector<KeyChange> key_changes(const ContainerSpec& now, const ContainerSpec& wanted,
                                   const std::set<std::string>& keys,
                                   const std::vector<std::string>& redact) {
    const auto before = texts_of(now);
    const auto after = texts_of(wanted);
    std::vector<KeyChange> changes;
    for (std::size_t i = 0; i < before.size(); ++i) {
        std::string key(before[i].key);
        if (!keys.contains(key)) continue;
        changes.push_back({std::move(key), shown_values(before[i], after[i], redact),
                           shown_values(after[i], before[i], redact)});
    }
    return changes;
}

}  // namespace berth
