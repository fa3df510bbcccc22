// What the engine's list makes of the picture.
#include <algorithm>
#include <chrono>
#include <utility>

#include "protocol/document.hpp"
#include "service/log.hpp"
#include "service/store.hpp"
#include "service/world.hpp"

namespace berth::service {
namespace {

// Whatever was missed, it has run all the time: times as the events told them differ from the engine's own in
// the last digits, and are no news.
bool same_process(const ContainerState& a, const ContainerState& b) {
    return a.status == b.status && a.pid > 0 && a.pid == b.pid;
}

bool both_down(const ContainerState& a, const ContainerState& b) {
    const auto down = [](Status s) { return s == Status::Stopped || s == Status::Exited; };
    return down(a.status) && down(b.status);
}

// It has not been started since the end that is known. The engine keeps a slightly earlier time of it than
// its event has, not whether somebody had asked for it, and perhaps not that memory ran out.
bool same_end(const ContainerState& known, const ContainerState& seen) {
    return both_down(known, seen) && known.exit_code == seen.exit_code &&
           (!known.error.empty() || seen.error.empty()) && seen.started_at <= known.finished_at;
}

bool same_phase(const ContainerState& a, const ContainerState& b) {
    return a.status == b.status || both_down(a, b);
}

bool leads_to(runtime::EngineEventKind kind, const Container& listed) {
    using Kind = runtime::EngineEventKind;
    switch (kind) {
        case Kind::Start:
        case Kind::Unpause: return listed.state.status == Status::Running;
        case Kind::Pause: return listed.state.status == Status::Paused;
        case Kind::Die: return !listed.runs();
        default: return false;
    }
}

// A label is as old as its instance: that somebody has renamed it since stood in the record, or nowhere.
void follow_rename(Container& listed) {
    ContainerSpec renamed = listed.spec;
    renamed.name = runtime::name_by_engine(listed.engine_name, listed.spec);
    if (renamed.name == listed.spec.name || !validate(renamed)) return;
    log::info("container {} ({}) was renamed to {}", listed.spec.name, listed.spec.id, renamed.name);
    listed.spec = std::move(renamed);
}

}  // namespace

// Of which it has seen an end or a start that no event has told yet.
std::set<EngineId> World::ahead_in(const Listing& listing) const {
    std::set<EngineId> ahead;
    for (const auto& listed : listing.containers) {
        const Container* known = find(listed.spec.id);
        const bool follows = known != nullptr && known->engine_id == listed.engine_id &&
                             listing.followed.contains(listed.engine_id);
        const bool differs =
            follows && (known->runs() || listed.runs()) && known->state.status != listed.state.status;
        const auto tells = [&listed](const runtime::EngineEvent& event) {
            return event.engine_id == listed.engine_id && leads_to(event.kind, listed);
        };
        if (differs && std::none_of(held_.begin(), held_.end(), tells)) ahead.insert(listed.engine_id);
    }
    return ahead;
}

void World::merge(Listing listing) {
    for (auto& record : listing.records) {
        record.engine_id.clear();
        containers_.try_emplace(record.spec.id, std::move(record));
    }
    records_read_ = true;
    losses_seen_ = listing.losses;
    std::set<ContainerId> there;
    for (auto& container : listing.containers) {
        if (!store::is_safe_id(container.spec.id)) {
            log::warn("container '{}' bears Berth's labels but no id: left alone", container.engine_name);
            continue;
        }
        there.insert(container.spec.id);
        merge_one(std::move(container), listing);
    }
    drop_vanished(there, listing.known);
    for (const auto& [id, container] : containers_)
        if (container.state.restarting && !looks_.contains(id)) look_later(id, first_look_);
}

// Only what was there when the list began can have vanished since. A record that never had an instance in
// this run stays, as exited: recovery makes it again.
void World::drop_vanished(const std::set<ContainerId>& there, const std::set<EngineId>& known) {
    std::vector<Container> vanished;
    for (auto& [id, container] : containers_) {
        if (there.contains(id)) continue;
        if (container.engine_id.empty() && container.runs()) container.state.status = Status::Exited;
        if (known.contains(container.engine_id)) vanished.push_back(container);
    }
    for (const auto& container : vanished) {
        log::warn("container {} ({}) is not in the engine any more", container.spec.name, container.spec.id);
        forget(container.spec.id);
    }
}

// What was asked for is the store's to say, what is there is the engine's. Of what the events have told all
// along they tell the state: the list knows less of it, and may be ahead or behind.
void World::merge_one(Container listed, const Listing& listing) {
    const ContainerId id = listed.spec.id;
    const auto at = containers_.find(id);
    if (at == containers_.end()) return take_back(std::move(listed));
    Container& known = at->second;
    const bool complete = listing.inspected.contains(listed.engine_id);
    const bool same_instance = known.engine_id == listed.engine_id;
    const bool ahead = listing.ahead.contains(listed.engine_id);
    const bool followed = same_instance && !ahead && listing.followed.contains(listed.engine_id);
    const bool same = same_instance && (complete ? same_process(known.state, listed.state) ||
                                                       same_end(known.state, listed.state)
                                                 : same_phase(known.state, listed.state));
    if (!followed) {
        const bool went_down = known.is_up() && !listed.is_up();
        known.state.restarting = listed.state.restarting;
        if (listed.runs()) gone_down_.erase(id);
        const bool ours = went_down && take_our_stop(known);
        // An engine that has gone meanwhile may have asked it for its own end.
        const bool asked = went_down && !ours && ahead && connected_ && asked_to_stop_.contains(id);
        if (asked) {
            known.manually_stopped = true;
            foreign_stops_[id] = std::chrono::steady_clock::now();
        }
        if (went_down && !ours && !asked) gone_down_.insert(id);
        if (!same) take_state(known, listed.state);
        if (ours) save(known, {});
    }
    known.engine_id = listed.engine_id;
    known.engine_name = listed.engine_name;
    if (complete) known.engine_policy = listed.engine_policy;
    const bool news = known.runs() && (known.manually_stopped || !known.started_before);
    known.started_before |= listed.started_before || known.runs();
    if (!news) return;
    known.manually_stopped = false;
    save(known, {});
}

// Of an end that nobody has told of: whether it was by a stop of ours, which is marked then.
bool World::take_our_stop(Container& ended) {
    const auto ours = our_stops_.find(ended.spec.id);
    if (ours == our_stops_.end()) return false;
    ended.manually_stopped = ours->second;
    our_stops_.erase(ours);
    return true;
}

void World::take_state(Container& known, const ContainerState& seen) {
    const auto before = std::exchange(known.state, seen);
    if (!before.created.empty()) known.state.created = before.created;
    if (seen.started_at.empty()) known.state.started_at = before.started_at;  // a list does not have it
    if (known.state.status == Status::Exited && known.manually_stopped) known.state.status = Status::Stopped;
}

void World::take_back(Container listed) {
    if (listed.spec.name.empty()) {
        log::warn("container '{}' bears Berth's labels but no readable document: left alone",
                  listed.engine_name);
        return;
    }
    listed.started_before |= !listed.state.started_at.empty();
    follow_rename(listed);
    if (!listed.replaces.empty() && !listed.started_before) listed.role = Role::Staged;
    // Replaced, or of an update that was taken back: recovery looks whether there is another one.
    if (listed.started_before && runtime::is_old_name(listed.engine_name, listed.spec))
        listed.role = Role::Old;
    const auto& added = containers_.emplace(listed.spec.id, std::move(listed)).first->second;
    log::info("container {} ({}) was taken back from its label", added.spec.name, added.spec.id);
    save(added, {});
}

}  // namespace berth::service
