// How the engine's events change the picture.
#include <algorithm>
#include <set>
#include <utility>

#include "service/log.hpp"
#include "service/world.hpp"

namespace berth::service {
namespace {

using runtime::EngineEvent;
using runtime::EngineEventKind;

constexpr std::chrono::seconds kInspectDeadline{10};
constexpr std::chrono::milliseconds kFirstPidPause{1000};
constexpr std::chrono::milliseconds kLongestPidPause{30'000};
constexpr const char* kOutOfMemory = "OOM Killed";

// Signals that programs use for other things than ending.
bool asks_to_stop(const std::string& signal) {
    static const std::set<std::string> kOther = {"1",      "10",      "12",      "17",      "28",
                                                 "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGWINCH"};
    return !kOther.contains(signal);
}

bool engine_restarts(const Container& container, std::int64_t exit_code) {
    const auto& policy = container.spec.restart;
    if (policy.type == "no") return false;
    if (policy.type != "on-failure") return true;
    const bool tries_left =
        policy.maximum_retry_count == 0 || container.state.restart_count < policy.maximum_retry_count;
    return exit_code != 0 && tries_left;
}

}  // namespace

void World::on_event(const EngineEvent& event) {
    if (listing_) {
        held_.push_back(event);
        return;
    }
    apply(event);
}

void World::apply(const EngineEvent& event) {
    const auto at = containers_.find(event.id);
    if (at == containers_.end()) return;
    Container& container = at->second;
    if (!container.engine_id.empty() && event.engine_id != container.engine_id) return;
    auto& state = container.state;
    switch (event.kind) {
        case EngineEventKind::Create: begin(container, event.engine_id, event.time); break;
        case EngineEventKind::Start: on_started(container, event); break;
        case EngineEventKind::Kill:
            if (asks_to_stop(event.signal)) asked_to_stop_.insert(event.id);
            return;
        case EngineEventKind::Die: on_died(container, event); break;
        case EngineEventKind::Oom: on_out_of_memory(container); break;
        case EngineEventKind::Pause: state.status = Status::Paused; break;
        case EngineEventKind::Unpause: state.status = Status::Running; break;
        case EngineEventKind::Rename: container.engine_name = event.name; break;
        case EngineEventKind::Stop: return stopped(event.id);
        case EngineEventKind::Update: return;
        // One that is being made again has no instance yet: this is about the former one.
        case EngineEventKind::Destroy:
            if (event.engine_id == container.engine_id) forget(event.id);
            return;
    }
    notify(changed_);
}

// The engine's event and its answer both tell of an instance, and either may be first: somebody can have
// started, paused and stopped it before the answer is here. Only the first of them makes it Created, also one
// that is made again and was something else before.
void World::begin(Container& container, const EngineId& engine_id, const std::string& when) {
    auto& state = container.state;
    const bool is_news = container.engine_id != engine_id;
    container.engine_id = engine_id;
    // One that was there already, of a create that is repeated, may run.
    if (is_news && !container.runs()) state.status = Status::Created;
    if (state.created.empty()) state.created = when;
}

void World::on_started(Container& container, const EngineEvent& event) {
    auto& state = container.state;
    const bool by_engine = state.restarting;
    const auto restarts = by_engine ? state.restart_count + 1 : 0;
    const auto before = state;
    state = ContainerState{};
    state.created = before.created;
    state.finished_at = before.finished_at;
    state.status = Status::Running;
    state.started_at = event.time;
    state.restart_count = restarts;
    asked_to_stop_.erase(container.spec.id);
    our_stops_.erase(container.spec.id);
    foreign_stops_.erase(container.spec.id);
    gone_down_.erase(container.spec.id);
    container.manually_stopped = false;
    container.started_before = true;
    // Not what the engine restarts, which wears the flash; a staged one is kept as it changes its role.
    if (!by_engine && container.role != Role::Staged) save(container, {});
    if (learns_pids_) learn_pid(container, kFirstPidPause);
}

// No event tells it: an engine that did not answer is asked again, for as long as that process may run.
void World::learn_pid(const Container& started, std::chrono::milliseconds pause) {
    inspect(
        started, [this](const Container& known, const Container& seen) { on_inspected(known, seen); },
        [this, started, pause] {
            loop_.post_after(pause, [this, started, pause] {
                const Container* now = find(started.spec.id);
                const bool is_unknown = now != nullptr && now->engine_id == started.engine_id &&
                                        now->runs() && now->state.pid <= 0 &&
                                        now->state.started_at == started.state.started_at;
                if (is_unknown) learn_pid(started, std::min(pause * 2, kLongestPidPause));
            });
        });
}

void World::inspect(const Container& known,
                    std::function<void(const Container& known, const Container& seen)> then,
                    std::function<void()> failed) {
    workers_.submit(
        Lane::Quick, {},
        [this, known, then = std::move(then), failed = std::move(failed)](std::stop_token stop) -> Task {
            runtime::Call call{};
            call.stop = std::move(stop);
            call.deadline = std::chrono::steady_clock::now() + kInspectDeadline;
            auto seen = runtime_.inspect(known.engine_id, call);
            if (!seen && seen.error().code == Errc::NotFound) return {};  // the next event tells
            if (!seen) return failed;
            return [known, then, seen = std::move(*seen)] { then(known, seen); };
        });
}

void World::on_inspected(const Container& started, const Container& seen) {
    const auto at = containers_.find(started.spec.id);
    if (at == containers_.end() || at->second.engine_id != started.engine_id) return;
    auto& state = at->second.state;
    if (!at->second.runs() || !seen.runs() || state.started_at != started.state.started_at) return;
    state.pid = seen.state.pid;
    notify(changed_);
}

void World::on_died(Container& container, const EngineEvent& event) {
    auto& state = container.state;
    gone_down_.erase(container.spec.id);
    // Any signal may have been asked for, also one that programs use for other things.
    const auto ours = our_stops_.find(container.spec.id);
    const bool is_ours = ours != our_stops_.end();
    const bool is_signalled = asked_to_stop_.erase(container.spec.id) > 0;
    const bool asked = is_ours ? ours->second : is_signalled;
    state.status = asked ? Status::Stopped : Status::Exited;
    state.exit_code = event.exit_code;
    state.finished_at = event.time;
    state.pid = -1;
    if (state.oom_killed && state.error.empty()) state.error = kOutOfMemory;
    state.restarting = !asked && !is_ours && engine_restarts(container, event.exit_code);
    log::info("container {} {} with exit code {}", container.spec.name, asked ? "stopped" : "exited",
              event.exit_code);
    if (asked) container.manually_stopped = true;
    if (is_ours)
        our_stops_.erase(ours);
    else if (asked)
        foreign_stops_[container.spec.id] = std::chrono::steady_clock::now();
    // One that the engine restarts is not written down: it would wear the flash for as long as it crashes.
    // Whoever waits for the news does not wait for what is written, which takes the processor.
    if (state.restarting)
        look_later(container.spec.id, first_look_);
    else
        loop_.post([this, id = container.spec.id] {
            if (const Container* ended = find(id)) save(*ended, {});
        });
}

// Of what runs it is kept for the end, which follows; it may also come after that.
void World::on_out_of_memory(Container& container) {
    auto& state = container.state;
    state.oom_killed = true;
    if (container.runs()) return;
    if (state.error.empty()) state.error = kOutOfMemory;
    if (!state.restarting) save(container, {});
}

// No event tells that the engine could not restart it, or was told not to. It is asked after ever longer
// pauses, as the engine's own grow; a start that is told ends it.
void World::look_later(const ContainerId& id, std::chrono::milliseconds pause) {
    auto& timer = looks_[id];
    loop_.cancel(timer);
    timer = loop_.post_after(pause, [this, id, pause] {
        looks_.erase(id);
        const Container* known = find(id);
        if (known == nullptr || known->engine_id.empty() || !known->state.restarting) return;
        look_later(id, pause * 2);
        inspect(*known, [this](const Container& waiting, const Container& seen) { on_looked(waiting, seen); },
                {});
    });
}

void World::on_looked(const Container& waiting, const Container& seen) {
    const auto at = containers_.find(waiting.spec.id);
    // Or may be: events wait while a list is under way. It is asked again.
    const bool is_old = listing_ || at == containers_.end() || at->second.engine_id != waiting.engine_id ||
                        at->second.state != waiting.state;
    // What has been started or removed is told by its event.
    const bool is_down = seen.state.status == Status::Exited || seen.state.status == Status::Stopped;
    if (is_old || !is_down || seen.state.restarting) return;
    Container& container = at->second;
    container.state.restarting = false;
    if (seen.state.status == Status::Stopped) take_state(container, seen.state);  // with the engine's text
    const auto& error = container.state.error;
    log::info("container {} is not restarted by the engine any more: {}", container.spec.name,
              error.empty() ? "it was told not to" : error);
    save(container, {});
    notify(changed_);
}

}  // namespace berth::service
