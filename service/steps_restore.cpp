// Steps: the way back. The new instance goes, the old one returns to what it was: values, names, run state.
#include <memory>
#include <utility>

#include "service/log.hpp"
#include "service/steps.hpp"

namespace berth::service {
namespace {

constexpr std::chrono::milliseconds kRestoreLimit{120'000};

// One that was paused and was never stopped is so still; and an engine may have started what it says it did
// not.
Status found_after(const Result<>& started, runtime::Runtime& runtime, const EngineId& id,
                   const runtime::Call& call) {
    if (started) return Status::Running;
    const auto seen = runtime.inspect(id, call);
    return seen ? seen->state.status : Status::Stopped;
}

// One that stays, and was down until the update started it.
bool is_woken(const ActionState& action, const OldInstance& old) {
    return action.started && !old.ran && old.spec.id == action.spec.id;
}

// NotFound is the instance alone: one that is there misses something else, such as a network.
Result<> not_the_instance(Error error) {
    if (error.code == Errc::NotFound) error.code = Errc::Invalid;
    return error;
}

struct PutBack {
    Result<> whole{};    // as it was
    Result<> started{};  // whatever else failed
};

// Its values first, whether or not they can be had it runs.
PutBack put_back(runtime::Runtime& runtime, const EngineId& id, const OldInstance& old,
                 const runtime::UpdateOptions& values, const runtime::Call& call) {
    auto given = runtime.update(id, values, call);
    if (!old.ran || (!given && given.error().code == Errc::NotFound)) return {given, {}};
    Result<> running = runtime.start(id, call);
    const auto found = found_after(running, runtime, id, call);
    const bool paused = found == Status::Paused;
    const bool runs = paused || found == Status::Running;
    if (runs && paused == old.paused)
        running = Result<>();
    else if (runs)
        running = paused ? runtime.unpause(id, call) : runtime.pause(id, call);
    if (!running) running = not_the_instance(running.error());
    return {given ? running : given, runs ? Result<>() : running};
}

}  // namespace

// The new one first: it may hold the ports that the old one needs. An error there does not keep the old one
// down.
void Steps::restore(const ActionState& action, Done done) {
    if (!action.staged) return restore_olds(action, std::move(done));
    // Its role before that: a record that outlives its instance must not bring it back.
    become(action.spec.id, Role::Staged, [this, action, done = std::move(done)](const std::optional<Error>&) {
        take_new_away(action, [this, action, done](const std::optional<Error>& removed) {
            const Done then = [this, action, removed, done](const std::optional<Error>&) {
                restore_olds(action, [this, action, removed, done](const std::optional<Error>& restored) {
                    if (!removed || (restored && comes_again(*restored))) return done(restored);
                    // It is still there and has perhaps run: as a staged one it would count as the component
                    // when Berth starts.
                    become(action.spec.id, Role::Discarded,
                           [told = restored ? restored : removed, done](const std::optional<Error>&) {
                               done(told);
                           });
                });
            };
            if (!removed) return then(std::nullopt);
            give_name_up(action.spec.id, then);
        });
    });
}

// Of one that cannot be removed: the old one wants its name. And should the store get lost, the name tells
// what no label can, that this is not the component.
void Steps::give_name_up(const ContainerId& id, Done done) {
    const Container* left = world_.find(id);
    if (!left || left->engine_id.empty() || !world_.ready()) return done(std::nullopt);
    Container discarded = *left;
    discarded.role = Role::Discarded;
    put_name_right(discarded, std::move(done));
}

// With a network of its own, where it has one: looked at once more at the end, as the engine may have started
// it again there before it was told not to, and keeps a network that is in use.
void Steps::take_new_away(const ActionState& action, Done done) {
    if (!action.start_first || !action.started) return remove(action.spec.id, action.name, std::move(done));
    const EngineId id = engine_id(action.spec.id);
    take_off_network(action.spec, [this, action, id, done = std::move(done)](const std::optional<Error>&) {
        remove(action.spec.id, action.name, [this, action, id, done](const std::optional<Error>& removed) {
            if (id.empty()) return done(removed);
            clear_network(id, action.spec, [removed, done](const std::optional<Error>&) { done(removed); });
        });
    });
}

// With start-first nothing was done to it before the new instance had held. It is left alone then, unless it
// went down with the machine or by itself and ran before.
bool Steps::is_untouched(const ActionState& action, const OldInstance& old) const {
    const Container* now = world_.find(old.spec.id);
    return action.start_first && !action.touched && (!old.ran || (world_.ready() && now && now->is_up()));
}

void Steps::restore_olds(const ActionState& action, Done done) {
    if (!action.touched && !action.started) return done(std::nullopt);
    std::deque<OldInstance> olds(action.duplicates.begin(), action.duplicates.end());
    // Of an unchanged one only the duplicates were touched.
    if (action.old && action.action != Action::Check) olds.push_front(*action.old);
    for_each(
        std::move(olds),
        [this, action](const OldInstance& old, Done then) {
            if (is_untouched(action, old)) return then(std::nullopt);
            if (is_woken(action, old)) return put_down(action, old, std::move(then));
            restore_old(action, old, IfGone::MakeAgain, std::move(then));
        },
        std::move(done));
}

// Its policy goes with the stop and comes back with its values.
void Steps::put_down(const ActionState& action, const OldInstance& old, Done done) {
    stop(
        old.spec.id, old.spec.name,
        [this, action, old, done = std::move(done)](const std::optional<Error>& stopped) {
            if (!stopped) world_.down_again(old.spec.id, old.manually_stopped);
            restore_old(action, old, IfGone::MakeAgain,
                        [stopped, done](const std::optional<Error>& restored) {
                            done(stopped ? stopped : restored);
                        });
        },
        old.manually_stopped);
}

// Only an update in place has changed its values. Else they may have been changed by somebody else, whose
// change was under way when the update began.
OldInstance Steps::as_recorded(const ActionState& action, OldInstance old) const {
    const Container* known = world_.find(old.spec.id);
    if (action.action != Action::Update && known && !known->is_missing()) old.spec = known->spec;
    return old;
}

// Whatever fails on the way does not keep the old one down either; the first failure is what is told.
void Steps::restore_old(const ActionState& action, const OldInstance& before, IfGone if_gone, Done done) {
    const auto old = as_recorded(action, before);
    const EngineId id = engine_id(old.spec.id);
    if (id.empty() && if_gone == IfGone::MakeAgain) return make_old_again(action, old, std::move(done));
    if (id.empty())
        return done(fail(Errc::NotFound, "component " + old.spec.name + ": its old instance is gone"));
    runtime::UpdateOptions values{};
    values.restart = old.spec.restart;
    if (action.action == Action::Update) values.resources = old.spec.resources;
    auto started = std::make_shared<Result<>>();  // carried from the worker to the loop
    submit(
        Lane::Steps, old.spec.id, kRestoreLimit,
        [this, id, old, values, started, joins = action.start_first](const runtime::Call& call) -> Result<> {
            const auto joined =
                joins ? runtime_.move_to(id, old.spec, runtime::Place::Shared, call) : Result<>();
            auto back = put_back(runtime_, id, old, values, call);
            *started = back.started;
            return back.whole && !joined ? not_the_instance(joined.error()) : back.whole;
        },
        [this, action, old, if_gone, started, done = std::move(done)](const Result<>& restored) {
            if (!*started) show_start_failed(old.spec.id, started->error());
            const bool gone = !restored && restored.error().code == Errc::NotFound;
            if (gone && if_gone == IfGone::MakeAgain) return make_old_again(action, old, done);
            if (restored) return take_old_back(old, done);
            const auto failed = fail(restored.error(), "component " + old.spec.name);
            if (comes_again(failed)) return done(failed);
            // In its old role nobody would count it: the next update would make a second one beside it.
            leave_record(old, action.action, [this, id = old.spec.id, done, failed] {
                const Container* left = world_.find(id);
                if (!left || left->is_missing()) return done(failed);
                put_name_right(*left, [done, failed](const std::optional<Error>&) { done(failed); });
            });
        });
}

// Somebody pruned what was stopped, or it was missing before: its own files are lost, what was asked for is
// not. Once: who removes it again, has the last word.
void Steps::make_old_again(const ActionState& action, const OldInstance& old, Done done) {
    log::warn("container {} ({}) is not in the engine any more: made again from its document", old.spec.name,
              old.spec.id);
    give_up_making(old.spec.id);  // by whom it may be without an end in sight
    Container record{};
    record.spec = old.spec;
    record.state.status = Status::Creating;
    record.started_before = old.ran;
    make_again(record, [this, action, old, done = std::move(done)](const std::optional<Error>& error) {
        if (!error) return restore_old(action, old, IfGone::Tell, done);
        leave_record(old, action.action,
                     [done, failed = fail(*error, "component " + old.spec.name)] { done(failed); });
    });
}

// As it was: by its record it can be made, and run, another time. Values that were changed in place may still
// be the engine's.
void Steps::leave_record(const OldInstance& old, Action action, std::function<void()> then) {
    const Container* known = world_.find(old.spec.id);
    if (!known) return then();
    Container left = *known;
    left.role = Role::Plain;
    if (left.is_missing() || action != Action::Update) left.spec = old.spec;
    world_.down_again(old.spec.id, old.manually_stopped);
    world_.keep(left, [then = std::move(then)](const Result<>&) { then(); });
}

// The engine is what counts: a record that cannot be written was logged, and the journal knows better.
void Steps::take_old_back(const OldInstance& old, Done done) {
    const Container* known = world_.find(old.spec.id);
    if (!known) return done(std::nullopt);
    Container back = *known;
    back.role = Role::Plain;
    back.spec = old.spec;
    world_.keep(back, [this, back, done = std::move(done)](const Result<>&) {
        log::info("container {} is as it was before the update", back.spec.name);
        put_name_right(back, [done](const std::optional<Error>&) { done(std::nullopt); });
    });
}

}  // namespace berth::service
