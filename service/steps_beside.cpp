// Steps: update order start-first. The new instance starts beside the old one, on a network of its own, so
// that nobody finds it yet. Once it has held it comes to the others' network, under the host name of both,
// the old one leaves that network, and only then is asked to stop.
#include <utility>
#include <vector>

#include "service/log.hpp"
#include "service/steps.hpp"

namespace berth::service {
namespace {

// Of an instance that did not hold.
Error ended_too_soon(const ContainerState& state, bool runs_again) {
    std::string how = " with exit code " + std::to_string(state.exit_code);
    if (state.oom_killed) how += " (out of memory)";
    if (runs_again) how = " and was started again by the engine";
    return fail(Errc::Invalid, "the new instance ended" + how + " before it could take over");
}

// No reason to go back: logged, and done.
std::function<void(const Result<>&)> tell_trouble(std::string name,
                                                  std::function<void(std::optional<Error>)> done) {
    return [name = std::move(name), done = std::move(done)](const Result<>& moved) {
        if (!moved && moved.error().code != Errc::NotFound)
            log::warn("container {}: {}", name, moved.error().message);
        done(std::nullopt);
    };
}

}  // namespace

void Steps::start_beside(const ActionState& action, Done done) {
    const Container* container = world_.find(action.spec.id);
    if (!container || container->engine_id.empty())
        return done(fail(Errc::NotFound, "component " + action.name + ": its new instance is gone"));
    // Open before the start: an end may be told before its answer.
    gates_.insert_or_assign(action.spec.id,
                            Gate{action.name, container->state.finished_at, 0, std::move(done)});
    submit(
        Lane::Steps, action.spec.id, kCallLimit,
        [this, instance = container->engine_id, spec = action.spec,
         start = start_of(*container)](const runtime::Call& call) -> Result<> {
            if (auto moved = runtime_.move_to(instance, spec, runtime::Place::Apart, call); !moved)
                return moved;
            return start(call);
        },
        [this, id = action.spec.id, name = action.name](const Result<>& started) {
            if (!started) {
                show_start_failed(id, started.error());
                return close_gate(id, started.error());
            }
            const auto gate = gates_.find(id);
            if (gate == gates_.end()) return;  // it has ended already
            log::info("container {} started beside the one that it replaces", name);
            gate->second.timer = loop_.post_after(config_.gate, [this, id] { ask_at_gate(id); });
        });
}

// An end is told by an event and fails the gate at once, whether or not the engine starts it again.
void Steps::look_at_gates() {
    std::vector<std::pair<ContainerId, Error>> ended;
    for (const auto& [id, gate] : gates_) {
        const Container* container = world_.find(id);
        if (!container)
            ended.emplace_back(id, fail(Errc::NotFound, "the new instance was removed by somebody else"));
        else if (const auto& when = container->state.finished_at; !when.empty() && when != gate.ended_before)
            ended.emplace_back(id, ended_too_soon(container->state, container->runs()));
    }
    for (const auto& [id, error] : ended)
        close_gate(id, error);
}

// Events are lost while an engine is away, so that it has the last word.
void Steps::ask_at_gate(const ContainerId& id) {
    const auto gate = gates_.find(id);
    if (gate == gates_.end()) return;
    gate->second.timer = 0;
    submit(
        Lane::Steps, id, kCallLimit,
        [this, instance = engine_id(id)](const runtime::Call& call) { return holds(instance, call); },
        [this, id](const Result<>& held) {
            close_gate(id, held ? std::nullopt : std::optional(held.error()));
        });
}

void Steps::close_gate(const ContainerId& id, std::optional<Error> error) {
    const auto at = gates_.find(id);
    if (at == gates_.end()) return;
    const Gate gate = std::move(at->second);
    gates_.erase(at);
    loop_.cancel(gate.timer);
    if (error) error = fail(*error, "component " + gate.name);
    gate.done(std::move(error));
}

// On a worker: it runs, and has not ended since it was started.
Result<> Steps::holds(const EngineId& instance, const runtime::Call& call) const {
    const auto seen = runtime_.inspect(instance, call);
    if (!seen) return seen.error();
    if (seen->runs() && seen->state.restart_count == 0) return {};
    return ended_too_soon(seen->state, seen->runs());
}

// Asked once more, as Berth may have been away meanwhile. Each part can be repeated: a new instance that is
// there stays there, and so does an old one that is gone.
void Steps::replace_old(const ActionState& action, Done done) {
    const EngineId id = engine_id(action.spec.id);
    if (id.empty())
        return done(fail(Errc::NotFound, "component " + action.name + ": its new instance is gone"));
    submit(
        Lane::Steps, action.spec.id, kCallLimit,
        [this, id, spec = action.spec](const runtime::Call& call) -> Result<> {
            if (auto held = holds(id, call); !held) return held;
            return runtime_.move_to(id, spec, runtime::Place::Shared, call);
        },
        [this, action, done = std::move(done)](const Result<>& joined) {
            if (!joined) return done(fail(joined.error(), "component " + action.name));
            log::info("container {} takes over", action.name);
            const Done then = [this, action, done](const std::optional<Error>& stopped) {
                if (stopped) return done(stopped);
                change_roles(action, done);
            };
            for_each(
                going(action),
                [this](const OldInstance& old, Done left) { take_off_network(old.spec, std::move(left)); },
                [this, action, then](const std::optional<Error>&) { stop_old(action, then); });
        });
}

// One that cannot leave is found for as long as it takes to stop: no reason to go back.
void Steps::take_off_network(const ContainerSpec& spec, Done done) {
    const EngineId id = engine_id(spec.id);
    if (id.empty()) return done(std::nullopt);
    submit(
        Lane::Steps, spec.id, kCallLimit,
        [this, id, spec](const runtime::Call& call) -> Result<> {
            // It may end for lack of connections: the engine must not start it again, back on the bridge.
            if (auto held = runtime_.update(id, {RestartPolicy{"no", 0, 0}, std::nullopt}, call);
                !held && held.error().code != Errc::NotFound)
                return held;
            return runtime_.move_to(id, spec, runtime::Place::Nowhere, call);
        },
        tell_trouble(spec.name, std::move(done)));
}

void Steps::move_to(const EngineId& id, const ContainerSpec& spec, runtime::Place place, Done done) {
    submit(
        Lane::Steps, spec.id, kCallLimit,
        [this, id, spec, place](const runtime::Call& call) {
            return runtime_.move_to(id, spec, place, call);
        },
        tell_trouble(spec.name, std::move(done)));
}

// Of an instance that is gone what is left is its own network.
void Steps::clear_network(const EngineId& id, const ContainerSpec& spec, Done done) {
    move_to(id, spec, runtime::Place::Nowhere, std::move(done));
}

void Steps::put_on_network(const Container& container, Done done) {
    move_to(container.engine_id, container.spec, runtime::Place::Shared, std::move(done));
}

}  // namespace berth::service
