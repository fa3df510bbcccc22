// Verbs on a container that is there. Making one is verbs_create.cpp.
#include "service/verbs.hpp"

#include <fmt/format.h>

#include <thread>
#include <utility>

#include "protocol/document.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds kCallLimit{120s};
constexpr milliseconds kBusyPause{50};
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
      config_(config) {}

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

// The key keeps the order per container, also with the steps of an update.
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
                            std::this_thread::sleep_for(kBusyPause);
                            result = work(call);
                        }
                        return [done, result = std::move(result)] { done(result); };
                    });
}

void Verbs::start(const ContainerId& id, Done done) {
    const Container* container = take(id, done);
    if (container == nullptr) return;
    run(
        Lane::Quick, id, kCallLimit,
        [this, known = *container](const runtime::Call& call) -> Result<> {
            const auto seen = look(runtime_, known.engine_id, known, call);
            if (!seen) return seen.error();
            if (seen->state.status == Status::Running) return refuse(known, "is already running");
            if (seen->state.status == Status::Paused) return refuse(known, "is paused; resume it instead");
            if (seen->state.status == Status::Dead) return refuse(known, "is being removed");
            // A stop may have taken its policy away.
            if (auto given = runtime_.update(known.engine_id, policy_only(known.spec.restart), call); !given)
                return given;
            return runtime_.start(known.engine_id, call);
        },
        [this, id, done = std::move(done)](const Result<>& started) {
            if (!started && started.error().code != Errc::Conflict &&
                started.error().code != Errc::Unavailable)
                world_.start_failed(id, started.error().message);
            done(started);
        });
}

// On a worker. First the engine's policy, so that it does not bring back what must stay down.
Result<> Verbs::halt(const EngineId& id, const RestartPolicy& policy, const runtime::StopOptions& options,
                     const runtime::Call& call) const {
    if (auto held = runtime_.update(id, policy_only({"no", 0, 0}), call); !held) return held;
    auto stopped = runtime_.stop(id, options, call);
    if (stopped) return stopped;
    if (auto given = runtime_.update(id, policy_only(policy), call); !given)
        log::warn("restart policy after a stop that failed: {}", given.error().message);
    return stopped;
}

void Verbs::stop(const ContainerId& id, StopOptions options, Done done) {
    const Container* container = take(id, done);
    if (container == nullptr) return;
    runtime::StopOptions how{};
    how.signal = options.signal;
    how.grace = options.grace > 0ms ? options.grace : config_.stop_timeout;
    how.force = options.force;
    world_.expect_stop(id);
    run(
        Lane::Steps, id, how.grace * 2 + kCallLimit,
        [this, known = *container, how](const runtime::Call& call) -> Result<> {
            const auto seen = look(runtime_, known.engine_id, known, call);
            if (!seen) return seen.error();
            if (!seen->runs() && !seen->state.restarting) return refuse(known, "is not running");
            return halt(known.engine_id, known.spec.restart, how, call);
        },
        [this, id, done = std::move(done)](const Result<>& stopped) {
            if (!stopped) world_.stop_failed(id);
            done(stopped);
        });
}

void Verbs::pause(const ContainerId& id, Done done) {
    const Container* container = take(id, done);
    if (container == nullptr) return;
    run(
        Lane::Quick, id, kCallLimit,
        [this, known = *container](const runtime::Call& call) -> Result<> {
            const auto seen = look(runtime_, known.engine_id, known, call);
            if (!seen) return seen.error();
            if (seen->state.status != Status::Running) return refuse(known, "is not running");
            return runtime_.pause(known.engine_id, call);
        },
        std::move(done));
}

void Verbs::resume(const ContainerId& id, Done done) {
    const Container* container = take(id, done);
    if (container == nullptr) return;
    run(
        Lane::Quick, id, kCallLimit,
        [this, known = *container](const runtime::Call& call) -> Result<> {
            const auto seen = look(runtime_, known.engine_id, known, call);
            if (!seen) return seen.error();
            if (seen->state.status != Status::Paused) return refuse(known, "is not paused");
            return runtime_.unpause(known.engine_id, call);
        },
        std::move(done));
}

void Verbs::rename(const ContainerId& id, const std::string& name, Done done) {
    const Container* container = take(id, done);
    if (container == nullptr) return;
    if (name.empty() || name == container->spec.name) return done({});
    Container renamed = *container;
    renamed.spec.name = name;
    if (auto valid = validate(renamed.spec); !valid) return done(valid.error());
    world_.keep(renamed, std::move(done));
    // Its name in the engine is for people: it follows when it can.
    steps_.put_name_right(renamed, [](const std::optional<Error>&) {});
}

void Verbs::update(const ContainerId& id, std::optional<RestartPolicy> restart,
                   std::optional<Resources> resources, Done done) {
    const Container* container = take(id, done);
    if (container == nullptr) return;
    ContainerSpec wanted = container->spec;
    if (restart) wanted.restart = *restart;
    if (resources) {
        wanted.resources = *resources;
        // Memory alone means that its swap has no limit; the engine refuses it without a word on swap.
        if (!resources->memory.empty() && resources->memory_swap.empty()) wanted.resources.memory_swap = "-1";
    }
    if (wanted == container->spec) return done({});
    if (auto valid = validate(wanted); !valid) return done(valid.error());
    runtime::UpdateOptions options{};
    // One that was stopped by hand gets its policy with its next start.
    if (wanted.restart != container->spec.restart && !container->manually_stopped)
        options.restart = wanted.restart;
    if (wanted.resources != container->spec.resources) options.resources = wanted.resources;
    run(
        Lane::Quick, id, kCallLimit,
        [this, engine_id = container->engine_id, options](const runtime::Call& call) {
            return runtime_.update(engine_id, options, call);
        },
        [this, id, wanted, done = std::move(done)](const Result<>& updated) {
            const Container* known = world_.find(id);
            if (!updated || known == nullptr) return done(updated);
            Container changed = *known;
            changed.spec.restart = wanted.restart;
            changed.spec.resources = wanted.resources;
            world_.keep(changed, done);
        });
}

void Verbs::remove(const ContainerId& id, Force force, Done done) {
    const Container* container = world_.find(id);
    const bool lost = container != nullptr && container->engine_id.empty() && world_.ready() &&
                      !creates(id) && may_change_(id);
    if (lost) return world_.forget(id, std::move(done));  // the engine has no such instance
    container = take(id, done);
    if (container == nullptr) return;
    runtime::StopOptions how{};
    how.grace = config_.stop_timeout;
    world_.expect_stop(id);
    run(
        Lane::Steps, id, how.grace * 2 + kCallLimit,
        [this, known = *container, how, force](const runtime::Call& call) -> Result<> {
            const auto seen = look(runtime_, known.engine_id, known, call);
            if (!seen && seen.error().code == Errc::NotFound) return {};
            if (!seen) return seen.error();
            const bool up = seen->runs() || seen->state.restarting;
            if (up && force == Force::No) return refuse(known, "is running; stop it, or remove it by force");
            if (up)
                if (auto halted = halt(known.engine_id, known.spec.restart, how, call); !halted)
                    return halted;
            return runtime_.remove(known.engine_id, call);
        },
        [this, id, done = std::move(done)](const Result<>& removed) {
            if (removed) return world_.forget(id, done);
            world_.stop_failed(id);
            done(removed);
        });
}

}  // namespace berth::service
