#include "service/world.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "service/clock.hpp"
#include "service/store.hpp"

namespace berth::service {
namespace {

constexpr std::chrono::seconds kListDeadline{30};
constexpr std::chrono::seconds kEngineShutdown{20};  // Docker gives its containers 15 s

runtime::Call call_with(std::stop_token stop) {
    runtime::Call call{};
    call.stop = std::move(stop);
    call.deadline = std::chrono::steady_clock::now() + kListDeadline;
    return call;
}

bool same_phase(const ContainerState& a, const ContainerState& b) {
    const auto down = [](Status s) { return s == Status::Stopped || s == Status::Exited; };
    return a.status == b.status || (down(a.status) && down(b.status));
}

}  // namespace

World::World(Loop& loop, Workers& workers, runtime::Runtime& runtime, std::string home_dir)
    : loop_(loop), workers_(workers), runtime_(runtime), home_dir_(std::move(home_dir)) {}

std::vector<Container> World::containers() const {
    std::vector<Container> all;
    all.reserve(containers_.size());
    for (const auto& [id, container] : containers_)
        all.push_back(container);
    return all;
}

const Container* World::find(const ContainerId& id) const {
    const auto at = containers_.find(id);
    return at == containers_.end() ? nullptr : &at->second;
}

void World::refresh(Then then) {
    refreshing_.push_back(std::move(then));
    if (listing_) return;
    listing_ = true;
    std::set<EngineId> known;
    for (const auto& [id, container] : containers_)
        known.insert(container.engine_id);
    workers_.submit(
        Lane::Quick, {}, [this, known, with_records = !records_read_](std::stop_token stop) -> Task {
            auto listing = read(std::move(stop), known, with_records);
            return [this, listing = std::move(listing)]() mutable { on_listed(std::move(listing)); };
        });
}

// On a worker. Only what the picture does not know yet is inspected, so a quiet world costs one call.
Result<World::Listing> World::read(std::stop_token stop, const std::set<EngineId>& known,
                                   bool with_records) const {
    Listing listing{};
    auto listed = runtime_.list(call_with(stop));
    if (!listed) return listed.error();
    listing.containers = std::move(*listed);
    for (auto& container : listing.containers) {
        if (known.contains(container.engine_id)) continue;
        auto whole = runtime_.inspect(container.engine_id, call_with(stop));
        if (!whole && whole.error().code == Errc::NotFound) continue;  // gone since the list
        if (!whole) return whole.error();
        container = std::move(*whole);
        listing.inspected.insert(container.engine_id);
    }
    if (!with_records) return listing;
    auto loaded = store::load(home_dir_);
    if (!loaded) return loaded.error();
    for (const auto& problem : loaded->problems)
        spdlog::warn("store: {}; the engine's label is used instead", problem);
    listing.records = std::move(loaded->records);
    return listing;
}

void World::on_listed(Result<Listing> listing) {
    listing_ = false;
    Result<> result{};
    if (listing) {
        merge(std::move(*listing));
    } else {
        result = fail(listing.error(), "list the engine's containers");
        trouble_ = result.error().message;
    }
    auto held = std::move(held_);
    held_.clear();
    for (const auto& event : held)
        apply(event);
    const bool first = listing && !ready_;
    if (first) ready_ = true;
    auto waiting = std::move(refreshing_);
    refreshing_.clear();
    if (first) notify(became_ready_);
    for (const auto& then : waiting)
        if (then) then(result);
    if (listing) notify(changed_);
}

void World::merge(Listing listing) {
    for (auto& record : listing.records) {
        record.engine_id.clear();
        containers_.try_emplace(record.spec.id, std::move(record));
    }
    const bool first = !std::exchange(records_read_, true);
    std::set<ContainerId> there;
    for (auto& container : listing.containers) {
        if (!store::is_safe_id(container.spec.id)) {
            spdlog::warn("container '{}' bears Berth's labels but no readable document: left alone",
                         container.engine_name);
            continue;
        }
        there.insert(container.spec.id);
        const bool complete = listing.inspected.contains(container.engine_id);
        merge_one(std::move(container), complete);
    }
    for (auto at = containers_.begin(); at != containers_.end();) {
        const auto& [id, container] = *at++;
        if (there.contains(id) || (!first && container.state.status == Status::Creating)) continue;
        if (first) {
            missing_.push_back(container);
            continue;
        }
        spdlog::warn("container {} ({}) is not in the engine any more", container.spec.name, id);
        forget(ContainerId(id));
    }
}

// What was asked for is the store's to say, what is there is the engine's.
void World::merge_one(Container listed, bool complete) {
    const ContainerId id = listed.spec.id;
    const auto at = containers_.find(id);
    if (at == containers_.end()) {
        listed.started_before |= !listed.state.started_at.empty();
        if (!listed.replaces.empty() && !listed.started_before) listed.role = Role::Staged;
        const auto& added = containers_.emplace(id, std::move(listed)).first->second;
        spdlog::info("container {} ({}) was taken back from its label", added.spec.name, id);
        return save(added, {});
    }
    Container& known = at->second;
    if (complete || known.engine_id != listed.engine_id || !same_phase(known.state, listed.state)) {
        if (known.runs() && !listed.runs()) gone_down_.insert(id);
        const auto created = known.state.created;
        known.state = listed.state;
        if (!created.empty()) known.state.created = created;
        if (known.state.status == Status::Exited && known.manually_stopped)
            known.state.status = Status::Stopped;
    }
    known.engine_id = listed.engine_id;
    known.engine_name = listed.engine_name;
}

void World::keep(Container container, Then then) {
    if (const auto at = containers_.find(container.spec.id); at != containers_.end()) {
        container.state = at->second.state;
        container.manually_stopped = at->second.manually_stopped;
        container.started_before |= at->second.started_before;
    }
    containers_.insert_or_assign(container.spec.id, container);
    save(container, std::move(then));
    notify(changed_);
}

void World::on_created(const ContainerId& id, const EngineId& engine_id) {
    const auto at = containers_.find(id);
    if (at == containers_.end()) return;
    Container& container = at->second;
    container.engine_id = engine_id;
    if (container.state.status == Status::Creating) container.state.status = Status::Created;
    if (container.state.created.empty()) container.state.created = now_rfc3339();
    save(container, {});
}

// One writer, and the key keeps the order: the newest picture is what stays on disk.
void World::save(const Container& container, Then then) {
    workers_.submit(Lane::Quick, container.spec.id,
                    [this, container, then = std::move(then)](std::stop_token) -> Task {
                        auto saved = store::save(home_dir_, container);
                        return [saved, then, name = container.spec.name] {
                            if (!saved)
                                spdlog::error("record of container {}: {}", name, saved.error().message);
                            if (then) then(saved);
                        };
                    });
}

// The key keeps the order: whatever is still to be written of it comes before.
void World::forget(const ContainerId& id, Then then) {
    const ContainerId gone = id;
    const bool known = containers_.erase(gone) > 0;
    asked_to_stop_.erase(gone);
    our_stops_.erase(gone);
    foreign_stops_.erase(gone);
    if (!known && !then) return;
    workers_.submit(Lane::Quick, gone, [this, gone, then = std::move(then)](std::stop_token) -> Task {
        auto erased = store::erase(home_dir_, gone);
        return [erased, then] {
            if (!erased) spdlog::error("{}", erased.error().message);
            if (then) then(erased);
        };
    });
    if (known) notify(changed_);
}

void World::expect_stop(const ContainerId& id) {
    our_stops_.insert(id);
}

// An engine that is shut down stops its containers first, with the same events as a person's stop. What was
// stopped just before it went away went down with it: nobody asked for that.
void World::on_lost(const Error& error) {
    ready_ = false;
    trouble_ = error.message;
    const auto now = std::chrono::steady_clock::now();
    for (const auto& [id, stopped] : std::exchange(foreign_stops_, {})) {
        const auto at = containers_.find(id);
        if (at == containers_.end() || now - stopped > kEngineShutdown) continue;
        at->second.manually_stopped = false;
        save(at->second, {});
        gone_down_.insert(id);
    }
}

void World::notify(const std::vector<std::function<void()>>& listeners) const {
    for (const auto& listener : listeners)
        listener();
}

}  // namespace berth::service
