#include "reconcile/showing.hpp"

#include <utility>

namespace berth::reconcile {
namespace {

Container in_state(const Container& container, Status status) {
    Container changed = container;
    changed.state.status = status;
    changed.state.pid = -1;
    return changed;
}

std::vector<Showing> appearance(const Container* before, const Container& after) {
    std::vector<Showing> all;
    const bool being_made = before != nullptr && before->state.status == Status::Creating;
    if (!being_made && after.state.status != Status::Created) return {{Shown::Whole, after}};
    // Made under our eyes: whoever waits for the first state waits for it alone, after the whole.
    Container created = in_state(after, Status::Created);
    created.state = ContainerState{};
    created.state.status = Status::Created;
    created.state.created = after.state.created;
    all.push_back({Shown::Whole, created});
    all.push_back({Shown::State, created});
    if (after.state.status != Status::Created) all.push_back({Shown::State, after});
    return all;
}

std::vector<Showing> removal(const Container& before, const std::string& now) {
    std::vector<Showing> all;
    Container last = before;
    if (before.runs()) {
        last = in_state(before, Status::Stopped);
        last.state.finished_at = now;
        all.push_back({Shown::State, last});
    }
    last = in_state(last, Status::Dead);
    all.push_back({Shown::State, last});
    all.push_back({Shown::Removed, last});
    return all;
}

// The process id is mostly known with the start, else it is told when it is; the engine's notes on memory and
// restarts come with an end, or late.
bool is_transition(const Container& before, const Container& after) {
    const auto& from = before.state;
    const auto& to = after.state;
    if (from.status != to.status) return true;
    if (after.runs()) return from.started_at != to.started_at || (from.pid <= 0 && to.pid > 0);
    return from.finished_at != to.finished_at || from.exit_code != to.exit_code || from.error != to.error ||
           from.oom_killed != to.oom_killed;
}

}  // namespace

bool is_shown(const Container& container) {
    return !container.spec.name.empty() && container.state.status != Status::Creating;
}

std::vector<Showing> showings(const Container* before, const Container* after, const std::string& now) {
    const bool was = before != nullptr && is_shown(*before);
    const bool is = after != nullptr && is_shown(*after);
    if (!was && !is) return {};
    if (!was) return appearance(before, *after);
    if (!is) return removal(*before, now);
    std::vector<Showing> all;
    if (before->spec.name != after->spec.name) all.push_back({Shown::Name, *after});
    ContainerSpec renamed = before->spec;
    renamed.name = after->spec.name;
    if (renamed != after->spec) all.push_back({Shown::Configuration, *after});
    if (is_transition(*before, *after)) all.push_back({Shown::State, *after});
    return all;
}

}  // namespace berth::reconcile
