#include "reconcile/plan.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace berth::reconcile {
namespace {

// As the wire's original compares lists that have no order: equal length, each contained in the other.
template <class T>
bool same_set(const std::vector<T>& a, const std::vector<T>& b) {
    if (a.size() != b.size()) return false;
    return std::set<T>(a.begin(), a.end()) == std::set<T>(b.begin(), b.end());
}

// The order of the table in reconcile/README.md: image, mounts, process, io, host settings, logs.
std::vector<std::string> recreate_keys(const ContainerSpec& now, const ContainerSpec& wanted) {
    std::vector<std::string> keys;
    const auto differs = [&keys](bool different, const char* key) {
        if (different) keys.emplace_back(key);
    };
    differs(now.image != wanted.image, "image");
    differs(!same_set(now.mounts, wanted.mounts), "mount");
    differs(!same_set(now.env, wanted.env), "env");
    differs(now.cmd != wanted.cmd, "cmd");
    differs(now.io.tty != wanted.io.tty, "terminal");
    differs(now.io.open_stdin != wanted.io.open_stdin, "interactive");
    differs(now.privileged != wanted.privileged, "privileged");
    differs(now.network != wanted.network, "network");
    differs(!same_set(now.devices, wanted.devices), "device");
    differs(!same_set(now.extra_hosts, wanted.extra_hosts), "host");
    differs(!same_set(now.extra_capabilities, wanted.extra_capabilities), "capabilities");
    differs(!same_set(now.ports, wanted.ports), "port");
    differs(now.log.driver != wanted.log.driver, "logDriver");
    differs(now.log.max_files != wanted.log.max_files, "logMaxFiles");
    differs(now.log.max_size != wanted.log.max_size, "logMaxSize");
    differs(now.log.root_dir != wanted.log.root_dir, "logPath");
    differs(now.log.mode != wanted.log.mode, "logMode");
    differs(now.log.max_buffer_size != wanted.log.max_buffer_size, "logMaxBufferSize");
    // The engine cannot take a memory limit away again.
    differs(!now.resources.memory.empty() && wanted.resources.memory.empty(), "memory");
    return keys;
}

std::vector<std::string> in_place_keys(const ContainerSpec& now, const ContainerSpec& wanted) {
    std::vector<std::string> keys;
    if (now.resources.memory != wanted.resources.memory) keys.emplace_back("memory");
    if (now.resources.memory_reservation != wanted.resources.memory_reservation)
        keys.emplace_back("memoryReservation");
    if (now.resources.memory_swap != wanted.resources.memory_swap) keys.emplace_back("memorySwap");
    if (now.restart.type != wanted.restart.type) keys.emplace_back("restartPolicy");
    if (now.restart.maximum_retry_count != wanted.restart.maximum_retry_count)
        keys.emplace_back("restartMaxRetries");
    if (now.restart.retry_timeout_s != wanted.restart.retry_timeout_s) keys.emplace_back("restartTimeout");
    return keys;
}

std::string named(const std::vector<std::string>& keys) {
    std::string text;
    for (const auto& key : keys)
        text += (text.empty() ? "" : ", ") + key;
    return text + (keys.size() == 1 ? " differs" : " differ");
}

Change recreation(const Container& now, const std::string& name, std::vector<std::string> keys,
                  UpdateOrder order) {
    const std::string how = order == UpdateOrder::StartFirst ? "recreate, start-first: " : "recreate: ";
    Change change{Action::Recreate, name, how + named(keys), {}, now.spec.id};
    change.keys = std::move(keys);
    change.order = order;
    return change;
}

// There is nothing that could be changed in place or started, nor anything that runs meanwhile.
Change replacement(const Container& missing, const std::string& name, std::vector<std::string> keys) {
    const std::string also = keys.empty() ? "" : "; " + named(keys);
    Change change{Action::Recreate, name, "recreate: its instance is gone" + also, {}, missing.spec.id};
    change.keys = std::move(keys);
    return change;
}

Change change_of(const Container& now, const ContainerSpec& wanted, UpdateOrder order) {
    auto [recreate, in_place] = compare(now.spec, wanted);
    const auto id = now.spec.id;
    if (now.is_missing()) {
        recreate.insert(recreate.end(), in_place.begin(), in_place.end());
        return replacement(now, wanted.name, recreate);
    }
    if (!recreate.empty()) return recreation(now, wanted.name, recreate, order);
    if (!in_place.empty())
        return {Action::Update, wanted.name, "update in place: " + named(in_place), in_place, id};
    const bool runs = now.state.status == Status::Running;
    return {
        Action::Check, wanted.name, runs ? "no change" : "no change; it does not run and is started", {}, id};
}

// Berth's own operations never leave two; somebody else can have made them.
void name_duplicates(Plan& changes, const std::vector<Container>& current) {
    for (auto& change : changes) {
        if (change.current.empty()) continue;
        for (const auto& other : current)
            if (other.role == Role::Plain && other.spec.name == change.name &&
                other.spec.id != change.current)
                change.duplicates.push_back(other.spec.id);
        std::sort(change.duplicates.begin(), change.duplicates.end());
        for (const auto& id : change.duplicates)
            change.reason += "; another container of this name goes: " + id;
    }
}

}  // namespace

std::set<std::string> Differences::all() const {
    std::set<std::string> keys(recreate.begin(), recreate.end());
    keys.insert(in_place.begin(), in_place.end());
    return keys;
}

Differences compare(const ContainerSpec& now, const ContainerSpec& wanted) {
    return {recreate_keys(now, wanted), in_place_keys(now, wanted)};
}

Plan plan(const std::vector<Container>& current, const std::vector<ContainerSpec>& desired,
          const std::set<std::string>& pinned, const std::set<std::string>& start_first) {
    std::map<std::string, const Container*> left;
    for (const auto* container : effective(current))
        left.emplace(container->spec.name, container);
    Plan changes;
    for (const auto& wanted : desired) {
        if (pinned.contains(wanted.name)) continue;
        const auto now = left.find(wanted.name);
        if (now == left.end()) {
            changes.push_back({Action::Create, wanted.name, "create", {}, {}});
            continue;
        }
        const bool first = start_first.contains(wanted.name);
        changes.push_back(
            change_of(*now->second, wanted, first ? UpdateOrder::StartFirst : UpdateOrder::StopFirst));
        left.erase(now);
    }
    for (const auto& [name, now] : left)
        if (!pinned.contains(name))
            changes.push_back({Action::Destroy, name, "destroy: not in the desired state", {}, now->spec.id});
    name_duplicates(changes, current);
    return changes;
}

}  // namespace berth::reconcile
