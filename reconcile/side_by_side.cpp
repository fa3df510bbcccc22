#include "reconcile/side_by_side.hpp"

#include <algorithm>
#include <filesystem>

#include "protocol/forms.hpp"
#include "protocol/problems.hpp"
#include "reconcile/identify.hpp"

namespace berth::reconcile {
namespace {

// "/data/", "/data/./" and "/data" are one folder. Links are not followed: this looks at no disk.
std::string as_folder(const std::string& source) {
    auto folder = std::filesystem::path(source).lexically_normal().string();
    while (folder.size() > 1 && folder.back() == '/')
        folder.pop_back();
    return folder;
}

bool is_inside(const std::string& inner, const std::string& outer) {
    return inner == outer || outer == "/" || inner.starts_with(outer + "/");
}

// All mounts can be written to, so one folder in both is one too many, also as a part of another.
const Mount* shared_mount(const ContainerSpec& old, const ContainerSpec& wanted) {
    for (const auto& mount : wanted.mounts) {
        const auto source = as_folder(mount.source);
        for (const auto& other : old.mounts) {
            const auto theirs = as_folder(other.source);
            if (is_inside(source, theirs) || is_inside(theirs, source)) return &mount;
        }
    }
    return nullptr;
}

void look_at(const ActionState& action, const ContainerSpec& old, Problems& problems) {
    if (const auto* mount = shared_mount(old, action.spec))
        problems.add("component " + action.name +
                     ", key updateOrder: start-first cannot be combined with mount " + format(*mount) +
                     ", whose folder the old instance has, too; use stop-first");
}

}  // namespace

std::optional<Error> refusal(const DesiredState& desired, const std::vector<Container>& current,
                             const std::set<std::string>& pinned) {
    const auto asks = [](const Component& component) { return component.order == UpdateOrder::StartFirst; };
    if (std::none_of(desired.components.begin(), desired.components.end(), asks)) return std::nullopt;
    Problems problems;
    for (const auto& action : identify(desired, current, pinned).actions) {
        if (!action.start_first) continue;
        if (action.old) look_at(action, action.old->spec, problems);
        for (const auto& other : action.duplicates)  // they stop with it
            look_at(action, other.spec, problems);
    }
    if (problems.empty()) return std::nullopt;
    return problems.error();
}

}  // namespace berth::reconcile
