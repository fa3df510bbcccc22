// Steps: the way back. The new instance goes, the old one returns to what it was: values, names, run state.
#include <spdlog/spdlog.h>

#include <utility>

#include "service/steps.hpp"

namespace berth::service {
namespace {

constexpr std::chrono::milliseconds kRestoreLimit{120'000};

// Starts it again as it was. One that was paused and was never stopped is so still.
Result<> run_again(runtime::Runtime& runtime, const EngineId& id, bool paused, const runtime::Call& call) {
    auto started = runtime.start(id, call);
    const bool is_paused = !started && started.error().code == Errc::Conflict;
    if (!started && !is_paused) return started;
    if (is_paused == paused) return {};
    return paused ? runtime.pause(id, call) : runtime.unpause(id, call);
}

}  // namespace

// The new one first: it may hold the ports that the old one needs. An error there does not keep the old one
// down.
void Steps::restore(const ActionState& action, Done done) {
    if (!action.staged) return restore_old(action, std::move(done));
    // Its role before that: a record that outlives its instance must not bring it back.
    become(action.spec.id, Role::Staged, [this, action, done = std::move(done)](const std::optional<Error>&) {
        remove(action.spec.id, action.name, [this, action, done](const std::optional<Error>& removed) {
            restore_old(action, [removed, done](const std::optional<Error>& restored) {
                done(restored ? restored : removed);
            });
        });
    });
}

// Whatever fails on the way does not keep the old one down either; the first failure is what is told.
void Steps::restore_old(const ActionState& action, Done done) {
    const bool disturbed = action.touched || action.started;
    if (!action.old || !disturbed) return done(std::nullopt);
    const auto& old = *action.old;
    const EngineId id = engine_id(old.spec.id);
    if (id.empty())
        return done(fail(Errc::NotFound, "component " + action.name + ": its old instance is gone"));
    runtime::UpdateOptions values{};
    values.restart = old.spec.restart;
    if (action.action == Action::Update) values.resources = old.spec.resources;
    submit(
        Lane::Steps, old.spec.id, kRestoreLimit,
        [this, id, old, values](const runtime::Call& call) -> Result<> {
            auto given = runtime_.update(id, values, call);
            auto running = old.ran ? run_again(runtime_, id, old.paused, call) : Result<>{};
            return given ? running : given;
        },
        [this, action, done = std::move(done)](const Result<>& restored) {
            if (!restored) return done(fail(restored.error(), "component " + action.name));
            take_old_back(action, done);
        });
}

void Steps::take_old_back(const ActionState& action, Done done) {
    const Container* known = world_.find(action.old->spec.id);
    if (!known) return done(std::nullopt);
    Container back = *known;
    back.role = Role::Plain;
    back.spec = action.old->spec;
    world_.keep(back, [this, back, name = action.name, done = std::move(done)](const Result<>& kept) {
        if (!kept) return done(kept.error());
        spdlog::info("container {} is as it was before the update", name);
        put_name_right(back, [done](const std::optional<Error>&) { done(std::nullopt); });
    });
}

}  // namespace berth::service
