// The steps forward: stage, stop, change in place, start, make sure that it runs, remove.
#include "service/steps.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "protocol/document.hpp"
#include "protocol/forms.hpp"
#include "service/secrets.hpp"

namespace berth::service {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kCallLimit{120s};
constexpr std::chrono::milliseconds kPullLimit{24h};  // a pull without a byte is given up much earlier

std::string of(const std::string& name) {
    return "component " + name;
}

std::optional<Error> error_of(const Result<>& result) {
    return result ? std::nullopt : std::optional(result.error());
}

}  // namespace

Steps::Steps(Loop& loop, Workers& workers, runtime::Runtime& runtime, World& world, StepsConfig config)
    : loop_(loop), workers_(workers), runtime_(runtime), world_(world), config_(config) {}

void Steps::run(const reconcile::Run& step, Progress progress, Done done) {
    // Never from inside: the caller's state must be settled when the answer comes.
    auto later = [this, done = std::move(done)](std::optional<Error> error) {
        loop_.post([done, error = std::move(error)] { done(error); });
    };
    using reconcile::StepKind;
    const ActionState& action = step.action;
    switch (step.kind) {
        case StepKind::Stage: return stage(action, std::move(progress), later);
        case StepKind::StopOld: return stop_old(action, later);
        case StepKind::Apply: return apply(action, later);
        case StepKind::StartNew: return start_new(action, later);
        case StepKind::EnsureRunning: return ensure_running(action.spec, later);
        case StepKind::Restore: return restore(action, later);
        case StepKind::RemoveOld: return remove(action.old ? action.old->spec.id : "", action.name, later);
    }
}

void Steps::cancel_pulls() {
    for (auto& [id, source] : pulls_)
        source.request_stop();
}

std::stop_source Steps::submit(Lane lane, const std::string& key, std::chrono::milliseconds limit, Work work,
                               Next next) {
    return workers_.submit(
        lane, key, [limit, work = std::move(work), next = std::move(next)](std::stop_token stop) -> Task {
            runtime::Call call{};
            call.stop = std::move(stop);
            call.deadline = std::chrono::steady_clock::now() + limit;
            return [next, result = work(std::move(call))] { next(result); };
        });
}

EngineId Steps::engine_id(const ContainerId& id) const {
    const Container* container = world_.find(id);
    return container ? container->engine_id : EngineId{};
}

// Pull only what is not there: an existing tag is never refreshed.
void Steps::stage(const ActionState& action, Progress progress, Done done) {
    if (config_.require_qualified && !is_qualified_image(action.spec.image))
        return done(fail(Errc::Invalid, of(action.name) + ", key image: failed to resolve reference \"" +
                                            action.spec.image +
                                            "\": object required; give host, path and tag"));
    auto present = std::make_shared<bool>(false);  // carried from the worker to the loop
    submit(
        Lane::Steps, action.spec.id, kCallLimit,
        [this, image = action.spec.image, present](runtime::Call call) -> Result<> {
            auto found = runtime_.image_present(image, std::move(call));
            if (!found) return found.error();
            *present = *found;
            return {};
        },
        [this, action, present, progress = std::move(progress),
         done = std::move(done)](const Result<>& looked) {
            if (!looked) return done(fail(looked.error(), of(action.name) + ", key image"));
            if (*present) return create(action, done);
            pull(action, progress, [this, action, done](const Result<>& pulled) {
                if (!pulled) return done(fail(pulled.error(), of(action.name) + ", key image"));
                create(action, done);
            });
        });
}

void Steps::pull(const ActionState& action, Progress progress, Next next) {
    const auto work = [this, image = action.spec.image, progress = std::move(progress)](runtime::Call call) {
        call.progress = [this, progress, last = 0](const runtime::Progress& bytes) mutable {
            if (bytes.total_bytes <= 0) return;
            const int percent = static_cast<int>(100 * bytes.current_bytes / bytes.total_bytes);
            if (percent <= last) return;
            last = percent;
            loop_.post([progress, percent] { progress(percent); });
        };
        spdlog::info("pulling image '{}'", image);
        return runtime_.pull(image, std::move(call));
    };
    pulls_[action.spec.id] =
        submit(Lane::Pulls, action.spec.id, kPullLimit, work,
               [this, id = action.spec.id, next = std::move(next)](const Result<>& pulled) {
                   pulls_.erase(id);
                   next(pulled);
               });
}

// The record first: an instance that no record explains must never exist.
void Steps::create(const ActionState& action, Done done) {
    Container container{};
    container.spec = action.spec;
    container.state.status = Status::Creating;
    container.role = Role::Staged;
    if (action.action == Action::Recreate && action.old) container.replaces = action.old->spec.id;
    runtime::CreateOptions options{};
    options.engine_name =
        container.replaces.empty() ? runtime::plain_name(action.spec) : runtime::staged_name(action.spec);
    options.replaces = container.replaces;
    world_.keep(container, [this, action, options, done = std::move(done)](const Result<>& kept) {
        if (!kept) {
            const Error error = fail(kept.error(), of(action.name) + ": write its record");
            return world_.forget(action.spec.id, [done, error](const Result<>&) { done(error); });
        }
        workers_.submit(Lane::Steps, action.spec.id,
                        [this, action, options, done](std::stop_token stop) -> Task {
                            runtime::Call call{};
                            call.stop = std::move(stop);
                            call.deadline = std::chrono::steady_clock::now() + kCallLimit;
                            auto created = make(action.spec, options, call);
                            return [this, action, created, done] { on_created(action, created, done); };
                        });
    });
}

// On a worker. What identification lets pass but the engine cannot have is refused here.
Result<EngineId> Steps::make(const ContainerSpec& spec, runtime::CreateOptions options,
                             const runtime::Call& call) {
    if (auto valid = validate(spec); !valid) return valid.error();
    auto env = resolve_secrets(spec.env, config_.secrets_dir);
    if (!env) return env.error();
    options.env = std::move(*env);
    return runtime_.create(spec, std::move(options), call);
}

void Steps::on_created(const ActionState& action, const Result<EngineId>& created, const Done& done) {
    if (!created) {
        const Error error = fail(created.error(), of(action.name));
        return world_.forget(action.spec.id, [done, error](const Result<>&) { done(error); });
    }
    world_.on_created(action.spec.id, *created);
    spdlog::info("container {} created ({})", action.name, action.spec.id);
    done(std::nullopt);
}

// First the engine's policy, so that it does not bring back what must stay down.
void Steps::stop_old(const ActionState& action, Done done) {
    const EngineId id = action.old ? engine_id(action.old->spec.id) : EngineId{};
    if (id.empty()) return done(std::nullopt);  // removed by hand: as good as stopped
    world_.expect_stop(action.old->spec.id);
    submit(
        Lane::Steps, action.old->spec.id, config_.stop_timeout * 2 + kCallLimit,
        [this, id](const runtime::Call& call) -> Result<> {
            runtime::UpdateOptions hold{};
            hold.restart = RestartPolicy{"no", 0, 0};
            auto held = runtime_.update(id, hold, call);
            if (!held && held.error().code != Errc::NotFound) return held;
            runtime::StopOptions options{};
            options.grace = config_.stop_timeout;
            return runtime_.stop(id, options, call);
        },
        [name = action.name, done = std::move(done)](const Result<>& stopped) {
            if (!stopped) return done(fail(stopped.error(), of(name)));
            done(std::nullopt);
        });
}

void Steps::apply(const ActionState& action, Done done) {
    const EngineId id = engine_id(action.spec.id);
    if (id.empty()) return done(fail(Errc::NotFound, of(action.name) + ": the container is gone"));
    submit(
        Lane::Steps, action.spec.id, kCallLimit,
        [this, id, spec = action.spec](const runtime::Call& call) {
            return runtime_.update(id, {spec.restart, spec.resources}, call);
        },
        [this, spec = action.spec, done = std::move(done)](const Result<>& updated) {
            const Container* known = world_.find(spec.id);
            if (!updated || !known) {
                const Error gone = fail(Errc::NotFound, "the container is gone");
                return done(fail(updated ? gone : updated.error(), of(spec.name)));
            }
            Container changed = *known;
            changed.spec = spec;
            world_.keep(changed, [done](const Result<>& kept) { done(error_of(kept)); });
        });
}

void Steps::start_new(const ActionState& action, Done done) {
    const EngineId id = engine_id(action.spec.id);
    if (id.empty()) return done(fail(Errc::NotFound, of(action.name) + ": its new instance is gone"));
    submit(
        Lane::Steps, action.spec.id, kCallLimit,
        [this, id](const runtime::Call& call) { return runtime_.start(id, call); },
        [this, action, done = std::move(done)](const Result<>& started) {
            if (!started) return done(fail(started.error(), of(action.name)));
            spdlog::info("container {} started", action.name);
            change_roles(action, done);
        });
}

// After the gap: the names follow. A rename that fails is tried again another time, it is no error.
void Steps::change_roles(const ActionState& action, Done done) {
    const auto become = [this](const ContainerId& id, Role role, Next next) {
        const Container* known = world_.find(id);
        if (!known) return next({});
        Container changed = *known;
        changed.role = role;
        changed.started_before = true;
        world_.keep(changed, std::move(next));
    };
    if (action.action != Action::Recreate || !action.old)
        return become(action.spec.id, Role::Plain, [done](const Result<>& kept) { done(error_of(kept)); });

    const EngineId old_engine_id = engine_id(action.old->spec.id);
    const EngineId new_engine_id = engine_id(action.spec.id);
    const auto rename_both = [this, old_engine_id, new_engine_id,
                              action](const runtime::Call& call) -> Result<> {
        if (!old_engine_id.empty())
            if (auto moved = runtime_.rename(old_engine_id, runtime::old_name(action.old->spec), call);
                !moved)
                return moved;
        return runtime_.rename(new_engine_id, runtime::plain_name(action.spec), call);
    };
    submit(Lane::Steps, action.spec.id, kCallLimit, rename_both,
           [action, become, done = std::move(done)](const Result<>& renamed) {
               if (!renamed) spdlog::warn("container {}: {}", action.name, renamed.error().message);
               become(action.old->spec.id, Role::Old, [](const Result<>&) {});
               become(action.spec.id, Role::Plain, [done](const Result<>& kept) { done(error_of(kept)); });
           });
}

void Steps::ensure_running(const ContainerSpec& spec, Done done) {
    const Container* container = world_.find(spec.id);
    if (!container || container->engine_id.empty())
        return done(fail(Errc::NotFound, of(spec.name) + ": the container is gone"));
    if (container->state.status == Status::Running) return done(std::nullopt);
    const bool paused = container->state.status == Status::Paused;
    submit(
        Lane::Steps, spec.id, kCallLimit,
        [this, id = container->engine_id, spec, paused](const runtime::Call& call) -> Result<> {
            if (paused) return runtime_.unpause(id, call);
            // A stop may have taken the policy away; the start gives it back.
            if (auto given = runtime_.update(id, {spec.restart, std::nullopt}, call); !given) return given;
            return runtime_.start(id, call);
        },
        [name = spec.name, done = std::move(done)](const Result<>& started) {
            if (!started) return done(fail(started.error(), of(name)));
            done(std::nullopt);
        });
}

void Steps::remove(const ContainerId& id, const std::string& name, Done done) {
    const EngineId instance = engine_id(id);
    const auto forget = [this, id, done] {
        world_.forget(id, [done](const Result<>& erased) { done(error_of(erased)); });
    };
    if (instance.empty()) return forget();
    submit(
        Lane::Steps, id, kCallLimit,
        [this, instance](const runtime::Call& call) { return runtime_.remove(instance, call); },
        [id, name, forget, done](const Result<>& removed) {
            if (!removed) {
                spdlog::error("container {}: {}", name, removed.error().message);
                return done(fail(removed.error(), of(name)));
            }
            spdlog::info("container {} removed ({})", name, id);
            forget();
        });
}

}  // namespace berth::service
