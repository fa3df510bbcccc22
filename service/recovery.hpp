// What is done once the engine answers (again), for everything that no open operation looks after: instances
// that got lost are made again from their records, what an unfinished update left is put in order, what ran
// before the engine went down runs again, names and policies are put right.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "protocol/container.hpp"
#include "protocol/operation.hpp"
#include "reconcile/phases.hpp"
#include "service/loop.hpp"
#include "service/steps.hpp"
#include "service/world.hpp"

namespace berth::service {

class Recovery {
 public:
    // `in_operation`: an open operation has a part for this container and looks after it.
    Recovery(Loop& loop, World& world, Steps& steps, std::function<bool(const ContainerId&)> in_operation);

    // After every list that follows a (re)connect. `then` once all is in order; images that have to be pulled
    // for it are not waited for.
    void on_ready(std::function<void()> then);

 private:
    void look_at(const Container& container, bool went_down);
    void make_again(const Container& record);
    void retry_later();
    void put_in_order(const Container& leftover);
    void discard(const Container& leftover);
    void undo(const Container& staged);
    void keep_new(const Container& staged);
    void put_right(const Container& container, bool went_down);
    void run(reconcile::StepKind kind, ActionState action);
    Steps::Done when_done(const ContainerId& id, const std::string& name);

    Loop& loop_;
    World& world_;
    Steps& steps_;
    std::function<bool(const ContainerId&)> in_operation_;
    std::function<void()> then_{};
    std::set<ContainerId> busy_;    // being put in order
    std::set<ContainerId> making_;  // being made again
    TimerId retry_{0};
};

}  // namespace berth::service
