// What is done once the engine answers (again): instances that got lost are made again from their records,
// what an unfinished update left is put in order, and what ran before the engine went down runs again.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "protocol/container.hpp"
#include "protocol/operation.hpp"
#include "runtime/runtime.hpp"
#include "service/loop.hpp"
#include "service/steps.hpp"
#include "service/workers.hpp"
#include "service/world.hpp"

namespace berth::service {

class Recovery {
 public:
    // `in_operation`: an open operation has a part for this container and looks after it.
    Recovery(Loop& loop, Workers& workers, runtime::Runtime& runtime, World& world, Steps& steps,
             std::function<bool(const ContainerId&)> in_operation);

    void on_ready();  // after every list that follows a (re)connect

 private:
    void make_again(const Container& record);
    void put_in_order(const Container& leftover);
    void bring_up(const Container& container);
    void undo(const Container& staged);
    void take_back(const Container& old);

    Loop& loop_;
    Workers& workers_;
    runtime::Runtime& runtime_;
    World& world_;
    Steps& steps_;
    std::function<bool(const ContainerId&)> in_operation_;
    bool first_{true};
};

}  // namespace berth::service
