#include "reconcile/operation.hpp"

#include <algorithm>
#include <random>

#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/operation_player.hpp"
#include "test/support/rounds.hpp"

using namespace berth;
using namespace berth::reconcile;
using berth::test::by_commands;
using berth::test::by_itself;
using berth::test::desired;
using berth::test::missing;
using berth::test::OperationPlayer;
using berth::test::running;
using berth::test::spec;

namespace {

using Lines = std::vector<std::string>;

Lines after(OperationPlayer& player, Command command) {
    player.take_lines();
    player.send(CommandReceived{command, {}});
    player.play();
    return player.take_lines();
}

}  // namespace

TEST_CASE("first deployment of two: Kanto's messages, one by one", "[UA-44][UA-45][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a"), spec("b")}), {}, by_commands());
    CHECK(player.take_lines() == Lines{"IDENTIFIED a:IDENTIFIED b:IDENTIFIED"});
    CHECK(after(player, Command::Download) ==
          Lines{"DOWNLOADING a:DOWNLOADING b:IDENTIFIED", "DOWNLOADING a:DOWNLOAD_SUCCESS b:DOWNLOADING",
                "DOWNLOAD_SUCCESS a:DOWNLOAD_SUCCESS b:DOWNLOAD_SUCCESS"});
    CHECK(after(player, Command::Update) == Lines{"UPDATE_SUCCESS a:DOWNLOAD_SUCCESS b:DOWNLOAD_SUCCESS"});
    CHECK(after(player, Command::Activate) ==
          Lines{"ACTIVATING a:ACTIVATING b:DOWNLOAD_SUCCESS", "ACTIVATING a:ACTIVATION_SUCCESS b:ACTIVATING",
                "ACTIVATION_SUCCESS a:ACTIVATION_SUCCESS b:ACTIVATION_SUCCESS"});
    CHECK(after(player, Command::Cleanup) ==
          Lines{"CLEANUP_SUCCESS a:ACTIVATION_SUCCESS b:ACTIVATION_SUCCESS",
                "COMPLETED a:ACTIVATION_SUCCESS b:ACTIVATION_SUCCESS"});
    CHECK(player.state().ended);
}

TEST_CASE("new image for a, b unchanged", "[UA-44][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a", "app:2"), spec("b")}), {running(spec("a")), running(spec("b"))},
                 by_itself());
    player.play();
    CHECK(player.take_lines() ==
          Lines{"IDENTIFIED a:IDENTIFIED b:IDENTIFIED", "DOWNLOADING a:DOWNLOADING b:IDENTIFIED",
                "DOWNLOAD_SUCCESS a:DOWNLOAD_SUCCESS b:IDENTIFIED", "UPDATING a:UPDATING b:IDENTIFIED",
                "UPDATE_SUCCESS a:UPDATE_SUCCESS b:IDENTIFIED", "ACTIVATING a:ACTIVATING b:IDENTIFIED",
                "ACTIVATING a:ACTIVATION_SUCCESS b:ACTIVATING",
                "ACTIVATION_SUCCESS a:ACTIVATION_SUCCESS b:ACTIVATION_SUCCESS",
                "CLEANUP_SUCCESS a:ACTIVATION_SUCCESS b:ACTIVATION_SUCCESS",
                "COMPLETED a:ACTIVATION_SUCCESS b:ACTIVATION_SUCCESS"});
    using S = StepKind;
    CHECK(player.steps() == std::vector<OperationPlayer::Key>{{S::Stage, "a"},
                                                              {S::StopOld, "a"},
                                                              {S::StartNew, "a"},
                                                              {S::EnsureRunning, "b"},
                                                              {S::RemoveOld, "a"}});
}

TEST_CASE("remove b, a unchanged", "[UA-44][UA-24][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a")}), {running(spec("a")), running(spec("b"))}, by_itself());
    player.play();
    CHECK(player.take_lines() ==
          Lines{"IDENTIFIED a:IDENTIFIED b:IDENTIFIED", "DOWNLOAD_SUCCESS a:IDENTIFIED b:IDENTIFIED",
                "UPDATING a:IDENTIFIED b:UPDATING", "UPDATE_SUCCESS a:IDENTIFIED b:UPDATE_SUCCESS",
                "ACTIVATING a:ACTIVATING b:UPDATE_SUCCESS",
                "ACTIVATION_SUCCESS a:ACTIVATION_SUCCESS b:UPDATE_SUCCESS",
                "CLEANUP_SUCCESS a:ACTIVATION_SUCCESS b:REMOVAL_SUCCESS",
                "COMPLETED a:ACTIVATION_SUCCESS b:REMOVAL_SUCCESS"});
}

TEST_CASE("the first failing action stops its phase, later ones keep their status",
          "[UA-46][UA-44][reconcile]") {
    OperationPlayer player;
    player.fail_at(StepKind::Stage, "b", "image b: not found");
    player.begin(desired({spec("a"), spec("b"), spec("c")}), {}, by_commands());
    CHECK(after(player, Command::Download) ==
          Lines{"DOWNLOADING a:DOWNLOADING b:IDENTIFIED c:IDENTIFIED",
                "DOWNLOADING a:DOWNLOAD_SUCCESS b:DOWNLOADING c:IDENTIFIED",
                "DOWNLOAD_FAILURE a:DOWNLOAD_SUCCESS b:DOWNLOAD_FAILURE c:IDENTIFIED"});
    CHECK(player.feedback().back().actions[1].message == "image b: not found");
    CHECK(after(player, Command::Cleanup) ==
          Lines{"CLEANUP_SUCCESS a:DOWNLOAD_SUCCESS b:DOWNLOAD_FAILURE c:IDENTIFIED",
                "INCOMPLETE a:DOWNLOAD_SUCCESS b:DOWNLOAD_FAILURE c:IDENTIFIED"});
    const auto restored = std::count(player.steps().begin(), player.steps().end(),
                                     OperationPlayer::Key{StepKind::Restore, "a"});
    CHECK(restored == 1);
}

TEST_CASE("what runs in parallel ends by itself after a failure, then the phase fails",
          "[UA-46][reconcile]") {
    OperationPlayer player;
    player.fail_at(StepKind::Stage, "a", "no");
    player.begin(desired({spec("a"), spec("b"), spec("c")}), {}, by_commands(2));
    player.take_lines();
    player.send(CommandReceived{Command::Download, {}});
    player.finish("a");
    CHECK(player.take_lines() == Lines{"DOWNLOADING a:DOWNLOADING b:IDENTIFIED c:IDENTIFIED",
                                       "DOWNLOADING a:DOWNLOADING b:DOWNLOADING c:IDENTIFIED",
                                       "DOWNLOADING a:DOWNLOAD_FAILURE b:DOWNLOADING c:IDENTIFIED"});
    player.finish("b");
    CHECK(player.take_lines() ==
          Lines{"DOWNLOAD_FAILURE a:DOWNLOAD_FAILURE b:DOWNLOAD_SUCCESS c:IDENTIFIED"});
    CHECK(player.open_steps() == 0);
}

TEST_CASE("two in parallel: a message for each start and each end, in any order", "[UA-45][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a"), spec("b")}), {}, by_commands(4));
    player.take_lines();
    player.send(CommandReceived{Command::Download, {}});
    player.finish("b");
    player.finish("a");
    CHECK(player.take_lines() == Lines{"DOWNLOADING a:DOWNLOADING b:IDENTIFIED",
                                       "DOWNLOADING a:DOWNLOADING b:DOWNLOADING",
                                       "DOWNLOADING a:DOWNLOADING b:DOWNLOAD_SUCCESS",
                                       "DOWNLOAD_SUCCESS a:DOWNLOAD_SUCCESS b:DOWNLOAD_SUCCESS"});
}

TEST_CASE("an end and the start it makes room for share one message", "[UA-45][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a"), spec("b"), spec("c")}), {}, by_commands(2));
    player.send(CommandReceived{Command::Download, {}});
    player.take_lines();
    player.finish("b");
    CHECK(player.take_lines() == Lines{"DOWNLOADING a:DOWNLOADING b:DOWNLOAD_SUCCESS c:DOWNLOADING"});
}

TEST_CASE("as many actions as are allowed are in progress in DOWNLOAD and ACTIVATE, never more",
          "[BX-18][UA-45][reconcile]") {
    std::vector<ContainerSpec> wanted;
    for (int i = 0; i < 20; ++i)
        wanted.push_back(spec("c" + std::to_string(i)));
    for (const unsigned parallel : {1U, 2U, 4U, 16U}) {
        OperationPlayer player;
        player.begin(desired(wanted), {}, by_commands(parallel));
        for (const auto command : {Command::Download, Command::Update, Command::Activate}) {
            player.send(CommandReceived{command, {}});
            for (std::size_t left = wanted.size(); player.open_steps() > 0; --left) {
                REQUIRE(player.open_steps() == std::min<std::size_t>(parallel, left));
                player.finish_first();
            }
        }
        CHECK(player.state().scopes[0].status == Word::ActivationSuccess);
    }
}

TEST_CASE("stops go sixteen at once, but one by one with parallel 1", "[UA-44][reconcile]") {
    std::vector<Container> there;
    for (int i = 0; i < 20; ++i)
        there.push_back(running(spec("c" + std::to_string(i))));
    for (const auto& [parallel, stops] : {std::pair{1U, 1U}, std::pair{2U, 16U}}) {
        OperationPlayer player;
        player.begin(desired({}), there, by_commands(parallel));
        player.send(CommandReceived{Command::Download, {}});
        player.send(CommandReceived{Command::Update, {}});
        CHECK(player.open_steps() == stops);
    }
}

TEST_CASE("driving itself: a failed download cleans up, its cause stays named", "[UA-54][reconcile]") {
    OperationPlayer player;
    player.fail_at(StepKind::Stage, "b", "image b: not found");
    player.begin(desired({spec("a", "app:2"), spec("b")}), {running(spec("a"))}, by_itself());
    player.play();
    CHECK(player.take_lines() == Lines{"IDENTIFIED a:IDENTIFIED b:IDENTIFIED",
                                       "DOWNLOADING a:DOWNLOADING b:IDENTIFIED",
                                       "DOWNLOADING a:DOWNLOAD_SUCCESS b:DOWNLOADING",
                                       "DOWNLOAD_FAILURE a:DOWNLOAD_SUCCESS b:DOWNLOAD_FAILURE",
                                       "CLEANUP_SUCCESS a:DOWNLOAD_SUCCESS b:DOWNLOAD_FAILURE",
                                       "INCOMPLETE a:DOWNLOAD_SUCCESS b:DOWNLOAD_FAILURE"});
    CHECK(player.feedback().back().actions[1].message == "image b: not found");
    CHECK(player.state().ended);
}

TEST_CASE("driving itself: a failed start rolls back, then cleans up", "[UA-54][UA-44][reconcile]") {
    OperationPlayer player;
    player.fail_at(StepKind::StartNew, "a", "exec: no such file");
    player.begin(desired({spec("a", "app:2")}), {running(spec("a"))}, by_itself());
    player.play();
    CHECK(player.take_lines() == Lines{"IDENTIFIED a:IDENTIFIED", "DOWNLOADING a:DOWNLOADING",
                                       "DOWNLOAD_SUCCESS a:DOWNLOAD_SUCCESS", "UPDATING a:UPDATING",
                                       "UPDATE_SUCCESS a:UPDATE_SUCCESS", "ACTIVATING a:ACTIVATING",
                                       "ACTIVATION_FAILURE a:ACTIVATION_FAILURE", "ROLLBACK a:UPDATING",
                                       "ROLLBACK_SUCCESS a:UPDATE_FAILURE",
                                       "CLEANUP_SUCCESS a:UPDATE_FAILURE", "INCOMPLETE a:UPDATE_FAILURE"});
    CHECK(player.feedback().back().actions[0].message ==
          "exec: no such file; new instance removed, old one running");
}

TEST_CASE("a rollback goes on after an error and says so", "[UA-44][reconcile]") {
    OperationPlayer player;
    player.fail_at(StepKind::StartNew, "c", "boom");
    player.fail_at(StepKind::Restore, "a", "engine error");
    player.begin(desired({spec("a", "app:2"), spec("b"), spec("c", "app:2")}),
                 {running(spec("a")), running(spec("b")), running(spec("c")), running(spec("gone"))},
                 by_commands());
    for (const auto command : {Command::Download, Command::Update, Command::Activate})
        after(player, command);
    CHECK(
        after(player, Command::Rollback) ==
        Lines{"ROLLBACK a:UPDATING b:ACTIVATION_SUCCESS c:ACTIVATION_FAILURE gone:UPDATE_SUCCESS",
              "ROLLBACK a:UPDATE_FAILURE b:ACTIVATION_SUCCESS c:ACTIVATION_FAILURE gone:UPDATE_SUCCESS",
              "ROLLBACK a:UPDATE_FAILURE b:ACTIVATION_SUCCESS c:UPDATING gone:UPDATE_SUCCESS",
              "ROLLBACK a:UPDATE_FAILURE b:ACTIVATION_SUCCESS c:UPDATE_FAILURE gone:UPDATE_SUCCESS",
              "ROLLBACK_FAILURE a:UPDATE_FAILURE b:ACTIVATION_SUCCESS c:UPDATE_FAILURE gone:UPDATE_FAILURE"});
    CHECK(player.feedback().back().actions[0].message == "not restored: engine error");
    CHECK(player.feedback().back().actions[2].message == "boom; new instance removed, old one running");
    CHECK(player.feedback().back().actions[3].message == "running again");
}

TEST_CASE("rollback of two where the second closes the list", "[UA-44][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a"), spec("c")}), {}, by_commands());
    for (const auto command : {Command::Download, Command::Update, Command::Activate})
        after(player, command);
    CHECK(after(player, Command::Rollback) == Lines{"ROLLBACK a:UPDATING c:ACTIVATION_SUCCESS",
                                                    "ROLLBACK a:UPDATE_FAILURE c:ACTIVATION_SUCCESS",
                                                    "ROLLBACK a:UPDATE_FAILURE c:UPDATING",
                                                    "ROLLBACK_SUCCESS a:UPDATE_FAILURE c:UPDATE_FAILURE"});
    CHECK(after(player, Command::Cleanup).back() == "INCOMPLETE a:UPDATE_FAILURE c:UPDATE_FAILURE");
}

TEST_CASE("nothing desired and nothing there ends at once", "[UA-27][reconcile]") {
    OperationPlayer player;
    player.begin(desired({}), {}, by_commands());
    CHECK(player.take_lines() == Lines{"IDENTIFIED", "COMPLETED"});
    CHECK(player.state().ended);
}

TEST_CASE("a component that is a system container is skipped and named", "[UA-26][reconcile]") {
    OperationPlayer player;
    auto how = by_commands();
    how.pinned = {"agent"};
    player.begin(desired({spec("agent", "app:9"), spec("a")}), {running(spec("agent"))}, how);
    CHECK(player.take_lines() == Lines{"IDENTIFIED a:IDENTIFIED"});
    CHECK(player.feedback()[0].message == "component agent: a system container, skipped");
}

TEST_CASE("a newer desired state waits for the phase, then everything goes back", "[UA-55][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a", "app:2"), spec("b")}), {running(spec("a"))}, by_commands());
    after(player, Command::Download);
    player.send(CommandReceived{Command::Update, {}});
    player.take_lines();
    player.send(Superseded{});
    CHECK(player.take_lines().empty());
    player.play();
    CHECK(player.take_lines() == Lines{"UPDATE_SUCCESS a:UPDATE_SUCCESS b:DOWNLOAD_SUCCESS",
                                       "SUPERSEDED a:UPDATE_SUCCESS b:DOWNLOAD_SUCCESS"});
    CHECK(player.state().ended);
    CHECK(player.steps().back() == OperationPlayer::Key{StepKind::Restore, "b"});
}

TEST_CASE("what is activated is finished for a newer desired state", "[UA-55][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a", "app:2")}), {running(spec("a"))}, by_commands());
    for (const auto command : {Command::Download, Command::Update, Command::Activate})
        after(player, command);
    player.send(Superseded{});
    player.play();
    CHECK(player.take_lines() == Lines{"SUPERSEDED a:ACTIVATION_SUCCESS"});
    CHECK(player.steps().back() == OperationPlayer::Key{StepKind::RemoveOld, "a"});
}

TEST_CASE("a download is interrupted by ROLLBACK, CLEANUP and a newer desired state", "[UA-62][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a"), spec("b"), spec("c")}), {}, by_commands(2));
    player.send(CommandReceived{Command::Download, {}});
    player.take_lines();
    player.send(Interrupted{"ROLLBACK"});
    CHECK(player.cancelled());
    player.play();
    CHECK(player.take_lines() ==
          Lines{"DOWNLOADING a:DOWNLOAD_FAILURE b:DOWNLOADING c:IDENTIFIED",
                "DOWNLOAD_FAILURE a:DOWNLOAD_FAILURE b:DOWNLOAD_FAILURE c:IDENTIFIED"});
    for (const std::size_t one : {0U, 2U})
        CHECK(player.feedback().back().actions[one].message == "interrupted by ROLLBACK");
    CHECK(after(player, Command::Rollback).back() ==
          "ROLLBACK_SUCCESS a:UPDATE_FAILURE b:UPDATE_FAILURE c:UPDATE_FAILURE");
}

TEST_CASE("an interrupted download does not pull on after a restart", "[UA-57][UA-62][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a")}), {}, by_commands());
    player.send(CommandReceived{Command::Download, {}});
    player.send(Interrupted{"CLEANUP"});
    player.restart();
    CHECK(player.open_steps() == 1);
    CHECK(player.cancelled());
    player.play();
    CHECK(player.take_lines().back() == "DOWNLOAD_FAILURE a:DOWNLOAD_FAILURE");
}

TEST_CASE("that a container runs is told and not written down, however many do",
          "[UA-22][UA-45][reconcile]") {
    for (const std::size_t count : {2U, 40U}) {
        std::vector<ContainerSpec> set;
        std::vector<Container> there;
        for (std::size_t i = 0; i < count; ++i) {
            set.push_back(spec("c" + std::to_string(i)));
            there.push_back(running(set.back()));
        }
        OperationPlayer player;
        player.begin(desired(set), there, by_itself());
        CHECK(player.records() == 1);
        player.play();
        CHECK(player.state().ended);
        CHECK(player.records() == 2);
        // IDENTIFIED, two empty phases, a message per start and one that ends the phase, its cleanup, the
        // end.
        CHECK(player.feedback().size() == count + 6);
    }
}

TEST_CASE("that a container cannot run is written down at once", "[UA-46][UA-57][reconcile]") {
    OperationPlayer player;
    player.fail_at(StepKind::EnsureRunning, "a", "no");
    player.begin(desired({spec("a"), spec("b")}), {running(spec("a")), running(spec("b"))}, by_commands(2));
    after(player, Command::Download);
    after(player, Command::Update);
    player.send(CommandReceived{Command::Activate, {}});
    const auto before = player.records();
    player.finish("a");
    CHECK(player.records() == before + 1);
    CHECK(player.take_lines().back() == "ACTIVATING a:ACTIVATION_FAILURE b:ACTIVATING");
}

TEST_CASE("progress rises, stays below 100 and is marked as droppable", "[UA-47][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a")}), {}, by_commands());
    player.send(CommandReceived{Command::Download, {}});
    player.take_lines();
    for (const int percent : {10, 5, 10, 50, 100})
        player.send(PullProgressed{1, 0, percent});
    CHECK(player.take_lines() == Lines{"DOWNLOADING a:DOWNLOADING(10)", "DOWNLOADING a:DOWNLOADING(50)",
                                       "DOWNLOADING a:DOWNLOADING(99)"});
    player.play();
    CHECK(player.take_lines() == Lines{"DOWNLOAD_SUCCESS a:DOWNLOAD_SUCCESS"});
    player.send(PullProgressed{1, 0, 100});
    CHECK(player.take_lines().empty());
}

TEST_CASE("that a pull is tried again is told beside the action's own message", "[UA-47][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a")}), {}, by_commands());
    player.send(CommandReceived{Command::Download, {}});
    player.send(PullProgressed{1, 0, 40});
    player.take_lines();
    const auto before = player.state();
    const auto told = advance(before, PullDelayed{1, 0, "pull fails: no route; tried again in 1 s (1 of 3)"});
    CHECK(told.next == before);
    CHECK_FALSE(told.keep);
    REQUIRE(told.effects.size() == 1);
    const auto& said = std::get<Send>(told.effects[0]);
    CHECK(said.weight == Weight::Trouble);
    CHECK(said.feedback.status == Word::Downloading);
    CHECK(said.feedback.actions.at(0).message == "create; pull fails: no route; tried again in 1 s (1 of 3)");
    CHECK(said.feedback.actions.at(0).progress == 40);
    player.send(PullDelayed{1, 0, "pull fails"});
    player.send(PullProgressed{1, 0, 10});  // it begins anew
    player.send(PullProgressed{1, 0, 50});
    CHECK(player.take_lines() == Lines{"DOWNLOADING a:DOWNLOADING(40)", "DOWNLOADING a:DOWNLOADING(50)"});
    CHECK(player.feedback().back().actions.at(0).message == "create");
    player.play();
    player.take_lines();
    player.send(PullDelayed{1, 0, "pull fails"});
    CHECK(player.take_lines().empty());
}

TEST_CASE("with a grace it waits, and a command takes the wheel for good", "[UA-53][reconcile]") {
    auto how = by_itself();
    how.grace = true;
    SECTION("the grace runs out") {
        OperationPlayer player;
        player.begin(desired({spec("a")}), {}, how);
        CHECK(player.open_steps() == 0);
        player.send(GraceOver{1});
        player.play();
        CHECK(player.take_lines().back() == "COMPLETED a:ACTIVATION_SUCCESS");
    }
    SECTION("a command comes first") {
        OperationPlayer player;
        player.begin(desired({spec("a")}), {}, how);
        after(player, Command::Download);
        player.send(GraceOver{1});
        CHECK(player.open_steps() == 0);
        CHECK(after(player, Command::Update) == Lines{"UPDATE_SUCCESS a:DOWNLOAD_SUCCESS"});
    }
}

TEST_CASE("late results of another operation change nothing", "[reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a")}), {}, by_commands());
    player.send(CommandReceived{Command::Download, {}});
    const auto before = player.state();
    player.send(StepDone{7, 0, std::nullopt});
    player.send(PullProgressed{7, 0, 50});
    player.send(StepDone{1, 5, std::nullopt});
    CHECK(player.state() == before);
}

TEST_CASE("whatever fails, a self-driving operation ends and says how", "[UA-54][reconcile]") {
    std::mt19937 rng(3);
    const std::vector<StepKind> kinds = {StepKind::Stage,        StepKind::StopOld, StepKind::Apply,
                                         StepKind::StartNew,     StepKind::Restore, StepKind::RemoveOld,
                                         StepKind::EnsureRunning};
    for (int run = 0; run < berth::test::rounds(400); ++run) {
        OperationPlayer player;
        auto limited = spec("b");
        limited.resources.memory = "64M";
        const std::vector<std::string> names = {"a", "b", "c", "d", "e"};
        const std::size_t failing = rng() % 3;
        for (std::size_t i = 0; i < failing; ++i)
            player.fail_at(kinds[rng() % kinds.size()], names[rng() % names.size()], "cause");
        player.begin(desired({spec("a", "app:2"), limited, spec("c"), spec("d")}),
                     {running(spec("a")), running(spec("b")), running(spec("c")), running(spec("e"))},
                     by_itself(1 + rng() % 4));
        player.play();
        REQUIRE(player.state().ended);
        const auto last = player.feedback().back().status;
        REQUIRE((last == Word::Completed || last == Word::Incomplete));
        for (const auto& said : player.feedback())
            if (said.status != Word::Identifying) REQUIRE(said.actions.size() == 5);
    }
}

TEST_CASE("what has lost its instance comes back as it should be", "[UA-69][reconcile]") {
    auto stopped = missing(spec("web"));
    stopped.manually_stopped = true;
    auto once = missing(spec("web"));
    once.spec.restart.type = "no";
    auto never = missing(spec("web"));
    never.started_before = false;
    for (const auto& [was, should_run] : std::vector<std::pair<Container, bool>>{
             {missing(spec("web")), true}, {stopped, false}, {once, false}, {never, false}}) {
        OperationPlayer player;
        player.begin(desired({spec("web", "app:2")}), {was}, by_commands());
        const auto& old = player.state().actions.at(0).old;
        REQUIRE(old);
        CHECK(old->missing);
        CHECK(old->ran == should_run);
    }
}

TEST_CASE("a rollback does not say that it has brought back what it has not touched", "[UA-69][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("web")}), {missing(spec("web"))}, by_commands());
    after(player, Command::Download);
    const auto said = [&] { return player.feedback().back().actions.at(0).message; };
    SECTION("untouched") {
        after(player, Command::Rollback);
        CHECK(said() == "new instance removed");
    }
    SECTION("stopped, so that nobody else made it again") {
        after(player, Command::Update);
        after(player, Command::Rollback);
        CHECK(said() == "new instance removed, old one running");
    }
}
