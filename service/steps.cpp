// Steps: the entry, engine calls that outlast an engine's absence, and the steps forward after DOWNLOAD.
#include "service/steps.hpp"

#include <utility>

#include "service/log.hpp"
#include "service/put_to_rest.hpp"

namespace berth::service {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kBusyPause{50};

std::string of(const std::string& name) {
    return "component " + name;
}

std::optional<Error> error_of(const Result<>& result) {
    return result ? std::nullopt : std::optional(result.error());
}

}  // namespace

Steps::Steps(Loop& loop, Workers& workers, runtime::Runtime& runtime, World& world, StepsConfig config)
    : loop_(loop), workers_(workers), runtime_(runtime), world_(world), config_(std::move(config)) {
    world_.when_ready([this] { on_engine_back(); });
    world_.when_changed([this] { look_at_gates(); });
}

void Steps::run(const reconcile::Run& step, Progress progress, Done done) {
    using reconcile::StepKind;
    const bool is_way_back = step.kind == StepKind::Restore || step.kind == StepKind::RemoveOld;
    // Never from inside: the caller's state must be settled when the answer comes.
    auto later = [this, step, is_way_back, done = std::move(done)](std::optional<Error> error) {
        if (is_way_back && error && !world_.ready()) return wait_to_go_back(step, *error, done);
        if (is_way_back && error && error->code == Errc::Timeout)
            return look_before_giving_up(step, *error, done);
        loop_.post([done, error = std::move(error)] { done(error); });
    };
    const ActionState& action = step.action;
    switch (step.kind) {
        case StepKind::Stage: return stage(action, std::move(progress), later);
        case StepKind::StopOld: return stop_old(action, later);
        case StepKind::Apply: return apply(action, later);
        case StepKind::StartNew: return start_new(action, later);
        case StepKind::StartBeside: return start_beside(action, later);
        case StepKind::StopReplaced: return replace_old(action, later);
        case StepKind::EnsureRunning: return ensure_running(action.spec, later);
        case StepKind::Restore: return restore(action, later);
        case StepKind::RemoveOld: return remove_old(action, later);
    }
}

// Else what an update has stopped would stay down for good: without an engine nobody can bring it back, and
// with the operation ended nobody would.
void Steps::wait_to_go_back(const reconcile::Run& step, const Error& error, const Done& done) {
    log::warn("component {}: the way back waits for the engine, however long it takes: {}", step.action.name,
              error.message);
    parked_[++last_parked_] = {[this, step, done] { run(step, {}, done); }, 0};
}

// An engine that hangs as a whole may hold its event stream open, and so not count as away.
void Steps::look_before_giving_up(const reconcile::Run& step, const Error& error, const Done& done) {
    world_.refresh([this, step, error, done](const Result<>& listed) {
        if (!listed) return wait_to_go_back(step, error, done);
        done(error);
    });
}

void Steps::submit(Lane lane, const std::string& key, std::chrono::milliseconds limit, Work work, Next next,
                   Try attempt, std::chrono::milliseconds busy) {
    const auto busy_until = std::chrono::steady_clock::now() + busy;
    workers_.submit(lane, key, [=, this](std::stop_token stop) -> Task {
        runtime::Call call{};
        call.stop = std::move(stop);
        call.deadline = std::chrono::steady_clock::now() + limit;
        auto result = work(call);
        return [=, this, result = std::move(result)] {
            const auto left = std::chrono::floor<std::chrono::milliseconds>(
                busy_until - std::chrono::steady_clock::now() - kBusyPause);
            // Around the end and the restart of a process, which for an image such as hello-world is always.
            if (!result && result.error().code == Errc::Busy && left > 0ms) {
                loop_.post_after(kBusyPause,
                                 [=, this] { submit(lane, key, limit, work, next, attempt, left); });
                return;
            }
            if (result || result.error().code != Errc::Unavailable) return next(result);
            const auto again = [=, this] { submit(lane, key, limit, work, next, Try::First); };
            // It may have been away for a moment only: once more, and then the failure counts.
            const Next there = [=, this](const Result<>& failed) {
                if (attempt == Try::Second) return next(failed);
                submit(lane, key, limit, work, next, Try::Second);
            };
            on_unavailable(result.error(), again, there);
        };
    });
}

// Is it the engine that is away? Then the call waits for it: steps can be repeated.
void Steps::on_unavailable(Error error, const std::function<void()>& again, const Next& next) {
    world_.refresh([this, error = std::move(error), again, next](const Result<>& listed) {
        if (listed) return next(error);
        const auto number = ++last_parked_;
        log::warn("a step waits for the engine: {}", error.message);
        const TimerId patience = loop_.post_after(config_.engine_patience, [this, number, error, next] {
            if (parked_.erase(number) > 0) next(error);
        });
        parked_[number] = {again, patience};
    });
}

void Steps::on_engine_back() {
    for (const auto& [number, parked] : std::exchange(parked_, {})) {
        loop_.cancel(parked.patience);
        parked.again();
    }
}

EngineId Steps::engine_id(const ContainerId& id) const {
    const Container* container = world_.find(id);
    return container ? container->engine_id : EngineId{};
}

// One after the other, all of them whatever happens; the first failure is what is told.
void Steps::for_each(std::deque<OldInstance> rest, One one, Done done, std::optional<Error> failed) {
    if (rest.empty()) return done(std::move(failed));
    const OldInstance next = rest.front();
    rest.pop_front();
    one(next,
        [=, this](const std::optional<Error>& error) { for_each(rest, one, done, failed ? failed : error); });
}

std::deque<OldInstance> Steps::going(const ActionState& action) {
    std::deque<OldInstance> all(action.duplicates.begin(), action.duplicates.end());
    const bool drops_old = action.action == Action::Recreate || action.action == Action::Destroy;
    if (drops_old && action.old) all.push_front(*action.old);
    return all;
}

void Steps::stop_old(const ActionState& action, Done done) {
    for_each(
        going(action),
        [this, name = action.name](const OldInstance& old, Done then) {
            stop(old.spec.id, name, std::move(then));
        },
        std::move(done));
}

void Steps::stop(const ContainerId& container, const std::string& name, Done done, bool is_asked) {
    const EngineId id = engine_id(container);
    if (id.empty()) {  // removed by hand, or lost: as good as stopped, if nobody makes it again
        give_up_making(container);
        return done(std::nullopt);
    }
    world_.expect_stop(container, is_asked);
    submit(
        Lane::Steps, container, config_.stop_timeout * 2 + kCallLimit,
        [this, id](const runtime::Call& call) {
            return put_to_rest(runtime_, id, config_.stop_timeout, call);
        },
        [this, container, name, done = std::move(done)](const Result<>& stopped) {
            if (!stopped) {
                world_.stop_failed(container);
                if (stop_failed_) stop_failed_(container);
                return done(fail(stopped.error(), of(name)));
            }
            world_.stopped(container);
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
        [this, action, spec = action.spec, done = std::move(done)](const Result<>& updated) {
            const Container* known = world_.find(spec.id);
            if (!updated) return done(fail(updated.error(), of(spec.name)));
            if (!known) return done(fail(Errc::NotFound, of(spec.name) + ": the container is gone"));
            Container changed = *known;
            changed.spec = spec;
            world_.keep(changed, [this, action, done](const Result<>& kept) {
                if (!kept) return done(kept.error());
                stop_old(action, done);  // its duplicates
            });
        });
}

// A step that is repeated may find an instance that ran already and was stopped with its Berth, which has
// taken the policy away.
Steps::Work Steps::start_of(const Container& container) const {
    return [this, id = container.engine_id, policy = container.spec.restart,
            is_lost = container.has_other_policy()](const runtime::Call& call) -> Result<> {
        if (is_lost)
            if (auto given = runtime_.update(id, {policy, std::nullopt}, call); !given) return given;
        return runtime_.start(id, call);
    };
}

void Steps::start_new(const ActionState& action, Done done) {
    const Container* container = world_.find(action.spec.id);
    if (!container || container->engine_id.empty())
        return done(fail(Errc::NotFound, of(action.name) + ": its new instance is gone"));
    submit(Lane::Steps, action.spec.id, kCallLimit, start_of(*container),
           [this, action, done = std::move(done)](const Result<>& started) {
               if (!started) {
                   show_start_failed(action.spec.id, started.error());
                   return done(fail(started.error(), of(action.name)));
               }
               log::info("container {} started", action.name);
               change_roles(action, done);
           });
}

// An engine that is away has refused nothing, and one that is about to start it anyway will tell.
void Steps::show_start_failed(const ContainerId& id, const Error& error) {
    if (const Container* known = world_.find(id); known && known->state.restarting) return;
    if (world_.ready() && error.code != Errc::Interrupted) world_.start_failed(id, error.message);
}

// After the gap: the roles, then the names follow. A name that cannot be had is put right another time.
void Steps::change_roles(const ActionState& action, Done done) {
    const auto name_of = [this](const ContainerId& id, Done then) {
        const Container* container = world_.find(id);
        if (!container || container->is_missing()) return then(std::nullopt);
        put_name_right(*container, [then](const std::optional<Error>&) { then(std::nullopt); });
    };
    const ContainerId old_id =
        action.action == Action::Recreate && action.old ? action.old->spec.id : ContainerId{};
    become(old_id, Role::Old, [=, this, id = action.spec.id](const std::optional<Error>& error) {
        if (error) return done(error);
        become(id, Role::Plain, [=](const std::optional<Error>& kept) {
            if (kept || old_id.empty()) return done(kept);
            name_of(old_id, [=](const std::optional<Error>&) { name_of(id, done); });
        });
    });
}

void Steps::become(const ContainerId& id, Role role, Done done) {
    const Container* known = world_.find(id);
    if (!known) return done(std::nullopt);
    Container changed = *known;
    changed.role = role;
    changed.started_before |= role == Role::Plain;
    world_.keep(changed, [done = std::move(done)](const Result<>& kept) { done(error_of(kept)); });
}

void Steps::ensure_running(const ContainerSpec& spec, Done done) {
    const Container* container = world_.find(spec.id);
    if (!container || container->engine_id.empty())
        return done(fail(Errc::NotFound, of(spec.name) + ": the container is gone"));
    if (container->state.status == Status::Running && world_.ready()) return done(std::nullopt);
    const bool paused = container->state.status == Status::Paused;
    submit(
        Lane::Steps, spec.id, kCallLimit,
        [this, id = container->engine_id, spec, paused](const runtime::Call& call) -> Result<> {
            if (paused) return runtime_.unpause(id, call);
            // A stop may have taken the policy away; the start gives it back.
            if (auto given = runtime_.update(id, {spec.restart, std::nullopt}, call); !given) return given;
            return runtime_.start(id, call);
        },
        [this, id = spec.id, name = spec.name, done = std::move(done)](const Result<>& started) {
            if (!started) {
                show_start_failed(id, started.error());
                return done(fail(started.error(), of(name)));
            }
            done(std::nullopt);
        });
}

// Its role first: a record that outlives its instance must not bring it back.
void Steps::remove_old(const ActionState& action, Done done) {
    for_each(
        going(action),
        [this, name = action.name](const OldInstance& old, Done then) {
            const auto id = old.spec.id;
            give_up_making(id);
            become(id, Role::Old, [this, id, name, then = std::move(then)](const std::optional<Error>&) {
                remove(id, name, [this, id, then](const std::optional<Error>& failed) {
                    if (!failed || comes_again(*failed)) return then(failed);
                    // Nobody wants it back, and what comes next may want its name.
                    become(id, Role::Discarded, [this, id, then, failed](const std::optional<Error>&) {
                        give_name_up(id, [then, failed](const std::optional<Error>&) { then(failed); });
                    });
                });
            });
        },
        std::move(done));
}

// What the picture does not know may be in the engine all the same, if the answer to its create got lost.
void Steps::remove(const ContainerId& id, const std::string& name, Done done) {
    if (id.empty()) return done(std::nullopt);
    give_up_making(id);
    auto was_there = std::make_shared<bool>(true);  // carried from the worker to the loop
    submit(
        Lane::Steps, id, kCallLimit,
        [this, id, was_there, known = engine_id(id)](const runtime::Call& call) -> Result<> {
            auto instance = known;
            if (instance.empty()) {
                auto found = runtime_.find(id, call);
                if (!found) return found.error();
                *was_there = found->has_value();
                if (!*was_there) return {};
                instance = **found;
            }
            return runtime_.remove(instance, call);
        },
        [this, id, name, was_there, done = std::move(done)](const Result<>& removed) {
            if (!removed) return done(fail(removed.error(), of(name)));
            if (*was_there) log::info("container {} removed ({})", name, id);
            // A record that cannot be erased (and was logged) is one of an old or a staged instance.
            world_.forget(id, [done](const Result<>&) { done(std::nullopt); });
        });
}

}  // namespace berth::service
