#include "reconcile/identify.hpp"

#include <algorithm>

#include "reconcile/plan.hpp"

namespace berth::reconcile {
namespace {

const Container* find(const std::vector<Container>& current, const ContainerId& id) {
    const auto at =
        std::find_if(current.begin(), current.end(), [&](const auto& c) { return c.spec.id == id; });
    return at == current.end() ? nullptr : &*at;
}

const Component* find(const DesiredState& desired, const std::string& name) {
    const auto at = std::find_if(desired.components.begin(), desired.components.end(),
                                 [&](const auto& c) { return c.spec.name == name; });
    return at == desired.components.end() ? nullptr : &*at;
}

// An instance that stays keeps what cannot change in place.
ContainerSpec in_place(const ContainerSpec& now, const ContainerSpec& wanted) {
    ContainerSpec spec = now;
    spec.resources = wanted.resources;
    spec.restart = wanted.restart;
    return spec;
}

// One that is missing comes back as it should be: taken back, an update leaves nothing down for good.
OldInstance old_of(const Container& now) {
    const bool missing = now.is_missing();
    return {now.spec, missing ? now.should_run() : now.is_up(), now.state.status == Status::Paused,
            now.manually_stopped, missing};
}

ActionState action_of(const Change& change, const DesiredState& desired,
                      const std::vector<Container>& current) {
    const Component* wanted = find(desired, change.name);
    const Container* now = find(current, change.current);
    ActionState action{};
    action.action = change.action;
    action.name = change.name;
    action.message = change.reason;
    action.start_first = change.order == UpdateOrder::StartFirst;
    if (wanted) {
        action.version = wanted->version;
        action.spec = wanted->spec;
    }
    if (now) {
        action.old = old_of(*now);
        if (change.action == Action::Check || change.action == Action::Update)
            action.spec = in_place(now->spec, action.spec);
    }
    for (const auto& id : change.duplicates)
        action.duplicates.push_back(old_of(*find(current, id)));
    return action;
}

}  // namespace

Identified identify(const DesiredState& desired, const std::vector<Container>& current,
                    const std::set<std::string>& pinned) {
    std::vector<ContainerSpec> wanted;
    std::set<std::string> start_first;
    Identified identified{};
    identified.notices = desired.warnings;
    for (const auto& component : desired.components) {
        wanted.push_back(component.spec);
        if (component.order == UpdateOrder::StartFirst) start_first.insert(component.spec.name);
        if (pinned.contains(component.spec.name))
            identified.notices.push_back("component " + component.spec.name +
                                         ": a system container, skipped");
    }
    for (const auto& change : plan(current, wanted, pinned, start_first))
        identified.actions.push_back(action_of(change, desired, current));
    return identified;
}

std::string place_of_image(const ActionState& action) {
    const bool made_up = action.spec.image == action.name + ":" + action.version;
    return "component " + action.name + ", key image" +
           (made_up ? " (<id>:<version>, as none was given)" : "");
}

std::string in_one(const std::vector<std::string>& parts) {
    std::string text;
    for (const auto& part : parts)
        if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
    return text;
}

}  // namespace berth::reconcile
