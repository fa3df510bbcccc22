// Identification: from a desired state and the world as listed to an operation that can be advanced.
#include <algorithm>
#include <map>

#include "reconcile/moves.hpp"

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

OldInstance old_of(const Container& now) {
    return {now.spec, now.runs(), now.state.status == Status::Paused};
}

ActionState action_of(const Change& change, const DesiredState& desired,
                      const std::vector<Container>& current, const Identification& how) {
    const Component* wanted = find(desired, change.name);
    const Container* now = find(current, change.current);
    ActionState action{};
    action.action = change.action;
    action.name = change.name;
    action.message = change.reason;
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
    if (change.action == Action::Create || change.action == Action::Recreate) action.spec.id = how.new_id();
    return action;
}

// Explicit baselines, one for each component that is in none, and the one of what is removed.
std::vector<ScopeState> scopes_of(const OperationState& state, const DesiredState& desired,
                                  const std::string& domain) {
    std::vector<ScopeState> scopes(1);
    std::map<std::string, std::size_t> at;
    for (std::size_t i = 0; i < state.actions.size(); ++i) {
        scopes[0].actions.push_back(i);
        at[state.actions[i].name] = i;
    }
    std::set<std::size_t> named;
    for (const auto& baseline : desired.baselines) {
        ScopeState scope{};
        scope.baseline = baseline.title;
        for (const auto& name : baseline.components)
            if (const auto found = at.find(name); found != at.end()) scope.actions.push_back(found->second);
        std::sort(scope.actions.begin(), scope.actions.end());
        named.insert(scope.actions.begin(), scope.actions.end());
        scopes.push_back(std::move(scope));
    }
    ScopeState removals{};
    removals.baseline = domain + ":remove-components";
    for (std::size_t i = 0; i < state.actions.size(); ++i) {
        if (state.actions[i].action == Action::Destroy) {
            removals.actions.push_back(i);
        } else if (!named.contains(i)) {
            ScopeState own{};
            own.baseline = domain + ":" + state.actions[i].name;
            own.actions = {i};
            scopes.push_back(std::move(own));
        }
    }
    scopes.push_back(std::move(removals));
    return scopes;
}

std::string in_one(const std::vector<std::string>& parts) {
    std::string text;
    for (const auto& part : parts)
        if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
    return text;
}

}  // namespace

Advance begin(const DesiredState& desired, const std::vector<Container>& current, const Identification& how) {
    std::vector<ContainerSpec> wanted;
    std::vector<std::string> notices = desired.warnings;
    for (const auto& component : desired.components) {
        wanted.push_back(component.spec);
        if (how.pinned.contains(component.spec.name))
            notices.push_back("component " + component.spec.name + ": a system container, skipped");
    }

    OperationState state{};
    state.number = how.number;
    state.activity_id = desired.activity_id;
    state.timestamp = desired.timestamp;
    state.digest = desired.digest;
    state.drives_itself = how.drive == Drive::Itself;
    state.parallel = std::max(1U, how.parallel);
    for (const auto& change : plan(current, wanted, how.pinned))
        state.actions.push_back(action_of(change, desired, current, how));
    state.scopes = scopes_of(state, desired, how.domain);

    const bool idle = state.actions.empty();
    if (!idle) notices.push_back(how.notice);
    const bool goes = state.drives_itself;
    Moves moves(std::move(state));
    moves.announce(Word::Identified, in_one(notices));
    if (idle) {
        moves.end_without_phases();
    } else if (goes && how.grace) {
        moves.wait_for_grace();
    } else if (goes) {
        moves.start(Command::Download, 0, {});
    }
    Advance begun = std::move(moves).result();
    begun.keep = true;  // accepted means on disk
    return begun;
}

}  // namespace berth::reconcile
