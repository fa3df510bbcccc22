// What is done once the engine answers (again), for everything that no open operation looks after: instances
// that got lost are made again from their records, what an unfinished update left is put in order, what ran
// before the engine went down runs again, names and policies are put right.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/operation.hpp"
#include "reconcile/phases.hpp"
#include "service/log.hpp"
#include "service/loop.hpp"
#include "service/steps.hpp"
#include "service/world.hpp"

namespace berth::service {

class Recovery {
 public:
    // What an open operation, or a create under way, looks after.
    struct Elsewhere {
        std::function<bool(const ContainerId&)> in_operation{};  // has a part for this container
        std::function<bool(const ContainerId&)> moving{};        // and a step of it is under way just now
        std::function<bool(const ContainerId&)> keeping_down{};  // and nobody else is to make or start it
    };
    // `pause`: until what could not be removed, or made again, is tried again.
    Recovery(Loop& loop, World& world, Steps& steps, Elsewhere elsewhere,
             std::chrono::milliseconds pause = std::chrono::minutes(1));

    // After every list that follows a (re)connect. `then` once all is in order; images that have to be pulled
    // for it are not waited for.
    void on_ready(std::function<void()> then);

    // Tries once more to remove what an update that was taken back has left: it may run, and hold ports and
    // names. `then` when that has ended, or takes too long (true); at once if there is nothing (false). One
    // at a time.
    bool clear_discarded(std::function<void()> then);

 private:
    void look_at(const Container& container, bool went_down);
    void look_at_missing(const Container& record);
    void make_again(const Container& record);
    void retry_later();
    void put_in_order(const Container& leftover);
    void discard(const Container& leftover);
    std::vector<Container> discarded() const;
    void discard_all();
    void try_again_later();
    bool is_discarding() const;
    void end_clearing();
    void undo(const Container& staged);
    void keep_new(const Container& staged);
    void put_policy_right(const Container& container);
    void put_right(const Container& container);
    void start_again(const Container& container);
    void run(reconcile::StepKind kind, ActionState action);
    Steps::Done when_done(const ContainerId& id, const std::string& name,
                          log::Level failure = log::Level::Error);

    Loop& loop_;
    World& world_;
    Steps& steps_;
    Elsewhere elsewhere_;
    std::function<void()> then_{};
    std::set<ContainerId> busy_;     // being put in order
    std::set<ContainerId> told_of_;  // could not be removed
    std::set<ContainerId> making_;   // being made again
    TimerId retry_{0};
    std::chrono::milliseconds pause_;
    TimerId discard_timer_{0};
    std::function<void()> cleared_{};  // empty: nobody waits
    TimerId patience_{0};
};

}  // namespace berth::service
