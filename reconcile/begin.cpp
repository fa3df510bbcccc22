// From what was identified to an operation that can be advanced.
#include <algorithm>
#include <map>

#include "reconcile/identify.hpp"
#include "reconcile/moves.hpp"

namespace berth::reconcile {
namespace {

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

}  // namespace

Advance begin(const DesiredState& desired, const std::vector<Container>& current, const Identification& how) {
    auto [actions, notices] = identify(desired, current, how.pinned);
    for (auto& action : actions) {
        if (action.action != Action::Create && action.action != Action::Recreate) continue;
        const auto at = how.staged.find(action.name);
        action.staged = at != how.staged.end();
        action.spec.id = action.staged ? at->second : how.new_id();
    }

    OperationState state{};
    state.number = how.number;
    state.activity_id = desired.activity_id;
    state.timestamp = desired.timestamp;
    state.digest = desired.digest;
    state.drives_itself = how.drive == Drive::Itself;
    state.parallel = std::max(1U, how.parallel);
    state.actions = std::move(actions);
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
