#include "service/recovery.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/runtime.hpp"

namespace berth::service {
namespace {

constexpr std::chrono::seconds kClearPatience{10};  // of a desired state that waits for it

bool is_named_right(const Container& container) {
    const auto plain = runtime::plain_name(container.spec);
    return container.engine_name == plain ||
           container.engine_name == plain + "-" + runtime::id8(container.spec.id);
}

}  // namespace

Recovery::Recovery(Loop& loop, World& world, Steps& steps, Elsewhere elsewhere,
                   std::chrono::milliseconds pause)
    : loop_(loop), world_(world), steps_(steps), elsewhere_(std::move(elsewhere)), pause_(pause) {
    world_.when_changed([this] { try_again_later(); });
}

void Recovery::on_ready(std::function<void()> then) {
    then_ = std::move(then);
    const auto gone_down = world_.take_gone_down();
    for (const auto& container : world_.containers())
        look_at(container, gone_down.contains(container.spec.id));
    if (busy_.empty() && then_) std::exchange(then_, nullptr)();
}

void Recovery::look_at(const Container& container, bool went_down) {
    const auto& id = container.spec.id;
    if (busy_.contains(id) || making_.contains(id)) return;
    if (container.is_missing()) return look_at_missing(container);
    const bool looked_after = elsewhere_.in_operation(id);
    // Made again, and its Berth ended before it could start it.
    const bool unstarted = container.state.status == Status::Created && !looked_after;
    // An operation may stand open for days, and what its steps stopped is marked so. The mark may have missed
    // the disk, but not the journal.
    const bool starts = (went_down || unstarted) && container.role == Role::Plain && container.should_run() &&
                        !elsewhere_.keeping_down(id);
    const bool moving = elsewhere_.moving(id);
    if (starts && !moving) return start_again(container);
    if (looked_after) {
        // Its name is the operation's to give; that a stop which did not come to its end has taken its policy
        // away is no part of that.
        if (container.role == Role::Plain && !moving) put_policy_right(container);
        return;
    }
    if (container.role == Role::Plain)
        put_right(container);
    else
        put_in_order(container);
}

// What an operation has stopped or put in another role, it may still bring back, or leave to us.
void Recovery::look_at_missing(const Container& record) {
    const auto& id = record.spec.id;
    if (record.role == Role::Plain && !elsewhere_.keeping_down(id)) return make_again(record);
    if (elsewhere_.in_operation(id)) return retry_later();
    world_.forget(id);
}

// Its root file system is lost; what was asked for is not.
void Recovery::make_again(const Container& record) {
    const auto& id = record.spec.id;
    log::warn("container {} ({}) is not in the engine any more: made again from its record", record.spec.name,
              id);
    making_.insert(id);
    steps_.make_again(record, [this, record, id](const std::optional<Error>& error) {
        making_.erase(id);
        if (error) {
            // Interrupted: nobody wants it any more, or not for as long as an update may be taken back.
            if (error->code != Errc::Interrupted)
                log::error("container {}: {}", record.spec.name, error->message);
            return retry_later();
        }
        if (!record.should_run() || elsewhere_.keeping_down(id)) return;
        ActionState action{};
        action.name = record.spec.name;
        action.spec = record.spec;
        run(reconcile::StepKind::EnsureRunning, std::move(action));
    });
}

void Recovery::retry_later() {
    loop_.cancel(retry_);
    retry_ = loop_.post_after(pause_, [this] {
        if (!world_.ready()) return;  // then everything is looked at anyway
        for (const auto& container : world_.containers())
            if (container.is_missing()) look_at(container, false);
    });
}

// Without its operation a staged instance that never ran goes and the old one returns; one that ran stays and
// the old one goes.
void Recovery::put_in_order(const Container& leftover) {
    if (leftover.role == Role::Discarded) return discard(leftover);
    if (leftover.role == Role::Staged) return leftover.started_before ? keep_new(leftover) : undo(leftover);
    const auto all = world_.containers();
    const bool replaced = std::any_of(all.begin(), all.end(), [&](const Container& other) {
        return other.spec.name == leftover.spec.name && other.spec.id != leftover.spec.id &&
               other.started_before && other.role != Role::Old && other.role != Role::Discarded;
    });
    ActionState action{};
    action.action = Action::Recreate;
    action.name = leftover.spec.name;
    action.old = OldInstance{leftover.spec, true, false};
    action.touched = true;
    action.start_first = true;  // nobody knows: it may have left its network
    log::warn("container {} was replaced by an update that did not end: {}", action.name,
              replaced ? "removed" : "running again");
    run(replaced ? reconcile::StepKind::RemoveOld : reconcile::StepKind::Restore, std::move(action));
}

void Recovery::discard(const Container& leftover) {
    const auto& id = leftover.spec.id;
    const auto& name = leftover.spec.name;
    const bool first = told_of_.insert(id).second;  // it may come every minute, for ever
    log::at(first ? log::Level::Warn : log::Level::Debug,
            "container {} ({}) could not be removed by its update: tried every minute", name, id);
    steps_.discard(id, name, when_done(id, name, first ? log::Level::Error : log::Level::Debug));
}

std::vector<Container> Recovery::discarded() const {
    std::vector<Container> found;
    for (const auto& [id, container] : world_.all())
        if (container.role == Role::Discarded) found.push_back(container);
    return found;
}

void Recovery::discard_all() {
    for (const auto& container : discarded())
        if (!busy_.contains(container.spec.id) && !elsewhere_.in_operation(container.spec.id))
            discard(container);
}

void Recovery::try_again_later() {
    if (discard_timer_ != 0 || discarded().empty()) return;
    discard_timer_ = loop_.post_after(pause_, [this] {
        discard_timer_ = 0;
        if (world_.ready()) discard_all();  // else everything is looked at when it is
        try_again_later();
    });
}

bool Recovery::clear_discarded(std::function<void()> then) {
    discard_all();
    if (!is_discarding()) {
        then();
        return false;
    }
    cleared_ = std::move(then);
    patience_ = loop_.post_after(kClearPatience, [this] { end_clearing(); });
    return true;
}

bool Recovery::is_discarding() const {
    return std::any_of(busy_.begin(), busy_.end(), [this](const ContainerId& id) {
        const Container* container = world_.find(id);
        return container && container->role == Role::Discarded;
    });
}

void Recovery::end_clearing() {
    loop_.cancel(std::exchange(patience_, 0));
    std::exchange(cleared_, nullptr)();
}

void Recovery::undo(const Container& staged) {
    log::warn("container {} was staged by an update that did not end: removed", staged.spec.name);
    ActionState action{};
    action.action = staged.replaces.empty() ? Action::Create : Action::Recreate;
    action.name = staged.spec.name;
    action.spec = staged.spec;
    action.staged = true;
    // Nobody knows: it may have been on its way to a place beside the old one.
    action.start_first = action.started = !staged.replaces.empty();
    if (const Container* old = world_.find(staged.replaces)) {
        action.old = OldInstance{old->spec, old->started_before, false};
        action.touched = true;
        busy_.insert(old->spec.id);  // it is part of this
    }
    run(reconcile::StepKind::Restore, std::move(action));
}

// The old one, if it is still there, is a leftover of its own and finds that it was replaced.
void Recovery::keep_new(const Container& staged) {
    Container plain = staged;
    plain.role = Role::Plain;
    world_.keep(plain, {});
    steps_.put_on_network(plain, [this, plain, done = when_done(plain.spec.id, plain.spec.name)](
                                     const std::optional<Error>&) { steps_.put_name_right(plain, done); });
    const Container* old = world_.find(staged.replaces);
    if (!old || old->role != Role::Plain) return;
    Container replaced = *old;
    replaced.role = Role::Old;
    world_.keep(replaced, {});
    if (!busy_.contains(replaced.spec.id)) put_in_order(replaced);
}

void Recovery::start_again(const Container& container) {
    const bool unstarted = container.state.status == Status::Created;
    log::info("container {} {}: started again", container.spec.name,
              unstarted ? "was only made again" : "ran before it went down with the engine or berthd");
    ActionState action{};
    action.name = container.spec.name;
    action.spec = container.spec;
    run(reconcile::StepKind::EnsureRunning, std::move(action));
}

void Recovery::put_policy_right(const Container& container) {
    if (container.runs() && container.has_other_policy())
        steps_.put_policy_right(container, when_done(container.spec.id, container.spec.name));
}

void Recovery::put_right(const Container& container) {
    put_policy_right(container);
    if (!is_named_right(container))
        steps_.put_name_right(container, when_done(container.spec.id, container.spec.name));
}

void Recovery::run(reconcile::StepKind kind, ActionState action) {
    const ContainerId id = action.old ? action.old->spec.id : action.spec.id;
    const auto name = action.name;
    steps_.run({kind, 0, 0, std::move(action)}, {}, when_done(id, name));
}

Steps::Done Recovery::when_done(const ContainerId& id, const std::string& name, log::Level failure) {
    busy_.insert(id);
    return [this, id, name, failure](const std::optional<Error>& error) {
        if (error) log::at(failure, "container {}: {}", name, error->message);
        busy_.erase(id);
        if (busy_.empty() && then_) std::exchange(then_, nullptr)();
        if (cleared_ && !is_discarding()) end_clearing();
    };
}

}  // namespace berth::service
