// Update order start-first: the new instance first, and only what has held takes the place of the old one.
#include <algorithm>

#include "reconcile/operation.hpp"
#include "reconcile/side_by_side.hpp"
#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/operation_player.hpp"

using namespace berth;
using namespace berth::reconcile;
using berth::test::by_itself;
using berth::test::desired;
using berth::test::OperationPlayer;
using berth::test::running;
using berth::test::spec;

namespace {

using Lines = std::vector<std::string>;
using Steps = std::vector<OperationPlayer::Key>;

DesiredState all_first(std::vector<ContainerSpec> specs) {
    auto wanted = desired(std::move(specs));
    for (auto& component : wanted.components)
        component.order = UpdateOrder::StartFirst;
    return wanted;
}

// Up to the moment in which the first new instance has been handed out to start.
void play_to_activation(OperationPlayer& player) {
    while (player.steps().back().first != StepKind::StartBeside)
        player.finish_first();
}

std::ptrdiff_t steps_of(const OperationPlayer& player, StepKind kind, const std::string& name) {
    return std::count(player.steps().begin(), player.steps().end(), OperationPlayer::Key{kind, name});
}

ContainerSpec with_mount(const std::string& image, const std::string& source) {
    auto made = spec("a", image);
    made.mounts = {{source, "/inside", "rprivate"}};
    return made;
}

}  // namespace

TEST_CASE("start-first: UPDATE has nothing to do, ACTIVATE starts, waits and stops", "[BX-22][reconcile]") {
    OperationPlayer player;
    player.begin(all_first({spec("a", "app:2")}), {running(spec("a"))}, by_itself());
    CHECK(player.feedback().front().actions[0].message == "recreate, start-first: image differs");
    player.play();
    CHECK(player.take_lines() ==
          Lines{"IDENTIFIED a:IDENTIFIED", "DOWNLOADING a:DOWNLOADING", "DOWNLOAD_SUCCESS a:DOWNLOAD_SUCCESS",
                "UPDATE_SUCCESS a:DOWNLOAD_SUCCESS", "ACTIVATING a:ACTIVATING",
                "ACTIVATION_SUCCESS a:ACTIVATION_SUCCESS", "CLEANUP_SUCCESS a:ACTIVATION_SUCCESS",
                "COMPLETED a:ACTIVATION_SUCCESS"});
    CHECK(player.steps() == Steps{{StepKind::Stage, "a"},
                                  {StepKind::StartBeside, "a"},
                                  {StepKind::StopReplaced, "a"},
                                  {StepKind::RemoveOld, "a"}});
}

TEST_CASE("start-first is about replacing only, and differs from nothing", "[BX-22][UA-22][reconcile]") {
    auto limited = spec("c");
    limited.resources.memory = "64M";
    OperationPlayer player;
    player.begin(all_first({spec("a"), spec("b"), limited}), {running(spec("b")), running(spec("c"))},
                 by_itself());
    player.play();
    CHECK(steps_of(player, StepKind::StartNew, "a") == 1);
    CHECK(steps_of(player, StepKind::EnsureRunning, "b") == 1);
    CHECK(steps_of(player, StepKind::Apply, "c") == 1);
    CHECK(player.feedback().front().actions[1].message == "no change");
}

TEST_CASE("a new instance that does not hold leaves the old one untouched", "[BX-22][UA-54][reconcile]") {
    OperationPlayer player;
    player.fail_at(StepKind::StartBeside, "a", "the new instance ended with exit code 3");
    player.begin(all_first({spec("a", "app:2")}), {running(spec("a"))}, by_itself());
    play_to_activation(player);
    player.take_lines();
    player.finish("a");
    CHECK_FALSE(player.state().actions[0].touched);
    CHECK(player.state().actions[0].started);
    player.play();
    CHECK(player.take_lines() == Lines{"ACTIVATION_FAILURE a:ACTIVATION_FAILURE", "ROLLBACK a:UPDATING",
                                       "ROLLBACK_SUCCESS a:UPDATE_FAILURE",
                                       "CLEANUP_SUCCESS a:UPDATE_FAILURE", "INCOMPLETE a:UPDATE_FAILURE"});
    CHECK(player.feedback().back().actions[0].message ==
          "the new instance ended with exit code 3; new instance removed, old one running");
    CHECK(steps_of(player, StepKind::StopReplaced, "a") == 0);
    CHECK_FALSE(player.state().actions[0].touched);
}

TEST_CASE("that the new instance has held is known before the old one is touched",
          "[BX-22][UA-57][reconcile]") {
    OperationPlayer player;
    player.begin(all_first({spec("a", "app:2")}), {running(spec("a"))}, by_itself());
    play_to_activation(player);
    player.restart();  // killed before or after the start, or while it has to hold: it has to hold again
    CHECK(steps_of(player, StepKind::StartBeside, "a") == 2);
    player.take_lines();
    player.finish("a");
    CHECK(player.take_lines().empty());
    CHECK(player.state().actions[0].held);
    CHECK(player.state().actions[0].touched);
    CHECK(player.steps().back() == OperationPlayer::Key{StepKind::StopReplaced, "a"});
    player.restart();  // killed while the old one stops: the new one is not started again
    CHECK(player.steps().back() == OperationPlayer::Key{StepKind::StopReplaced, "a"});
    player.play();
    CHECK(steps_of(player, StepKind::StartBeside, "a") == 2);
    CHECK(player.take_lines().back() == "COMPLETED a:ACTIVATION_SUCCESS");
}

TEST_CASE("where another component fails nothing more is replaced", "[BX-22][UA-46][reconcile]") {
    OperationPlayer player;
    player.fail_at(StepKind::StartBeside, "a", "no");
    player.begin(all_first({spec("a", "app:2"), spec("b", "app:2"), spec("c", "app:2")}),
                 {running(spec("a")), running(spec("b")), running(spec("c"))}, by_itself(3));
    while (player.open_steps() < 3 || player.steps().back().first != StepKind::StartBeside)
        player.finish_first();
    player.finish("c");
    CHECK(player.steps().back() == OperationPlayer::Key{StepKind::StopReplaced, "c"});
    player.finish("a");
    player.finish("b");
    CHECK(player.state().actions[1].status == Word::ActivationFailure);
    CHECK(player.state().actions[1].message ==
          "the old instance was not replaced, as another component failed");
    CHECK(steps_of(player, StepKind::StopReplaced, "b") == 0);
    player.finish("c");  // in the middle: it ends by itself
    player.play();
    CHECK(player.feedback().back().status == Word::Incomplete);
    CHECK_FALSE(player.state().actions[1].touched);
    CHECK(steps_of(player, StepKind::Restore, "c") == 1);
}

TEST_CASE("after a reboot a replacement that waits for commands goes back", "[BX-22][UA-61][reconcile]") {
    OperationPlayer player;
    player.begin(all_first({spec("a", "app:2")}), {running(spec("a"))}, {});
    for (const auto command : {Command::Download, Command::Update, Command::Activate}) {
        player.send(CommandReceived{command, {}});
        if (command != Command::Activate) player.play();
    }
    player.send(Resumed{false});
    CHECK(player.steps().back() == OperationPlayer::Key{StepKind::Restore, "a"});
}

TEST_CASE("what is activated again has to hold again", "[BX-22][UA-34][reconcile]") {
    auto wanted = all_first({spec("a", "app:2")});
    wanted.baselines = {{"shop", {"a"}}};
    OperationPlayer player;
    player.begin(wanted, {running(spec("a"))}, {});
    const auto run = [&](Command command, const std::string& baseline) {
        player.send(CommandReceived{command, baseline});
        player.play();
    };
    for (const auto command : {Command::Download, Command::Update, Command::Activate, Command::Rollback})
        run(command, "shop");
    for (const auto command : {Command::Download, Command::Update, Command::Activate})
        run(command, "*");
    CHECK(steps_of(player, StepKind::StartBeside, "a") == 2);
    CHECK(steps_of(player, StepKind::StopReplaced, "a") == 2);
    CHECK(player.feedback().back().status == Word::ActivationSuccess);
}

TEST_CASE("others of the name stay until the new instance has held", "[BX-22][UA-64][reconcile]") {
    auto other = running(spec("a"));
    other.spec.id = "other";
    OperationPlayer player;
    player.begin(all_first({spec("a", "app:2")}), {running(spec("a")), other}, by_itself());
    player.play();
    CHECK(steps_of(player, StepKind::StopOld, "a") == 0);
    CHECK(steps_of(player, StepKind::StopReplaced, "a") == 1);
    CHECK(player.state().actions[0].duplicates.size() == 1);
}

TEST_CASE("start-first with a folder that both instances would have is refused", "[BX-22][reconcile]") {
    struct Case {
        std::string name;
        std::string now;
        std::string wanted;
        bool refused;
    };
    const std::vector<Case> cases = {
        {"the same", "/data", "/data", true},
        {"the same, spelled otherwise", "/data/", "/data", true},
        {"the same by a way round", "/data", "/data/./x//../", true},
        {"a part of it", "/data", "/data/sub", true},
        {"one around it", "/data/sub", "/data", true},
        {"all of the machine", "/", "/data", true},
        {"another one", "/data", "/database", false},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.name) {
            const auto refused = refusal(all_first({with_mount("app:2", c.wanted)}),
                                         {running(with_mount("app:1", c.now))}, {});
            REQUIRE(refused.has_value() == c.refused);
            if (!refused) continue;
            CHECK(refused->code == Errc::Invalid);
            CHECK(refused->message ==
                  "component a, key updateOrder: start-first cannot be combined with mount " + c.wanted +
                      ":/inside:rprivate, whose folder the old instance has, too; use stop-first");
        }
    const auto now = running(with_mount("app:1", "/data"));
    CHECK_FALSE(refusal(all_first({with_mount("app:1", "/data")}), {now}, {}));  // nothing is replaced
    CHECK_FALSE(refusal(all_first({with_mount("app:1", "/data")}), {}, {}));     // nothing is there
    CHECK_FALSE(refusal(all_first({with_mount("app:2", "/data")}), {now}, {"a"}));
    CHECK_FALSE(refusal(desired({with_mount("app:2", "/data")}), {now}, {}));
    auto other = now;
    other.spec.id = "other";
    other.spec.mounts = {{"/other", "/inside", "rprivate"}};
    CHECK(refusal(all_first({with_mount("app:2", "/other")}), {now, other}, {}));
}
