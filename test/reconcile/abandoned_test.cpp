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

// One component that is replaced, on the way to a new image; what the last command said is forgotten.
void drive(OperationPlayer& player, const std::vector<Command>& commands) {
    player.begin(desired({spec("a", "app:2")}), {running(spec("a"))}, by_commands());
    for (const auto what : commands) {
        player.send(CommandReceived{what, {}});
        player.play();
    }
    player.take_lines();
}

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

TEST_CASE("where nobody goes on an operation ends by time and after a reboot, or stays where nothing is down",
          "[UA-61][reconcile]") {
    using C = Command;
    struct Case {
        Word stands;
        std::vector<Command> commands;
        std::optional<StepKind> fails;
        Lines says;  // nothing: it is kept
        std::optional<StepKind> step;
    };
    const std::vector<Case> cases = {
        {Word::Identified, {}, {}, {}, {}},
        {Word::DownloadSuccess, {C::Download}, {}, {}, {}},
        {Word::DownloadFailure,
         {C::Download},
         StepKind::Stage,
         {"CLEANUP_SUCCESS a:DOWNLOAD_FAILURE", "INCOMPLETE a:DOWNLOAD_FAILURE"},
         StepKind::Restore},
        {Word::UpdateSuccess,
         {C::Download, C::Update},
         {},
         {"CLEANUP_SUCCESS a:UPDATE_SUCCESS", "INCOMPLETE a:UPDATE_SUCCESS"},
         StepKind::Restore},
        {Word::UpdateFailure,
         {C::Download, C::Update},
         StepKind::StopOld,
         {"CLEANUP_SUCCESS a:UPDATE_FAILURE", "INCOMPLETE a:UPDATE_FAILURE"},
         StepKind::Restore},
        {Word::ActivationSuccess,
         {C::Download, C::Update, C::Activate},
         {},
         {"CLEANUP_SUCCESS a:ACTIVATION_SUCCESS", "COMPLETED a:ACTIVATION_SUCCESS"},
         StepKind::RemoveOld},
        {Word::ActivationFailure,
         {C::Download, C::Update, C::Activate},
         StepKind::StartNew,
         {"CLEANUP_SUCCESS a:ACTIVATION_FAILURE", "INCOMPLETE a:ACTIVATION_FAILURE"},
         StepKind::Restore},
        {Word::RollbackSuccess,
         {C::Download, C::Update, C::Rollback},
         {},
         {"CLEANUP_SUCCESS a:UPDATE_FAILURE", "INCOMPLETE a:UPDATE_FAILURE"},
         {}},
        // What cannot be brought back now cannot either.
        {Word::RollbackFailure,
         {C::Download, C::Update, C::Rollback},
         StepKind::Restore,
         {"CLEANUP_FAILURE a:UPDATE_FAILURE", "INCOMPLETE a:UPDATE_FAILURE"},
         StepKind::Restore},
    };
    for (const auto& c : cases)
        for (const bool by_reboot : {false, true})
            DYNAMIC_SECTION(to_string(c.stands) << (by_reboot ? ", reboot" : ", time")) {
                OperationPlayer player;
                if (c.fails) player.fail_at(*c.fails, "a", "no");
                drive(player, c.commands);
                REQUIRE(player.state().scopes[0].status == c.stands);
                const auto before = player.state();
                const auto steps = player.steps().size();
                if (by_reboot)
                    player.restart(false);
                else
                    player.send(Abandoned{1});
                player.play();
                CHECK(player.take_lines() == c.says);
                CHECK(player.state().ended != c.says.empty());
                REQUIRE(player.steps().size() == steps + (c.step ? 1U : 0U));
                if (c.step) CHECK(player.steps().back().first == *c.step);
                if (c.says.empty()) CHECK(player.state() == before);
            }
}

TEST_CASE("the same run of the machine, another operation and one that drives itself are not abandoned",
          "[UA-61][reconcile]") {
    OperationPlayer player;
    SECTION("it stands where something is down") {
        drive(player, {Command::Download, Command::Update});
        const auto before = player.state();
        player.send(Resumed{true});
        player.send(Abandoned{7});
        CHECK(player.state() == before);
    }
    SECTION("a phase runs") {
        drive(player, {Command::Download});
        player.send(CommandReceived{Command::Update, {}});
        const auto before = player.state();
        player.send(Abandoned{1});
        CHECK(player.state() == before);
    }
    SECTION("it drives itself") {
        player.begin(desired({spec("a", "app:2")}), {running(spec("a"))}, berth::test::by_itself());
        const auto before = player.state();
        player.send(Abandoned{1});
        CHECK(player.state() == before);
    }
    CHECK_FALSE(player.state().ended);
}

TEST_CASE("one baseline in which something is down is enough", "[UA-61][UA-34][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a", "app:2"), spec("b", "app:2")}), {running(spec("a")), running(spec("b"))},
                 by_commands());
    for (const auto what : {Command::Download, Command::Update}) {
        player.send(CommandReceived{what, "containers:b"});
        player.play();
    }
    player.take_lines();
    player.send(Abandoned{1});
    player.play();
    CHECK(player.take_lines() ==
          Lines{"CLEANUP_SUCCESS a:IDENTIFIED b:UPDATE_SUCCESS", "INCOMPLETE a:IDENTIFIED b:UPDATE_SUCCESS"});
    CHECK(player.steps().back() == OperationPlayer::Key{StepKind::Restore, "b"});
}
