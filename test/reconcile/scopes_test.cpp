// Commands, their legality and scopes.
#include "reconcile/operation.hpp"
#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/operation_player.hpp"

using namespace berth;
using namespace berth::reconcile;
using berth::test::desired;
using berth::test::missing;
using berth::test::OperationPlayer;
using berth::test::running;
using berth::test::spec;

namespace {

using Lines = std::vector<std::string>;

void command(OperationPlayer& player, Command what, const std::string& baseline = {}) {
    player.take_lines();
    player.send(CommandReceived{what, baseline});
    player.play();
}

Word said(OperationPlayer& player) {
    return player.feedback().back().status;
}

DesiredState shop_of_two() {
    auto wanted = desired({spec("a"), spec("b"), spec("c")});
    wanted.baselines = {{"shop", {"a", "b"}}};
    return wanted;
}

}  // namespace

TEST_CASE("commands are legal as the table says; a refusal changes nothing", "[UA-31][reconcile]") {
    using W = Word;
    struct Case {
        W status;
        std::vector<bool> legal;  // DOWNLOAD, UPDATE, ACTIVATE, ROLLBACK
    };
    const std::vector<Case> cases = {
        {W::Identified, {true, false, false, false}},
        {W::DownloadSuccess, {false, true, false, true}},
        {W::DownloadFailure, {false, false, false, true}},
        {W::UpdateSuccess, {false, false, true, true}},
        {W::UpdateFailure, {false, false, false, true}},
        {W::ActivationSuccess, {false, false, false, true}},
        {W::ActivationFailure, {false, false, false, true}},
        {W::RollbackSuccess, {false, false, false, false}},
        {W::RollbackFailure, {false, false, false, false}},
    };
    const std::vector<Command> commands = {Command::Download, Command::Update, Command::Activate,
                                           Command::Rollback};
    for (const auto& c : cases) {
        for (std::size_t i = 0; i < commands.size(); ++i) {
            DYNAMIC_SECTION(to_string(commands[i]) << " in " << to_string(c.status)) {
                OperationPlayer first;
                first.begin(desired({spec("a")}), {}, {});
                OperationState state = first.state();
                state.scopes[0].status = c.status;
                const Advance result = advance(state, CommandReceived{commands[i], {}});
                CHECK((result.next.scopes[0].status != c.status || result.next.running.has_value()) ==
                      c.legal[i]);
                if (c.legal[i]) continue;
                CHECK(result.next == state);
                REQUIRE(result.effects.size() == 1);
                const auto& feedback = std::get<Send>(result.effects[0]).feedback;
                CHECK(feedback.status == rule_of(commands[i]).failed);
                CHECK_THAT(feedback.message, ContainsSubstring("needs status"));
            }
        }
    }
}

TEST_CASE("no baseline, an empty one and * mean everything, and are echoed", "[UA-32][reconcile]") {
    for (const std::string baseline : {"", "*"}) {
        OperationPlayer player;
        player.begin(desired({spec("a")}), {}, {});
        command(player, Command::Download, baseline);
        CHECK(said(player) == Word::DownloadSuccess);
        CHECK(player.feedback().back().baseline == baseline);
    }
}

TEST_CASE("an unknown baseline gets the failure word of its command", "[UA-33][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a")}), {}, {});
    const std::vector<std::pair<Command, Word>> words = {{Command::Download, Word::DownloadFailure},
                                                         {Command::Update, Word::UpdateFailure},
                                                         {Command::Activate, Word::ActivationFailure},
                                                         {Command::Rollback, Word::RollbackFailure},
                                                         {Command::Cleanup, Word::Cleanup}};
    for (const auto& [what, word] : words) {
        command(player, what, "nope");
        CHECK(said(player) == word);
        CHECK(player.feedback().back().message == "no baseline nope");
        CHECK(player.feedback().back().baseline == "nope");
    }
}

TEST_CASE("baselines have their own statuses, also the implicit ones", "[UA-28][UA-34][reconcile]") {
    OperationPlayer player;
    player.begin(shop_of_two(), {running(spec("old"))}, {});
    command(player, Command::Download, "shop");
    CHECK(player.take_lines().back() ==
          "DOWNLOAD_SUCCESS[shop] a:DOWNLOAD_SUCCESS b:DOWNLOAD_SUCCESS c:IDENTIFIED old:IDENTIFIED");
    command(player, Command::Update);
    CHECK(said(player) == Word::UpdateFailure);
    command(player, Command::Download, "containers:c");
    CHECK(said(player) == Word::DownloadSuccess);
    command(player, Command::Download, "containers:remove-components");
    CHECK(said(player) == Word::DownloadSuccess);
    command(player, Command::Update, "containers:remove-components");
    CHECK(player.take_lines().back() ==
          "UPDATE_SUCCESS[containers:remove-components] a:DOWNLOAD_SUCCESS b:DOWNLOAD_SUCCESS "
          "c:DOWNLOAD_SUCCESS "
          "old:UPDATE_SUCCESS");
}

TEST_CASE("a command ends a download early only if it is carried out afterwards",
          "[UA-62][UA-34][reconcile]") {
    OperationPlayer player;
    player.begin(shop_of_two(), {}, {});
    player.send(CommandReceived{Command::Download, "shop"});
    const auto ends = [&player](Command what, const std::string& baseline) {
        return ends_download(player.state(), what, baseline);
    };
    CHECK(ends(Command::Rollback, "shop"));
    for (const std::string baseline : {"shop", "containers:c", "*", ""})
        CHECK(ends(Command::Cleanup, baseline));
    CHECK_FALSE(ends(Command::Cleanup, "shpo"));
    CHECK_FALSE(ends(Command::Rollback, "containers:c"));
    CHECK_FALSE(ends(Command::Rollback, ""));
    CHECK_FALSE(ends(Command::Update, "shop"));
    player.send(Interrupted{"ROLLBACK"});
    CHECK_FALSE(ends(Command::Rollback, "shop"));  // it is about to end
    player.play();
    CHECK_FALSE(ends(Command::Rollback, "shop"));
}

TEST_CASE("completed only if every baseline was", "[UA-43][UA-42][reconcile]") {
    for (const bool second_fails : {false, true}) {
        OperationPlayer player;
        if (second_fails) player.fail_at(StepKind::StartNew, "c", "boom");
        player.begin(shop_of_two(), {}, {});
        for (const std::string baseline : {"containers:c", "shop"})
            for (const auto what :
                 {Command::Download, Command::Update, Command::Activate, Command::Cleanup}) {
                CHECK_FALSE(player.state().ended);
                command(player, what, baseline);
            }
        CHECK(player.state().ended);
        CHECK(said(player) == (second_fails ? Word::Incomplete : Word::Completed));
        CHECK(player.feedback().back().baseline.empty());
    }
}

TEST_CASE("CLEANUP of everything finishes what is activated and restores the rest", "[UA-38][reconcile]") {
    OperationPlayer player;
    auto wanted = desired({spec("a", "app:2"), spec("b", "app:2")});
    player.begin(wanted, {running(spec("a")), running(spec("b"))}, {});
    for (const auto what : {Command::Download, Command::Update, Command::Activate})
        command(player, what, "containers:a");
    command(player, Command::Download, "containers:b");
    command(player, Command::Cleanup, "*");
    CHECK(said(player) == Word::Incomplete);
    CHECK(player.state().actions[0].finished);
    CHECK(player.state().actions[1].restored);
}

TEST_CASE("a newer desired state during the CLEANUP of a baseline is not kept waiting",
          "[UA-55][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("a", "app:2"), spec("b", "app:2")}), {running(spec("a")), running(spec("b"))},
                 {});
    for (const auto what : {Command::Download, Command::Update, Command::Activate})
        command(player, what, "containers:a");
    player.send(CommandReceived{Command::Cleanup, "containers:a"});
    player.send(Superseded{});
    player.play();
    CHECK(player.state().ended);
    CHECK(said(player) == Word::Superseded);
}

TEST_CASE("the empty baseline of removals is answered after the end too", "[UA-42][reconcile]") {
    OperationPlayer player;
    auto wanted = desired({spec("a")});
    wanted.baselines = {{"shop", {"a"}}};
    player.begin(wanted, {}, {});
    for (const auto what : {Command::Download, Command::Update, Command::Activate, Command::Cleanup})
        command(player, what, "shop");
    CHECK(player.take_lines().back() == "COMPLETED a:ACTIVATION_SUCCESS");
    const std::string removals = "containers:remove-components";
    const std::string of = "[" + removals + "] a:ACTIVATION_SUCCESS";
    command(player, Command::Update, removals);
    CHECK(player.take_lines() == Lines{"UPDATE_FAILURE" + of});
    for (const auto& [what, word] :
         {std::pair{Command::Download, "DOWNLOAD_SUCCESS"}, std::pair{Command::Update, "UPDATE_SUCCESS"},
          std::pair{Command::Activate, "ACTIVATION_SUCCESS"}}) {
        command(player, what, removals);
        CHECK(player.take_lines() == Lines{word + of});
    }
    command(player, Command::Cleanup, removals);
    CHECK(player.take_lines() == Lines{"CLEANUP_SUCCESS" + of, "COMPLETED a:ACTIVATION_SUCCESS"});
    command(player, Command::Cleanup, removals);
    command(player, Command::Download, "shop");
    CHECK(player.take_lines().empty());
}

TEST_CASE("a desired state without any action leaves nothing that a command could be for",
          "[UA-27][reconcile]") {
    OperationPlayer player;
    player.begin(desired({}), {}, {});
    CHECK(player.take_lines().back() == "COMPLETED");
    for (const auto what : {Command::Download, Command::Cleanup}) {
        command(player, what, "containers:remove-components");
        CHECK(player.take_lines().empty());
    }
}

TEST_CASE("what a step is about to stop or start is nobody else's to start", "[UA-57][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("web", "app:2"), spec("zoo", "app:2")}),
                 {running(spec("web")), running(spec("zoo"))}, {});
    const auto moves = [&](const std::string& id) { return is_moving(player.state(), id); };
    player.send(CommandReceived{Command::Download, {}});
    CHECK_FALSE(moves("id-web"));  // a pull touches nothing
    player.play();
    player.send(CommandReceived{Command::Update, {}});
    CHECK(moves("id-web"));
    CHECK_FALSE(moves("id-zoo"));  // one after the other
    player.play();
    CHECK_FALSE(moves("id-web"));
    player.send(CommandReceived{Command::Activate, {}});
    CHECK(moves("new-1"));
    CHECK_FALSE(moves("somebody-else"));
    player.play();
    player.send(CommandReceived{Command::Cleanup, {}});
    CHECK(moves("id-web"));
    CHECK_FALSE(moves("new-1"));  // it stays, and nothing is done to it
}

TEST_CASE("a CLEANUP that takes back moves the new one too", "[UA-57][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("web", "app:2")}), {running(spec("web"))}, {});
    for (const auto what : {Command::Download, Command::Update})
        command(player, what);
    player.send(CommandReceived{Command::Cleanup, {}});
    CHECK(is_moving(player.state(), "id-web"));
    CHECK(is_moving(player.state(), "new-1"));
}

TEST_CASE("what an operation has stopped is nobody else's to make before it has ended",
          "[UA-69][reconcile]") {
    OperationPlayer player;
    auto limited = spec("db");
    limited.resources.memory = "64M";
    player.begin(desired({spec("web"), limited}),
                 {missing(spec("web")), running(spec("db")), missing(spec("old"))}, {});
    const auto down = [&] {
        Lines ids;
        for (const std::string id : {"id-web", "id-db", "id-old", "new-1"})
            if (keeps_down(player.state(), id)) ids.push_back(id);
        return ids;
    };
    command(player, Command::Download);
    CHECK(down().empty());
    command(player, Command::Update);
    CHECK(down() == Lines{"id-web", "id-old"});
    SECTION("until it is replaced") {
        command(player, Command::Activate);
        CHECK(down() == Lines{"id-web", "id-old"});
        command(player, Command::Cleanup);
    }
    SECTION("until it has come back") {
        command(player, Command::Rollback);
    }
    SECTION("until nobody has brought it back") {
        player.fail_at(StepKind::Restore, "web", "no image");
        command(player, Command::Rollback);
        CHECK(down() == Lines{"id-web"});
        command(player, Command::Cleanup);
    }
    CHECK(down().empty());
}

TEST_CASE("who else may change what while an operation is open", "[UA-67][reconcile]") {
    OperationPlayer player;
    player.begin(desired({spec("same"), spec("web", "app:2")}),
                 {running(spec("same")), running(spec("web")), running(spec("gone"))}, {});
    const auto hold = [&](const std::string& id) { return hold_on(player.state(), id); };
    CHECK(hold("id-same") == Hold::Queued);
    CHECK(hold("id-web") == Hold::Refused);
    CHECK(hold("new-1") == Hold::Refused);
    CHECK(hold("id-gone") == Hold::Refused);
    CHECK(hold("somebody-else") == Hold::Free);
    for (const auto what : {Command::Download, Command::Update, Command::Activate})
        command(player, what);
    CHECK(hold("new-1") == Hold::Queued);
    CHECK(hold("id-web") == Hold::Refused);
    command(player, Command::Cleanup);
    CHECK(hold("new-1") == Hold::Free);
}
