// The step back: the new instance goes, the old one returns to what it was: values, names, run state.
#include <spdlog/spdlog.h>

#include <utility>

#include "service/steps.hpp"

namespace berth::service {
namespace {

constexpr std::chrono::milliseconds kRestoreLimit{120'000};

std::optional<Error> first_of(std::optional<Error> a, std::optional<Error> b) {
    return a ? std::move(a) : std::move(b);
}

}  // namespace

// The new one first: it may hold the ports that the old one needs. An error there does not keep the old one
// down.
void Steps::restore(const ActionState& action, Done done) {
    if (!action.staged) return restore_old(action, std::move(done));
    remove(action.spec.id, action.name, [this, action, done = std::move(done)](std::optional<Error> removed) {
        restore_old(action, [removed = std::move(removed), done](std::optional<Error> restored) {
            done(first_of(std::move(restored), removed));
        });
    });
}

void Steps::restore_old(const ActionState& action, Done done) {
    const bool disturbed = action.touched || action.started;
    if (!action.old || !disturbed) return done(std::nullopt);
    const auto& old = *action.old;
    const EngineId id = engine_id(old.spec.id);
    if (id.empty())
        return done(fail(Errc::NotFound, "component " + action.name + ": its old instance is gone"));
    const std::string name = runtime::plain_name(old.spec);
    submit(
        Lane::Steps, old.spec.id, kRestoreLimit,
        [this, id, old, name](const runtime::Call& call) -> Result<> {
            if (auto named = runtime_.rename(id, name, call); !named)
                spdlog::warn("container {}: {}", old.spec.name, named.error().message);
            if (auto given = runtime_.update(id, {old.spec.restart, old.spec.resources}, call); !given)
                return given;
            if (!old.ran) return {};
            if (auto started = runtime_.start(id, call); !started) return started;
            return old.paused ? runtime_.pause(id, call) : Result<>{};
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
    spdlog::info("container {} is as it was before the update", action.name);
    world_.keep(back, [done = std::move(done)](const Result<>& kept) {
        done(kept ? std::nullopt : std::optional(kept.error()));
    });
}

}  // namespace berth::service
