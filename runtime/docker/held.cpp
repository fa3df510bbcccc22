#include "runtime/docker/held.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/redact.hpp"
#include "protocol/sizes.hpp"
#include "runtime/docker/fields.hpp"
#include "runtime/docker/memory.hpp"

namespace berth::runtime::docker {
namespace {

using Texts = std::vector<std::string>;

// Null is an answer, a member that is missing is none.
bool tells(const json& object, const char* key) {
    return object.is_object() && object.contains(key);
}

Texts texts_in(const json& object, const char* key) {
    Texts all;
    for (const auto& one : member(object, key))
        if (one.is_string()) all.push_back(one.get<std::string>());
    return all;
}

// Each leaves the field alone where the engine says what it was sent, or nothing.
void take_text(const json& sent, const json& seen, const char* key, std::string& field) {
    if (!member(sent, key).is_string() || !member(seen, key).is_string()) return;
    if (auto held = text(seen, key); held != text(sent, key)) field = std::move(held);
}

void take_flag(const json& sent, const json& seen, const char* key, bool& field) {
    if (member(seen, key).is_boolean() && flag(seen, key) != flag(sent, key)) field = flag(seen, key);
}

template <class Item>
void take_set(const std::vector<Item>& sent, std::vector<Item> seen, std::vector<Item>& field) {
    const bool same = std::set<Item>(sent.begin(), sent.end()) == std::set<Item>(seen.begin(), seen.end());
    if (!same) field = std::move(seen);
}

std::vector<Device> devices_in(const json& host) {
    std::vector<Device> all;
    for (const auto& one : member(host, "Devices"))
        all.push_back(
            {text(one, "PathOnHost"), text(one, "PathInContainer"), text(one, "CgroupPermissions")});
    return all;
}

std::vector<Mount> mounts_in(const json& host) {
    std::vector<Mount> all;
    for (const auto& one : member(host, "Mounts")) {
        auto propagation = text(member(one, "BindOptions"), "Propagation");
        if (propagation.empty()) propagation = "rprivate";
        all.push_back({text(one, "Source"), text(one, "Target"), std::move(propagation)});
    }
    return all;
}

std::uint16_t port_number(std::string_view digits) {
    std::uint16_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

// "80/tcp" and a binding of it: "5000", "5000-5005", or nothing for any.
Port port_of(std::string_view inside, const json& binding) {
    const auto slash = std::min(inside.find('/'), inside.size());
    const auto outside = text(binding, "HostPort");
    const auto dash = std::min(outside.find('-'), outside.size());
    Port port{};
    port.host_ip = text(binding, "HostIp");
    port.container_port = port_number(inside.substr(0, slash));
    port.protocol = inside.substr(std::min(slash + 1, inside.size()));
    port.host_port = port_number(std::string_view(outside).substr(0, dash));
    port.host_port_end =
        dash == outside.size() ? port.host_port : port_number(std::string_view(outside).substr(dash + 1));
    return port;
}

std::vector<Port> ports_in(const json& host) {
    std::vector<Port> all;
    const auto& bindings = member(host, "PortBindings");
    if (!bindings.is_object()) return all;
    for (auto at = bindings.begin(); at != bindings.end(); ++at)
        for (const auto& one : at.value())
            all.push_back(port_of(at.key(), one));
    return all;
}

// The engine may write them with or without their prefix.
std::set<std::string> bare_capabilities(const Texts& names) {
    constexpr std::string_view kPrefix = "CAP_";
    std::set<std::string> bare;
    for (std::string name : names) {
        std::ranges::transform(name, name.begin(), [](char c) {
            return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        });
        bare.insert(name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name);
    }
    return bare;
}

bool has_entry(const Texts& all, const std::string& entry) {
    return std::ranges::find(all, entry) != all.end();
}

// "name<mark>value". The image's and the machine's stand among them, and what was resolved on the way cannot
// be compared: only what was sent literally counts, each by itself.
Texts entries_held(const Texts& asked, const Texts& sent, const Texts& seen, char mark) {
    Texts held;
    for (const auto& entry : asked) {
        if (!has_entry(sent, entry) || has_entry(seen, entry)) {
            held.push_back(entry);
            continue;
        }
        const auto name = entry.substr(0, entry.find(mark));
        std::ranges::copy_if(seen, std::back_inserter(held), [&name, mark](const std::string& other) {
            return other.substr(0, other.find(mark)) == name;
        });
    }
    return held;
}

void take_process(const json& sent, const json& seen, ContainerSpec& held) {
    take_text(sent, seen, "Image", held.image);
    if (held.network != "host") {  // there both are the machine's
        take_text(sent, seen, "Hostname", held.host_name);
        take_text(sent, seen, "Domainname", held.domain_name);
    }
    if (tells(seen, "Env")) {
        auto literal = texts_in(sent, "Env");
        std::erase_if(literal, [](const std::string& entry) { return is_secret_reference(entry); });
        held.env = entries_held(held.env, literal, texts_in(seen, "Env"), '=');
    }
    const bool own_cmd = tells(sent, "Cmd") && tells(seen, "Cmd");  // else it is the image's
    if (own_cmd && texts_in(sent, "Cmd") != texts_in(seen, "Cmd")) held.cmd = texts_in(seen, "Cmd");
    take_flag(sent, seen, "Tty", held.io.tty);
    take_flag(sent, seen, "OpenStdin", held.io.open_stdin);
}

void take_rights(const json& sent, const json& seen, const DockerOptions& options, ContainerSpec& held) {
    take_flag(sent, seen, "Privileged", held.privileged);
    if (tells(seen, "Devices")) take_set(devices_in(sent), devices_in(seen), held.devices);
    if (tells(seen, "Mounts")) take_set(mounts_in(sent), mounts_in(seen), held.mounts);
    if (tells(seen, "PortBindings")) take_set(ports_in(sent), ports_in(seen), held.ports);
    if (tells(seen, "ExtraHosts"))
        held.extra_hosts =
            entries_held(held.extra_hosts, texts_in(sent, "ExtraHosts"), texts_in(seen, "ExtraHosts"), ':');
    const auto added = texts_in(seen, "CapAdd");
    if (tells(seen, "CapAdd") && bare_capabilities(added) != bare_capabilities(texts_in(sent, "CapAdd")))
        held.extra_capabilities = added;
    auto mode = text(sent, "NetworkMode");
    take_text(sent, seen, "NetworkMode", mode);
    if (mode != text(sent, "NetworkMode")) held.network = mode == options.bridge.name ? "bridge" : mode;
}

void take_log(const json& sent, const json& seen, LogConfig& log) {
    take_text(sent, seen, "Type", log.driver);
    const auto& told = member(sent, "Config");
    const auto& held = member(seen, "Config");
    if (!held.is_object()) return;
    const auto differs = [&told, &held](const char* key) {
        return tells(told, key) && text(told, key) != text(held, key);
    };
    if (differs("max-size")) log.max_size = text(held, "max-size");
    if (differs("mode")) log.mode = text(held, "mode");
    if (differs("max-buffer-size")) log.max_buffer_size = text(held, "max-buffer-size");
    if (!differs("max-file")) return;
    const auto files = parse_int(text(held, "max-file"));
    log.max_files = files ? *files : 0;
}

void take_policy(const json& sent, const json& seen, RestartPolicy& policy) {
    if (!seen.is_object()) return;
    const auto name = text(seen, "Name");
    if (const auto held = name.empty() ? "no" : name; held != text(sent, "Name")) policy.type = held;
    const auto retries = number(seen, "MaximumRetryCount");
    if (retries != number(sent, "MaximumRetryCount")) policy.maximum_retry_count = retries;
}

// `lifted`: what an update sends for no limit.
void take_size(const json& seen, const char* key, std::int64_t sent, std::int64_t lifted,
               std::string& field) {
    if (!member(seen, key).is_number_integer()) return;
    const auto held = number(seen, key);
    if (held == sent || held == lifted) return;
    field = held > 0 ? format_size(held) : std::string();
}

void take_limits(const json& sent, const json& seen, const MachineMemory& machine, Resources& limits) {
    const Memory wanted{number(sent, "Memory"), number(sent, "MemorySwap"),
                        number(sent, "MemoryReservation")};
    const Memory lifted = memory_update(wanted, Limits{1, 1}, machine);
    take_size(seen, "Memory", wanted.memory, lifted.memory, limits.memory);
    take_size(seen, "MemorySwap", wanted.swap, lifted.swap, limits.memory_swap);
    if (number(seen, "MemorySwap") == -1)
        limits.memory_swap = "-1";  // of the three only this has a word for none
    take_size(seen, "MemoryReservation", wanted.reservation, lifted.reservation, limits.memory_reservation);
    // What the machine has is no limit, also where one was asked for and an update has lifted it since.
    const Memory none = memory_update({}, Limits{1, 1}, machine);
    const bool is_lifted = wanted.memory > 0 && none.memory > 0 && wanted.memory != none.memory &&
                           number(seen, "Memory") == none.memory;
    if (!is_lifted) return;
    limits.memory.clear();
    if (number(seen, "MemorySwap") == none.swap) limits.memory_swap.clear();
}

}  // namespace

Result<ContainerSpec> held_by_engine(const ContainerSpec& asked, std::string_view inspection,
                                     const DockerOptions& options, const MachineMemory& machine) {
    const auto body = encode_create(asked, options, {});
    if (!body) return body.error();
    const auto sent = json::parse(body->json, nullptr, false);
    const auto seen = json::parse(inspection, nullptr, false);
    if (!seen.is_object()) return fail(Errc::Internal, "the engine's inspection is no JSON object");
    ContainerSpec held = asked;
    take_process(sent, member(seen, "Config"), held);
    const auto& told = member(sent, "HostConfig");
    const auto& host = member(seen, "HostConfig");
    take_rights(told, host, options, held);
    take_log(member(told, "LogConfig"), member(host, "LogConfig"), held.log);
    take_policy(member(told, "RestartPolicy"), member(host, "RestartPolicy"), held.restart);
    take_limits(told, host, machine, held.resources);
    return held;
}

}  // namespace berth::runtime::docker
