// Operations that wait for commands which do not come, or whose machine was started anew meanwhile.
#include <optional>
#include <string>
#include <vector>

#include "reconcile/operation.hpp"
#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/operation_player.hpp"

using namespace berth;
using namespace berth::reconcile;
using berth::test::by_commands;
using berth::test::desired;
using berth::test::OperationPlayer;
using berth::test::running;
using berth::test::spec;

namespace {

using Lines = std::vector<std::string>;

// Two that are replaced, the second of which is in the middle of that command.
void drive_into(OperationPlayer& player, Command last) {
    player.begin(desired({spec("a", "app:2"), spec("b", "app:2")}), {running(spec("a")), running(spec("b"))},
                 by_commands());
    for (const auto what : {Command::Download, Command::Update, Command::Activate}) {
        player.send(CommandReceived{what, {}});
        if (what == last) break;
        player.play();
    }
    player.finish("a");
    player.take_lines();
}

}  // namespace

TEST_CASE("an update that a reboot has cut goes back, and what was in progress has failed",
          "[UA-61][UA-57][reconcile]") {
    OperationPlayer player;
    SECTION("UPDATE") {
        drive_into(player, Command::Update);
        player.restart(false);
        player.play();
        CHECK(player.take_lines() == Lines{"CLEANUP_SUCCESS a:UPDATE_SUCCESS b:UPDATE_FAILURE",
                                           "INCOMPLETE a:UPDATE_SUCCESS b:UPDATE_FAILURE"});
    }
    SECTION("ACTIVATE") {
        drive_into(player, Command::Activate);
        player.restart(false);
        player.play();
        CHECK(player.take_lines() == Lines{"CLEANUP_SUCCESS a:ACTIVATION_SUCCESS b:ACTIVATION_FAILURE",
                                           "INCOMPLETE a:ACTIVATION_SUCCESS b:ACTIVATION_FAILURE"});
    }
    CHECK(player.feedback().back().actions[1].message == "interrupted, as the machine was started anew");
    CHECK(player.steps().back() == OperationPlayer::Key{StepKind::Restore, "b"});
    CHECK(player.state().ended);
}

TEST_CASE("what a newer desired state waits for is superseded also after a reboot",
          "[UA-55][UA-61][reconcile]") {
    OperationPlayer player;
    const auto last = GENERATE(Command::Update, Command::Activate);
    drive_into(player, last);
    player.send(Superseded{});
    CHECK(player.take_lines().empty());  // the phase ends first
    player.restart(false);
    player.play();
    CHECK(player.take_lines() == Lines{last == Command::Update
                                           ? "SUPERSEDED a:UPDATE_SUCCESS b:UPDATE_FAILURE"
                                           : "SUPERSEDED a:ACTIVATION_SUCCESS b:ACTIVATION_FAILURE"});
    CHECK(player.steps().back() == OperationPlayer::Key{StepKind::Restore, "b"});
    CHECK(player.state().ended);
}
