#include "protocol/component_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "protocol/check.hpp"
#include "protocol/document.hpp"
#include "protocol/forms.hpp"
#include "protocol/redact.hpp"
#include "protocol/resembling.hpp"
#include "protocol/sizes.hpp"

namespace berth {
namespace {

struct Draft {
    ContainerSpec& spec;
    UpdateOrder& order;
    Notes& notes;

    bool flag(std::string_view key, const std::string& value) {
        const auto parsed = parse_bool(value);
        if (!parsed) notes.drop(key, parsed.error().message, value, "false is used");
        return parsed && *parsed;
    }
    std::int64_t number(std::string_view key, const std::string& value, std::int64_t usual) {
        const auto parsed = parse_int(value);
        if (parsed) return *parsed;
        notes.drop(key, parsed.error().message, value, std::to_string(usual) + " is used");
        return usual;
    }
    template <class Item>
    void item(std::string_view key, const std::string& value, const Result<Item>& parsed,
              std::vector<Item>& items) {
        if (parsed)
            items.push_back(*parsed);
        else
            notes.drop(key, parsed.error().message, value, "dropped");
    }
    bool on_failure() const { return spec.restart.type == "on-failure"; }
};

void unless_empty(std::string& text, const std::string& value) {
    if (!value.empty()) text = value;
}

void read_order(Draft& draft, const std::string& value) {
    if (value == "start-first")
        draft.order = UpdateOrder::StartFirst;
    else if (value != "stop-first")
        draft.notes.refuse("updateOrder", "expected stop-first or start-first", value);
}

void read_env(Draft& draft, const std::string& entry) {
    if (is_masked(entry)) draft.notes.refuse("env", kMaskIsNoValue, entry);
    draft.spec.env.push_back(entry);
}

enum class Times {
    Once,  // given again: the last one counts
    Any
};

struct KeyRule {
    std::string_view key;
    Times times;
    void (*apply)(Draft&, const std::string& value);
    bool of_container{true};  // false: says how the message is carried out
};

// In the order they are read: a key that counts only beside another one's value comes after it.
// Words, sizes and env entries are kept as they are here and refused by findings().
constexpr std::array<KeyRule, 24> kKeys = {{
    {"image", Times::Once, [](Draft& d, const std::string& v) { d.spec.image = v; }},
    {"env", Times::Any, read_env},
    {"cmd", Times::Any, [](Draft& d, const std::string& v) { d.spec.cmd.push_back(v); }},
    {"terminal", Times::Once, [](Draft& d, const std::string& v) { d.spec.io.tty = d.flag("terminal", v); }},
    {"interactive", Times::Once,
     [](Draft& d, const std::string& v) { d.spec.io.open_stdin = d.flag("interactive", v); }},
    {"privileged", Times::Once,
     [](Draft& d, const std::string& v) { d.spec.privileged = d.flag("privileged", v); }},
    {"network", Times::Once, [](Draft& d, const std::string& v) { unless_empty(d.spec.network, v); }},
    {"device", Times::Any,
     [](Draft& d, const std::string& v) { d.item("device", v, parse_device(v), d.spec.devices); }},
    {"port", Times::Any,
     [](Draft& d, const std::string& v) { d.item("port", v, parse_port(v), d.spec.ports); }},
    {"host", Times::Any,
     [](Draft& d, const std::string& v) {
         if (const auto fault = fault_of_host_entry(v); !fault.empty())
             d.notes.drop("host", fault, v, "dropped");
         else
             d.spec.extra_hosts.push_back(v);
     }},
    {"mount", Times::Any,
     [](Draft& d, const std::string& v) { d.item("mount", v, parse_mount(v), d.spec.mounts); }},
    {"restartPolicy", Times::Once, [](Draft& d, const std::string& v) { d.spec.restart.type = v; }},
    {"restartMaxRetries", Times::Once,
     [](Draft& d, const std::string& v) {
         if (d.on_failure()) d.spec.restart.maximum_retry_count = d.number("restartMaxRetries", v, 0);
     }},
    {"restartTimeout", Times::Once,
     [](Draft& d, const std::string& v) {
         if (d.on_failure()) d.spec.restart.retry_timeout_s = d.number("restartTimeout", v, 0);
     }},
    {"logDriver", Times::Once, [](Draft& d, const std::string& v) { unless_empty(d.spec.log.driver, v); }},
    {"logMaxFiles", Times::Once,
     [](Draft& d, const std::string& v) {
         if (d.spec.log.driver == "json-file") d.spec.log.max_files = d.number("logMaxFiles", v, 2);
     }},
    {"logMaxSize", Times::Once, [](Draft& d, const std::string& v) { unless_empty(d.spec.log.max_size, v); }},
    {"logPath", Times::Once, [](Draft& d, const std::string& v) { d.spec.log.root_dir = v; }},
    {"logMode", Times::Once, [](Draft& d, const std::string& v) { unless_empty(d.spec.log.mode, v); }},
    {"logMaxBufferSize", Times::Once, [](Draft& d, const std::string& v) { d.spec.log.max_buffer_size = v; }},
    {"memory", Times::Once, [](Draft& d, const std::string& v) { d.spec.resources.memory = v; }},
    {"memorySwap", Times::Once, [](Draft& d, const std::string& v) { d.spec.resources.memory_swap = v; }},
    {"memoryReservation", Times::Once,
     [](Draft& d, const std::string& v) { d.spec.resources.memory_reservation = v; }},
    {"updateOrder", Times::Once, read_order, false},
}};

// Asked for, and known by name, but nothing of this version acts on them.
constexpr std::array<std::string_view, 13> kUnsupported = {
    "livenessProbe", "readinessProbe", "healthCheck", "secret",         "configMap", "envFrom", "pullSecret",
    "volume",        "tmpfs",          "imagePin",    "activationGate", "dependsOn", "priority"};

constexpr std::array<std::string_view, 9> kReportOnly = {
    "hostName",     "domainName",      "status",
    "finishedAt",   "exitCode",        "created",
    "restartCount", "manuallyStopped", "startedSuccessfullyBefore"};

template <class Words>
bool contains(const Words& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

void apply(const KeyRule& rule, const std::vector<Pair>& config, Draft& draft) {
    const std::string* last = nullptr;
    for (const auto& [key, value] : config) {
        if (key != rule.key) continue;
        if (rule.times == Times::Any) rule.apply(draft, value);
        last = &value;
    }
    if (rule.times == Times::Once && last != nullptr) rule.apply(draft, *last);
}

std::string suggestion(const std::string& key) {
    Resembling near(shortened(key));
    for (const auto& rule : kKeys)
        near.see(rule.key);
    return near.best().empty() ? "" : "; did you mean " + std::string(near.best()) + "?";
}

void note_unknown(const std::vector<Pair>& config, Notes& notes) {
    for (const auto& [key, value] : config) {
        if (std::any_of(kKeys.begin(), kKeys.end(),
                        [&name = key](const auto& rule) { return rule.key == name; }))
            continue;
        if (contains(kUnsupported, key))
            notes.warn(key, "is not supported by this version and has no effect");
        else if (contains(kReportOnly, key))
            notes.warn(key, "is only reported, it cannot be set", value);
        else
            notes.warn(key, "unknown key, ignored" + suggestion(key));
    }
}

// What no two instances can have at the same time, whatever the old one is like; what depends on that one is
// reconcile's to see. A port is bound to the network on which an instance starts, which with start-first is
// not yet Berth's bridge: so no port at all, not even one that the engine may choose.
void check_start_first(const ContainerSpec& spec, Notes& notes) {
    const auto refuse = [&notes](const std::string& what) {
        notes.refuse("updateOrder", "start-first cannot be combined with " + what +
                                        ", which the old instance has until the new one takes over; use "
                                        "stop-first");
    };
    if (spec.network == "host") refuse("network host");
    for (const auto& port : spec.ports)
        refuse("port " + format(port));
    for (const auto& device : spec.devices)
        refuse("device " + format(device));
    for (const auto& entry : spec.extra_hosts)
        if (entry.find(":container_") != entry.npos)
            notes.warn("updateOrder", "until it takes over, the new instance cannot reach other containers",
                       "host " + entry);
}

}  // namespace

Notes::Notes(std::string component, Strictness strictness, Problems& refusals, Problems& warnings)
    : component_(shortened(component)), strictness_(strictness), refusals_(refusals), warnings_(warnings) {}

std::string Notes::text(std::string_view key, const std::string& reason, Value value) const {
    return "component " + component_ + ", key " + shortened(key) + ": " + reason +
           (value ? value_note(*value) : "");
}

void Notes::refuse(std::string_view key, const std::string& reason, Value value) {
    refusals_.add(text(key, reason, value));
}

void Notes::drop(std::string_view key, const std::string& reason, std::string_view value,
                 const std::string& instead) {
    if (strictness_ == Strictness::Strict)
        refuse(key, reason, value);
    else
        warn(key, reason + ", " + instead, value);
}

void Notes::warn(std::string_view key, const std::string& reason, Value value) {
    warnings_.add(text(key, reason, value));
}

std::vector<std::string_view> component_keys() {
    std::vector<std::string_view> keys;
    for (const auto& rule : kKeys)
        if (rule.of_container) keys.push_back(rule.key);
    return keys;
}

std::string fault_of_component_id(const std::string& id) {
    if (!is_container_name(id)) return "expected letters, digits, _ . and -, not beginning with . or -";
    if (id.size() > kMaxComponentName)
        return fmt::format("has {} characters, at most {} fit", id.size(), kMaxComponentName);
    return {};
}

// Of a component without one: <id>:<version> is somebody else's where the key was only misspelt.
void check_usual_image(const std::string& id, const std::string& version, const std::vector<Pair>& config,
                       Notes& notes) {
    const auto slip = std::find_if(config.begin(), config.end(), [](const Pair& pair) {
        Resembling near(shortened(pair.key));
        near.see("image");
        return !near.best().empty() && !contains(kUnsupported, pair.key);
    });
    if (slip != config.end())
        notes.refuse("image", "is missing; did you mean it with key " + shortened(slip->key) + "?");
    else if (version.empty() && !id.empty())
        notes.refuse(
            "image",
            "is missing, and there is no version to make <id>:<version> of; expected an image reference");
}

Component component_of(const std::string& id, const std::string& version, const std::vector<Pair>& config,
                       Notes& notes) {
    Component component{.version = version};
    ContainerSpec& spec = component.spec;
    spec.name = id;
    spec.image = id + ":" + version;
    Draft draft{spec, component.order, notes};
    for (const auto& rule : kKeys)
        apply(rule, config, draft);
    note_unknown(config, notes);
    const bool names_image =
        std::any_of(config.begin(), config.end(), [](const Pair& p) { return p.key == "image"; });
    if (!names_image) check_usual_image(id, version, config, notes);
    fill_defaults(spec);
    for (const auto& found : findings(spec)) {
        // The id was looked at before; a relative logPath fails at create, as it always did.
        if (found.key == "id" || found.key == kLogPathKey) continue;
        notes.refuse(found.key, found.reason, found.value);
    }
    if (component.order == UpdateOrder::StartFirst) check_start_first(spec, notes);
    for (const auto& remark : remarks(spec))
        notes.warn(remark.key, remark.reason, remark.value);
    return component;
}

}  // namespace berth
