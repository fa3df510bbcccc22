// What a desired state that is sent again, with another time stamp, takes over of its open operation.
#include "reconcile/adopt.hpp"
#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/operation_player.hpp"

using namespace berth;
using namespace berth::reconcile;
using berth::test::by_commands;
using berth::test::container;
using berth::test::desired;
using berth::test::OperationPlayer;
using berth::test::running;
using berth::test::spec;

namespace {

using StagedIds = std::map<std::string, ContainerId>;

struct Resent {
    Resent() { player.begin(wanted, there, by_commands()); }

    void carry_out(Command command) {
        player.send(CommandReceived{command, {}});
        player.play();
    }
    bool takes_over(const StagedIds& what) const {
        return adoptable(player.state(), wanted, there, {}) == what;
    }
    bool gives_way() const { return !adoptable(player.state(), wanted, there, {}); }

    DesiredState wanted{desired({spec("a", "app:2"), spec("b")})};
    std::vector<Container> there{running(spec("a"))};
    OperationPlayer player{};
};

const StagedIds& both() {
    static const StagedIds ids = {{"a", "new-1"}, {"b", "new-2"}};
    return ids;
}

}  // namespace

TEST_CASE("what is staged is taken over, and taken back like any other", "[reconcile]") {
    Resent sent;
    CHECK(sent.takes_over({}));
    sent.carry_out(Command::Download);
    REQUIRE(sent.takes_over(both()));

    auto how = by_commands();
    how.staged = both();
    how.new_id = [] { return ContainerId("another"); };
    OperationPlayer player;
    player.begin(sent.wanted, sent.there, how);
    CHECK(player.state().actions[0].spec.id == "new-1");
    CHECK(player.state().actions[1].spec.id == "new-2");
    player.send(CommandReceived{Command::Cleanup, {}});
    player.play();
    const std::vector<OperationPlayer::Key> taken_back = {{StepKind::Restore, "a"}, {StepKind::Restore, "b"}};
    CHECK(player.steps() == taken_back);
}

TEST_CASE("what a rollback has removed is not taken over", "[reconcile]") {
    Resent sent;
    sent.carry_out(Command::Download);
    sent.carry_out(Command::Rollback);
    CHECK(sent.takes_over({}));
}

TEST_CASE("an operation that has moved on, or would make something else, gives way", "[reconcile]") {
    Resent sent;
    SECTION("a phase is running") {
        sent.player.send(CommandReceived{Command::Download, {}});
    }
    SECTION("something was stopped") {
        sent.carry_out(Command::Download);
        sent.carry_out(Command::Update);
    }
    SECTION("it would replace another one") {
        sent.carry_out(Command::Download);
        sent.there[0].spec.id = "another";
    }
    SECTION("a rollback could not remove it") {
        sent.carry_out(Command::Download);
        auto given_up = spec("b");
        given_up.id = "new-2";
        sent.there.push_back(container(given_up, Status::Created));
        sent.there.back().role = Role::Staged;
        REQUIRE(sent.takes_over(both()));
        sent.there.back().role = Role::Discarded;
    }
    SECTION("another content") {
        sent.wanted.digest = "another";
    }
    SECTION("another activity") {
        sent.wanted.activity_id = "another";
    }
    CHECK(sent.gives_way());
}
