#include "service/world.hpp"

#include <algorithm>
#include <utility>

#include "service/clock.hpp"
#include "service/log.hpp"
#include "service/store.hpp"

namespace berth::service {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kEngineShutdown{20};  // Docker gives its containers 15 s
constexpr std::chrono::seconds kFirstWord{
    10};  // an engine that says nothing for so long has failed to answer
constexpr std::chrono::milliseconds kFirstRetry{500};
constexpr std::chrono::milliseconds kLongestRetry{30'000};
constexpr std::chrono::milliseconds kEventsLag{300};

}  // namespace

World::World(Loop& loop, Workers& workers, runtime::Runtime& runtime, std::string home_dir,
             std::chrono::milliseconds first_look)
    : loop_(loop),
      workers_(workers),
      runtime_(runtime),
      home_dir_(std::move(home_dir)),
      first_look_(first_look),
      save_pause_(kFirstRetry),
      retry_pause_(kFirstRetry) {
    store::clear_unfinished(home_dir_);
    loop_.post_after(kFirstWord, [this] { set_tried(); });
}

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

Error World::not_ready() const {
    return fail(Errc::Unavailable, "the engine does not answer: " + trouble_);
}

void World::refresh(Then then) {
    (listing_ ? asked_since_ : refreshing_).push_back(std::move(then));
    if (!listing_) start_list();
}

void World::start_list() {
    listing_ = true;
    Wanted wanted{};
    for (const auto& [id, container] : containers_) {
        wanted.in_picture.insert(id);
        if (!container.engine_id.empty()) wanted.known.insert(container.engine_id);
    }
    // Without the stream nobody tells what happens after the list.
    if (connected_ && losses_ == losses_seen_) wanted.followed = wanted.known;
    for (const auto& id : asked_to_stop_)
        if (const Container* ending = find(id); ending != nullptr && ending->runs())
            wanted.ending.insert(ending->engine_id);
    wanted.losses = connected_ ? losses_ : losses_seen_;
    wanted.records = !records_read_;
    workers_.submit(Lane::Quick, {}, [this, wanted = std::move(wanted)](std::stop_token stop) -> Task {
        auto listing = read(std::move(stop), wanted);
        return
            [this, listing = std::move(listing)]() mutable { on_listed(std::move(listing), Lag::Unknown); };
    });
}

void World::on_listed(Result<Listing> listing, Lag lag) {
    // One that began before the subscription may miss what happened in between.
    if (std::exchange(list_again_, false) && listing) return start_list();
    // Who asked for the list counts on it. The events tell more, if they are not too late.
    auto ahead = listing ? ahead_in(*listing) : std::set<EngineId>();
    if (lag == Lag::Unknown && !ahead.empty()) {
        loop_.post_after(kEventsLag, [this, listing = std::move(listing)]() mutable {
            on_listed(std::move(listing), Lag::Over);
        });
        return;
    }
    listing_ = false;
    for (const auto& event : std::exchange(held_, {})) {
        if (!ahead.contains(event.engine_id))
            held_.push_back(event);
        else
            apply(event);  // all of them from before
    }
    Result<> result{};
    if (listing) {
        listing->ahead = std::move(ahead);
        merge(std::move(*listing));
        retry_pause_ = kFirstRetry;
    } else {
        result = fail(listing.error(), "list the engine's containers");
        trouble_ = result.error().message;
        ready_ = false;
        if (connected_) retry_list();
    }
    for (const auto& event : std::exchange(held_, {}))
        apply(event);
    const bool first = listing && !ready_ && connected_;
    if (first) {
        ready_ = true;
        log::info("the engine has {} containers of this namespace", containers_.size());
    }
    const auto waiting = std::exchange(refreshing_, std::exchange(asked_since_, {}));
    if (first) notify(became_ready_);
    for (const auto& then : waiting)
        if (then) then(result);
    if (listing) notify(changed_);
    set_tried();
    if (!refreshing_.empty() && !listing_) start_list();
}

void World::set_tried() {
    if (!std::exchange(tried_, true)) notify(was_tried_);
}

// The event stream stands, so nobody else will ask again.
void World::retry_list() {
    log::warn("engine: {}; trying again in {} ms", trouble_, retry_pause_.count());
    loop_.cancel(retry_);
    retry_ = loop_.post_after(retry_pause_, [this] {
        if (connected_ && !ready_) refresh({});
    });
    retry_pause_ = std::min(retry_pause_ * 2, kLongestRetry);
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
    begin(at->second, engine_id, now_rfc3339());
    save(at->second, {});
    notify(changed_);
}

// One writer, and the key keeps the order: the newest picture is what stays on disk. What went down with the
// engine is recorded as running: a Berth that starts before it is recovered has nothing else to go by.
void World::save(const Container& container, Then then) {
    Container record = container;
    if (gone_down_.contains(record.spec.id)) record.state.status = Status::Running;
    workers_.submit(
        Lane::Quick, container.spec.id,
        [this, record = std::move(record), then = std::move(then)](const std::stop_token&) -> Task {
            auto saved = store::save(home_dir_, record);
            return [this, saved, then, id = record.spec.id, name = record.spec.name] {
                on_recorded(id, name, saved);
                if (then) then(saved);
            };
        });
}

void World::erase(const ContainerId& id, const std::string& name, Then then) {
    workers_.submit(Lane::Quick, id,
                    [this, id, name, then = std::move(then)](const std::stop_token&) -> Task {
                        auto erased = store::erase(home_dir_, id);
                        return [this, id, name, erased, then] {
                            on_recorded(id, name, erased);
                            if (then) then(erased);
                        };
                    });
}

// A folder that is full now has room later. Until then only the picture is right, and a Berth that starts
// would believe the record: of what was removed, too, and make it again.
void World::on_recorded(const ContainerId& id, const std::string& name, const Result<>& done) {
    if (done) {
        unsaved_.erase(id);
        if (unsaved_.empty()) save_pause_ = kFirstRetry;
        return;
    }
    if (unsaved_.insert(id).second) log::error("record of container {}: {}", name, done.error().message);
    if (save_again_ == 0) save_later();
}

void World::save_later() {
    save_again_ = loop_.post_after(save_pause_, [this] {
        save_again_ = 0;
        save_pause_ = std::min(save_pause_ * 2, kLongestRetry);
        for (const auto& id : unsaved_) {
            const auto at = containers_.find(id);
            at == containers_.end() ? erase(id, id, {}) : save(at->second, {});
        }
    });
}

// The key keeps the order: whatever is still to be written of it comes before.
void World::forget(const ContainerId& id, Then then) {
    const auto known = containers_.extract(id);  // whose id this may be
    for (auto* marks : {&asked_to_stop_, &gone_down_})
        marks->erase(id);
    our_stops_.erase(id);
    foreign_stops_.erase(id);
    if (!known && !then) return;
    erase(id, known ? known.mapped().spec.name : id, std::move(then));
    if (known) notify(changed_);
}

void World::expect_stop(const ContainerId& id, bool is_asked) {
    our_stops_[id] = is_asked;
}

void World::down_again(const ContainerId& id, bool is_asked) {
    const auto at = containers_.find(id);
    if (at == containers_.end() || at->second.runs()) return;
    put_down(at->second, is_asked);
}

void World::put_down(Container& container, bool is_asked) {
    container.state.status = is_asked ? Status::Stopped : Status::Exited;
    container.state.restarting = false;
    container.manually_stopped = is_asked;
    save(container, {});
    notify(changed_);
}

// One that waited to be started again had no process: no end tells that it will not be.
void World::stopped(const ContainerId& id) {
    const auto at = containers_.find(id);
    if (at == containers_.end()) return;
    Container& container = at->second;
    if (container.state.status != Status::Exited || !container.state.restarting) {
        // If nobody has heard of its end the record has it run.
        if (!container.runs() && our_stops_.erase(id) > 0) save(container, {});
        return;
    }
    if (our_stops_.erase(id) == 0) foreign_stops_[id] = steady_clock::now();
    put_down(container, true);
}

void World::stop_failed(const ContainerId& id) {
    our_stops_.erase(id);
    asked_to_stop_.erase(id);
}

// The engine tells of no event.
void World::start_failed(const ContainerId& id, const std::string& why) {
    const auto at = containers_.find(id);
    if (at == containers_.end() || at->second.runs()) return;
    at->second.state.status = Status::Stopped;
    at->second.state.restarting = false;
    at->second.state.error = why;
    save(at->second, {});
    notify(changed_);
}

void World::on_connected() {
    connected_ = true;
    if (listing_)
        list_again_ = true;
    else
        refresh({});
}

void World::on_lost(const Error& error) {
    // What it has told is of before: later it would stand against the next list.
    for (const auto& event : std::exchange(held_, {}))
        apply(event);
    for (const auto& [id, timer] : std::exchange(looks_, {}))
        loop_.cancel(timer);
    connected_ = ready_ = false;
    ++losses_;
    trouble_ = error.message;
    undo_shutdown_stops();
    set_tried();
}

// An engine that is shut down stops its containers first, with the same events as a person's stop. What was
// stopped in one go just before it went away went down with it: nobody asked for that.
void World::undo_shutdown_stops() {
    std::vector<std::pair<steady_clock::time_point, ContainerId>> stops;
    for (const auto& [id, when] : std::exchange(foreign_stops_, {}))
        stops.emplace_back(when, id);
    std::sort(stops.rbegin(), stops.rend());
    auto later = steady_clock::now();
    for (const auto& [when, id] : stops) {
        if (later - when > kEngineShutdown) return;
        later = when;
        const auto at = containers_.find(id);
        if (at == containers_.end()) continue;
        at->second.manually_stopped = false;
        gone_down_.insert(id);
        save(at->second, {});
    }
}

void World::notify(const std::vector<std::function<void()>>& listeners) const {
    for (const auto& listener : listeners)
        listener();
}

}  // namespace berth::service
