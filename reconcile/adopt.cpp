#include "reconcile/adopt.hpp"

#include <algorithm>

#include "reconcile/identify.hpp"

namespace berth::reconcile {
namespace {

ContainerId replaced_by(const ActionState& action) {
    return action.old ? action.old->spec.id : ContainerId();
}

bool makes_the_same(const ActionState& staged, const ActionState& now) {
    auto spec = staged.spec;
    spec.id.clear();
    return staged.action == now.action && spec == now.spec && replaced_by(staged) == replaced_by(now);
}

// An update that was taken back and could not remove it has given it up.
bool is_given_up(const ContainerId& id, const std::vector<Container>& current) {
    return std::any_of(current.begin(), current.end(), [&id](const Container& container) {
        return container.spec.id == id && container.role != Role::Staged;
    });
}

}  // namespace

std::optional<std::map<std::string, ContainerId>> adoptable(const OperationState& open,
                                                            const DesiredState& desired,
                                                            const std::vector<Container>& current,
                                                            const std::set<std::string>& pinned) {
    const bool same = open.activity_id == desired.activity_id && open.digest == desired.digest;
    if (!same || open.ended || open.superseded || open.running) return std::nullopt;
    const auto now = identify(desired, current, pinned).actions;
    std::map<std::string, ContainerId> staged;
    for (const auto& action : open.actions) {
        if (action.touched || action.started) return std::nullopt;
        if (!action.staged || action.restored) continue;
        const bool again = std::any_of(now.begin(), now.end(), [&action](const ActionState& other) {
            return other.name == action.name && makes_the_same(action, other);
        });
        if (!again || is_given_up(action.spec.id, current)) return std::nullopt;
        staged[action.name] = action.spec.id;
    }
    return staged;
}

}  // namespace berth::reconcile
