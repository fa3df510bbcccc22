// Verbs on a container that is there: how each is carried out, and those of its life. What changes it is
// verbs_change.cpp, what makes one verbs_create.cpp.
#include "service/verbs.hpp"

#include <thread>
#include <utility>

#include "service/log.hpp"

namespace berth::service {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds kPauseWhileBusy{50};
constexpr milliseconds kStopIsTold{1s};
constexpr milliseconds kBusyPatience{10s};  // around the end of a process the engine may hold it for a moment

Error refuse(const Container& container, const std::string& why) {
    return fail(Errc::Conflict, "container " + container.spec.name + " " + why);
}

// The engine's own word, at the moment it counts.
Result<Container> look(runtime::Runtime& runtime, const EngineId& id, const Container& known,
                       const runtime::Call& call) {
    auto seen = runtime.inspect(id, call);
    if (!seen) return fail(seen.error(), "container " + known.spec.name);
    seen->spec.name = known.spec.name;
    return seen;
}

runtime::UpdateOptions policy_only(const RestartPolicy& policy) {
    runtime::UpdateOptions options{};
    options.restart = policy;
    return options;
}

}  // namespace

Verbs::Verbs(Loop& loop, Workers& workers, runtime::Runtime& runtime, World& world, Steps& steps,
             MayChange may_change, VerbsConfig config)
    : loop_(loop),
      workers_(workers),
      runtime_(runtime),
      world_(world),
      steps_(steps),
      may_change_(std::move(may_change)),
      config_(config) {
    world_.when_changed([this] { start_survivors(); });
    steps_.when_stop_failed([this](const ContainerId& id) { on_stop_failed(id); });
}

const Container* Verbs::take(const ContainerId& id, const Done& done) const {
    const Container* container = world_.find(id);
    if (container == nullptr) {
        done(fail(Errc::NotFound, "container with ID = " + id + " does not exist"));
        return nullptr;
    }
    if (const auto allowed = may_change_(id); !allowed) {
        done(refuse(*container, allowed.error().message));
        return nullptr;
    }
    if (container->engine_id.empty()) {
        done(refuse(*container,
                    "is not in the engine: " + (world_.ready() ? "it is being made" : world_.trouble())));
        return nullptr;
    }
    return container;
}

// What was true when something was asked for need not be when its turn comes: an update may have begun.
void Verbs::in_turn(const ContainerId& id, Done done, Turn turn) {
    auto& turns = turns_[id];
    turns.push_back([this, id, done = std::move(done), turn = std::move(turn)] {
        turn([this, id, done](const Result<>& result) {
            done(result);
            end_turn(id);
        });
    });
    if (turns.size() > 1) return;
    const auto first = turns.front();
    first();
}

void Verbs::end_turn(const ContainerId& id) {
    const auto turns = turns_.find(id);
    turns->second.pop_front();
    if (turns->second.empty())
        turns_.erase(turns);
    else
        loop_.post(turns->second.front());
}

Verbs::Done Verbs::logged(const std::string& name, std::string_view what, Done done) {
    return [done = std::move(done),
            line = "container " + name + " " + std::string(what)](const Result<>& result) {
        if (result) log::info("{}", line);
        done(result);
    };
}

Verbs::Done Verbs::recorded(const std::string& name, std::string_view what, const Done& done) {
    const auto change = "container " + name + " " + std::string(what);
    return logged(name, what, [done, change](const Result<>& kept) {
        kept ? done(kept) : done(fail(kept.error(), change + ", but the record of that waits for the disk"));
    });
}

// The key keeps it apart from the steps of an update.
void Verbs::run(Lane lane, const ContainerId& id, milliseconds limit, Work work, Done done) {
    workers_.submit(lane, id,
                    [work = std::move(work), done = std::move(done), limit](std::stop_token stop) -> Task {
                        runtime::Call call{};
                        call.stop = std::move(stop);
                        call.deadline = std::chrono::steady_clock::now() + limit;
                        const auto patience = std::chrono::steady_clock::now() + kBusyPatience;
                        auto result = work(call);
                        while (!result && result.error().code == Errc::Busy && !call.stop.stop_requested() &&
                               std::chrono::steady_clock::now() < patience) {
                            std::this_thread::sleep_for(kPauseWhileBusy);
                            result = work(call);
                        }
                        return [done, result = std::move(result)] { done(result); };
                    });
}

void Verbs::start(const ContainerId& id, Done done) {
    in_turn(id, std::move(done), [this, id](const Done& ended) {
        const Container* container = take(id, ended);
        if (container == nullptr) return;
        run(
            Lane::Quick, id, kCallLimit,
            [this, known = *container](const runtime::Call& call) -> Result<> {
                const auto seen = look(runtime_, known.engine_id, known, call);
                if (!seen) return seen.error();
                if (seen->state.status == Status::Running) return refuse(known, "is already running");
                if (seen->state.status == Status::Paused)
                    return refuse(known, "is paused; resume it instead");
                if (seen->state.status == Status::Dead) return refuse(known, "is being removed");
                // A stop may have taken its policy away.
                if (auto given = runtime_.update(known.engine_id, policy_only(known.spec.restart), call);
                    !given)
                    return given;
                return start_in_engine(known, call);
            },
            logged(container->spec.name, "started", ended));
    });
}

// On a worker. Whatever the engine says a start failed of, such as a port that is taken, leaves the container
// down. One that is up did not fit, and an engine that is lost says nothing; Busy is asked again.
Result<> Verbs::start_in_engine(const Container& known, const runtime::Call& call) const {
    auto started = runtime_.start(known.engine_id, call);
    if (started || started.error().code == Errc::Busy) return started;
    const auto seen = runtime_.inspect(known.engine_id, call);
    const bool is_down = seen && !seen->is_up() && seen->state.status != Status::Dead;
    if (is_down)
        loop_.post(
            [this, id = known.spec.id, why = started.error().message] { world_.start_failed(id, why); });
    return started;
}

// On a worker. First the engine's policy, so that it does not bring back what must stay down. An end before
// this is the container's own; the loop knows of ours before the engine does.
Result<> Verbs::halt(const Container& known, const runtime::StopOptions& options, const runtime::Call& call) {
    const auto& id = known.spec.id;
    if (auto held = runtime_.update(known.engine_id, policy_only({"no", 0, 0}), call); !held) return held;
    loop_.post([this, id] { world_.expect_stop(id); });
    auto stopped = runtime_.stop(known.engine_id, options, call);
    if (stopped) return stopped;
    if (stopped.error().code != Errc::Busy) stopped = fail(stopped.error(), "container " + known.spec.name);
    loop_.post([this, id] { on_stop_failed(id); });
    if (auto given = runtime_.update(known.engine_id, policy_only(known.spec.restart), call); !given)
        log::warn("restart policy after a stop that failed: {}", given.error().message);
    return stopped;
}

void Verbs::on_stop_failed(const ContainerId& id) {
    world_.stop_failed(id);
    const Container* container = world_.find(id);
    if (container != nullptr && container->runs()) survivors_.insert(id);
}

// Whatever its policy, the engine does not bring back a process that was sent a signal: when such a one ends
// after all it is started once, and what follows is the engine's again.
void Verbs::start_survivors() {
    for (auto at = survivors_.begin(); at != survivors_.end();) {
        const ContainerId id = *at;
        const Container* container = world_.find(id);
        if (container != nullptr && container->runs()) {
            ++at;
            continue;
        }
        if (container != nullptr && !may_change_(id)) {  // an update is about it: afterwards, if it is there
            ++at;
            continue;
        }
        at = survivors_.erase(at);
        if (container == nullptr || !container->state.restarting) continue;
        // A stop is told after the end that it brings about.
        loop_.post_after(kStopIsTold, [this, id] { start_survivor(id); });
    }
}

void Verbs::start_survivor(const ContainerId& id) {
    const Container* container = world_.find(id);
    if (container == nullptr || container->state.status != Status::Exited) return;
    start(id, [name = container->spec.name](const Result<>& started) {
        if (!started) log::warn("container {}: {}", name, started.error().message);
    });
}

void Verbs::stop(const ContainerId& id, StopOptions options, Done done) {
    in_turn(id, std::move(done),
            [this, id, options = std::move(options)](const Done& ended) { stop_now(id, options, ended); });
}

void Verbs::stop_now(const ContainerId& id, const StopOptions& options, const Done& done) {
    const Container* container = take(id, done);
    if (container == nullptr) return;
    runtime::StopOptions how{};
    how.signal = options.signal;
    how.grace = options.grace > 0ms ? options.grace : config_.stop_timeout;
    how.force = options.force;
    run(
        Lane::Steps, id, how.grace * 2 + kCallLimit,
        [this, known = *container, how](const runtime::Call& call) -> Result<> {
            const auto seen = look(runtime_, known.engine_id, known, call);
            if (!seen) return seen.error();
            if (!seen->is_up()) return refuse(known, "is not running");
            return halt(known, how, call);
        },
        [this, id, done](const Result<>& stopped) {
            if (stopped) world_.stopped(id);
            done(stopped);
        });
}

void Verbs::pause(const ContainerId& id, Done done) {
    switch_over(id, {Status::Running, "is not running", &runtime::Runtime::pause, "paused"}, std::move(done));
}

void Verbs::resume(const ContainerId& id, Done done) {
    switch_over(id, {Status::Paused, "is not paused", &runtime::Runtime::unpause, "resumed"},
                std::move(done));
}

void Verbs::switch_over(const ContainerId& id, const Switch& to, Done done) {
    in_turn(id, std::move(done), [this, id, to](const Done& ended) {
        const Container* container = take(id, ended);
        if (container == nullptr) return;
        run(
            Lane::Quick, id, kCallLimit,
            [this, known = *container, to](const runtime::Call& call) -> Result<> {
                const auto seen = look(runtime_, known.engine_id, known, call);
                if (!seen) return seen.error();
                if (seen->state.status != to.from) return refuse(known, to.otherwise);
                return (runtime_.*to.verb)(known.engine_id, call);
            },
            logged(container->spec.name, to.done, ended));
    });
}

void Verbs::remove(const ContainerId& id, Force force, Done done) {
    in_turn(id, std::move(done), [this, id, force](const Done& ended) { remove_now(id, force, ended); });
}

void Verbs::remove_now(const ContainerId& id, Force force, const Done& done) {
    const Container* container = world_.find(id);
    const bool lost = container != nullptr && container->engine_id.empty() && world_.ready() &&
                      !creates(id) && may_change_(id);
    // The engine has no such instance, but it may just be made again.
    if (lost)
        return steps_.discard(id, container->spec.name, [done](const std::optional<Error>& error) {
            done(error ? Result<>(*error) : Result<>());
        });
    container = take(id, done);
    if (container == nullptr) return;
    runtime::StopOptions how{};
    how.grace = config_.stop_timeout;
    run(
        Lane::Steps, id, how.grace * 2 + kCallLimit,
        [this, known = *container, how, force](const runtime::Call& call) -> Result<> {
            const auto seen = look(runtime_, known.engine_id, known, call);
            if (!seen && seen.error().code == Errc::NotFound) return {};
            if (!seen) return seen.error();
            if (seen->is_up() && force == Force::No)
                return refuse(known, "is running; stop it, or remove it by force");
            if (seen->is_up())
                if (auto halted = halt(known, how, call); !halted) return halted;
            return runtime_.remove(known.engine_id, call);
        },
        [this, id, name = container->spec.name, done](const Result<>& removed) {
            if (removed) return world_.forget(id, recorded(name, "removed", done));
            done(removed);
        });
}

}  // namespace berth::service
