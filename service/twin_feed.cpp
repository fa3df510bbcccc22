#include "service/twin_feed.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "service/clock.hpp"

namespace berth::service {
namespace {

constexpr std::chrono::milliseconds kPidPatience{2000};

bool same_run(const Container& a, const Container* b) {
    return b != nullptr && b->state.status == a.state.status && b->state.started_at == a.state.started_at;
}

bool lacks_pid(const Container& container) {
    return container.state.status == Status::Running && container.state.pid <= 0;
}

}  // namespace

TwinFeed::TwinFeed(Loop& loop, const World& world, Listener listener)
    : loop_(loop), world_(world), listener_(std::move(listener)) {}

TwinFeed::~TwinFeed() {
    end();
}

std::vector<Container> TwinFeed::begin() {
    end();
    live_ = true;
    shown_ = world_.all();
    return shown();
}

void TwinFeed::end() {
    live_ = false;
    for (const auto& [id, held] : std::exchange(held_, {}))
        loop_.cancel(held.timer);
    shown_.clear();
}

std::vector<Container> TwinFeed::shown() const {
    std::vector<Container> all;
    for (const auto& [id, container] : shown_)
        if (reconcile::is_shown(container)) all.push_back(container);
    std::sort(all.begin(), all.end(), [](const Container& a, const Container& b) {
        return std::tie(a.state.created, a.spec.id) < std::tie(b.state.created, b.spec.id);
    });
    return all;
}

void TwinFeed::look() {
    if (!live_) return;
    std::vector<ContainerId> gone;
    for (const auto& [id, container] : shown_)
        if (world_.find(id) == nullptr) gone.push_back(id);
    for (const auto& id : gone)
        look_at(id, nullptr);
    for (const auto& [id, container] : world_.all())
        look_at(id, &container);
    if (std::exchange(set_changed_, false)) listener_.set_changed();
}

void TwinFeed::look_at(const ContainerId& id, const Container* now) {
    const auto shown = shown_.find(id);
    if (shown != shown_.end() && now != nullptr && shown->second == *now) return;
    if (const auto held = held_.find(id); held != held_.end()) {
        if (same_run(held->second.container, now) && lacks_pid(*now)) return;
        if (!same_run(held->second.container, now)) return release(id), look_at(id, now);
        loop_.cancel(held->second.timer);
        held_.erase(held);
        return tell(id, now);
    }
    const bool just_started = now != nullptr && lacks_pid(*now) && shown != shown_.end() &&
                              shown->second.state.started_at != now->state.started_at;
    if (!just_started) return tell(id, now);
    held_[id] = {*now, loop_.post_after(kPidPatience, [this, id] {
                     release(id);
                     look();
                 })};
}

void TwinFeed::release(const ContainerId& id) {
    const auto held = held_.find(id);
    if (held == held_.end()) return;
    loop_.cancel(held->second.timer);
    const Container container = std::move(held->second.container);
    held_.erase(held);
    tell(id, &container);
}

void TwinFeed::tell(const ContainerId& id, const Container* now) {
    const auto at = shown_.find(id);
    const auto told = reconcile::showings(at == shown_.end() ? nullptr : &at->second, now, now_rfc3339());
    if (now == nullptr) {
        if (at != shown_.end()) shown_.erase(at);
    } else {
        shown_.insert_or_assign(id, *now);
    }
    for (const auto& showing : told) {
        set_changed_ |= showing.what == reconcile::Shown::Whole || showing.what == reconcile::Shown::Removed;
        listener_.show(showing);
    }
}

}  // namespace berth::service
