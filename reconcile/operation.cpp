#include "reconcile/operation.hpp"

#include <utility>

#include "reconcile/moves.hpp"

namespace berth::reconcile {
namespace {

struct OnEvent {
    Moves& moves;

    void operator()(const CommandReceived& event) const { moves.command(event.command, event.baseline); }

    void operator()(const StepDone& event) const {
        if (event.operation == moves.state().number) moves.step_done(event.action, event.error);
    }

    void operator()(const PullProgressed& event) const {
        if (event.operation == moves.state().number) moves.progressed(event.action, event.percent);
    }

    void operator()(const Interrupted& event) const { moves.interrupt(event.by); }

    void operator()(const Superseded&) const { moves.supersede(); }

    void operator()(const Resumed& event) const { moves.resume(event.same_boot); }

    void operator()(const Abandoned& event) const {
        if (event.operation == moves.state().number) moves.abandon();
    }

    void operator()(const GraceOver& event) const {
        if (event.operation == moves.state().number) moves.grace_over();
    }
};

}  // namespace

Advance advance(OperationState state, const Event& event) {
    Moves moves(std::move(state));
    if (!moves.state().ended) std::visit(OnEvent{moves}, event);
    return std::move(moves).result();
}

}  // namespace berth::reconcile
