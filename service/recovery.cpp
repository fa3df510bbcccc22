#include "service/recovery.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace berth::service {
namespace {

constexpr std::chrono::minutes kLimit{2};

bool should_run(const Container& container) {
    return container.spec.restart.type != "no" && container.started_before && !container.manually_stopped;
}

void log_failure(const std::string& name, const std::optional<Error>& error) {
    if (error) spdlog::error("container {}: {}", name, error->message);
}

}  // namespace

Recovery::Recovery(Loop& loop, Workers& workers, runtime::Runtime& runtime, World& world, Steps& steps,
                   std::function<bool(const ContainerId&)> in_operation)
    : loop_(loop),
      workers_(workers),
      runtime_(runtime),
      world_(world),
      steps_(steps),
      in_operation_(std::move(in_operation)) {}

void Recovery::on_ready() {
    const bool first = std::exchange(first_, false);
    for (const auto& record : world_.take_missing())
        make_again(record);
    for (const auto& id : world_.take_gone_down()) {
        const Container* container = world_.find(id);
        if (container && container->role == Role::Plain && should_run(*container)) bring_up(*container);
    }
    if (!first) return;  // later an operation may be under way, and the leftovers are its own
    for (const auto& container : world_.containers())
        if (container.role != Role::Plain && !in_operation_(container.spec.id)) put_in_order(container);
}

// Its root file system is lost; what was asked for is not.
void Recovery::make_again(const Container& record) {
    if (record.role != Role::Plain) return world_.forget(record.spec.id);
    spdlog::warn("container {} ({}) is not in the engine any more: made again from its record",
                 record.spec.name, record.spec.id);
    workers_.submit(Lane::Steps, record.spec.id, [this, record](std::stop_token stop) -> Task {
        runtime::Call call{};
        call.stop = std::move(stop);
        call.deadline = std::chrono::steady_clock::now() + kLimit;
        Result<> done{};
        auto created = steps_.make(record.spec, {runtime::plain_name(record.spec), {}, {}}, call);
        if (!created)
            done = created.error();
        else if (should_run(record))
            done = runtime_.start(*created, call);
        return [this, record, created = std::move(created), done] {
            if (created) world_.on_created(record.spec.id, *created);
            if (!done) spdlog::error("container {}: make again: {}", record.spec.name, done.error().message);
        };
    });
}

void Recovery::bring_up(const Container& container) {
    spdlog::info("container {} ran before the engine went down: started again", container.spec.name);
    ActionState action{};
    action.name = container.spec.name;
    action.spec = container.spec;
    reconcile::Run start{reconcile::StepKind::EnsureRunning, 0, 0, std::move(action)};
    steps_.run(start, {}, [name = container.spec.name](const auto& error) { log_failure(name, error); });
}

// Without its operation a staged instance that never ran goes and the old one returns; one that ran stays and
// the old one goes.
void Recovery::put_in_order(const Container& leftover) {
    const auto all = world_.containers();
    const bool replaced = std::any_of(all.begin(), all.end(), [&](const Container& other) {
        return other.spec.name == leftover.spec.name && other.spec.id != leftover.spec.id &&
               other.started_before && (other.role == Role::Plain || other.role == Role::Staged);
    });
    if (leftover.role == Role::Staged && !leftover.started_before) return undo(leftover);
    if (leftover.role == Role::Staged) {
        Container plain = leftover;
        plain.role = Role::Plain;
        return world_.keep(plain, {});
    }
    if (!replaced) return take_back(leftover);
    ActionState action{};
    action.name = leftover.spec.name;
    action.old = OldInstance{leftover.spec, false, false};
    steps_.run({reconcile::StepKind::RemoveOld, 0, 0, action}, {},
               [name = leftover.spec.name](const auto& error) { log_failure(name, error); });
}

void Recovery::undo(const Container& staged) {
    spdlog::warn("container {} was staged by an update that did not end: removed", staged.spec.name);
    ActionState action{};
    action.action = staged.replaces.empty() ? Action::Create : Action::Recreate;
    action.name = staged.spec.name;
    action.spec = staged.spec;
    action.staged = true;
    if (const Container* old = world_.find(staged.replaces)) {
        action.old = OldInstance{old->spec, old->started_before, false};
        action.touched = true;
    }
    steps_.run({reconcile::StepKind::Restore, 0, 0, action}, {},
               [name = staged.spec.name](const auto& error) { log_failure(name, error); });
}

void Recovery::take_back(const Container& old) {
    spdlog::warn("container {} was replaced by an update that did not end: running again", old.spec.name);
    ActionState action{};
    action.action = Action::Recreate;
    action.name = old.spec.name;
    action.old = OldInstance{old.spec, true, false};
    action.touched = true;
    steps_.run({reconcile::StepKind::Restore, 0, 0, action}, {},
               [name = old.spec.name](const auto& error) { log_failure(name, error); });
}

}  // namespace berth::service
