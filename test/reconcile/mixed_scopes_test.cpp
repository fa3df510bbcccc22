// Commands for everything and for single baselines in one operation, on components that can be down or lost.
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "reconcile/operation.hpp"
#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/operation_player.hpp"
#include "test/support/rounds.hpp"

using namespace berth;
using namespace berth::reconcile;
using berth::test::by_commands;
using berth::test::desired;
using berth::test::OperationPlayer;
using berth::test::running;
using berth::test::spec;

namespace {

// The two instances of a component. One that changes in place has the old one alone.
struct Instances {
    bool has_old{true};
    bool old_runs{true};
    bool has_new{};
    bool new_runs{};
    bool is_changed{};  // in place
};

class Machine {
 public:
    // Of so many steps one fails; 0: none. What CLEANUP takes back always can be, else no end would be whole.
    void fail_one_of(unsigned many) { one_of_ = many; }

    void deploy(OperationPlayer& player, const DesiredState& wanted, const std::vector<Container>& there,
                unsigned parallel = 1) {
        for (const auto& component : wanted.components)
            instances_[component.spec.name] = {};
        player.act([this, &player](const Run& step) {
            const bool in_cleanup = player.state().running->command == Command::Cleanup;
            return step_of(step, in_cleanup);
        });
        player.begin(wanted, there, by_commands(parallel));
    }

    const Instances& of(const std::string& name) const { return instances_.at(name); }
    bool has_one_each() const {
        for (const auto& [name, its] : instances_)
            if (its.old_runs == its.new_runs) return false;
        return true;
    }
    std::mt19937& dice() { return dice_; }

 private:
    bool fails() { return one_of_ > 0 && dice_() % one_of_ == 0; }

    std::optional<Error> step_of(const Run& step, bool in_cleanup) {
        auto& its = instances_.at(step.action.name);
        if (step.kind == StepKind::Restore) return restore(step.action, its, !in_cleanup && fails());
        if (step.kind == StepKind::RemoveOld) REQUIRE(its.new_runs);
        if (step.kind == StepKind::Stage)
            REQUIRE_FALSE(its.new_runs);  // it would count as one that never ran
        if (fails()) return fail(Errc::Internal, "no");
        switch (step.kind) {
            case StepKind::Stage: its.has_new = true; break;
            case StepKind::StopOld:
            case StepKind::StopReplaced: its.old_runs = false; break;
            case StepKind::Apply: its.is_changed = true; break;
            case StepKind::StartNew:
            case StepKind::StartBeside:
                if (!its.has_new) return fail(Errc::NotFound, "its new instance is gone");
                its.new_runs = true;
                break;
            case StepKind::RemoveOld: its.has_old = its.old_runs = false; break;
            case StepKind::EnsureRunning:
            case StepKind::Restore: break;
        }
        return std::nullopt;
    }

    // As Steps does it, from what the action says may have happened. One that fails has half of it done.
    static std::optional<Error> restore(const ActionState& action, Instances& its, bool is_cut) {
        if (action.staged) its.has_new = its.new_runs = false;
        if (is_cut) return fail(Errc::Internal, "cannot start");
        if (!action.touched && !action.started) return std::nullopt;
        REQUIRE(its.has_old);
        its.old_runs = true;
        its.is_changed = false;
        return std::nullopt;
    }

    std::map<std::string, Instances> instances_;
    unsigned one_of_{0};
    std::mt19937 dice_{11};
};

void send_all(OperationPlayer& player, const std::string& baseline, const std::vector<Command>& commands) {
    for (const auto what : commands) {
        player.send(CommandReceived{what, baseline});
        player.play();
    }
}

const std::vector<Command> kForward = {Command::Download, Command::Update, Command::Activate};

Word last_word(const OperationPlayer& player) {
    return player.feedback().back().status;
}

// a and b become new instances, c changes in place.
DesiredState three(UpdateOrder order) {
    auto limited = spec("c");
    limited.resources.memory = "64M";
    auto wanted = desired({spec("a", "app:2"), spec("b", "app:2"), limited});
    wanted.components[1].order = order;
    return wanted;
}

std::vector<Container> three_before() {
    return {running(spec("a")), running(spec("b")), running(spec("c"))};
}

const ScopeState& scope_of(const OperationState& state, const std::string& baseline) {
    for (const auto& scope : state.scopes)
        if (scope.baseline == baseline) return scope;
    return state.scopes.front();
}

// Forward, back or, now and then, to an end: what the scope's status allows.
std::optional<Command> pick(const OperationState& state, const std::string& baseline, std::mt19937& dice) {
    const auto& scope = scope_of(state, baseline);
    if (scope.cleaned) return std::nullopt;
    std::vector<Command> allowed;
    for (const auto what : {Command::Download, Command::Update, Command::Activate, Command::Rollback})
        if (rule_of(what).allowed_in.contains(scope.status)) allowed.push_back(what);
    const bool ends = dice() % (baseline == "*" ? 24U : 6U) == 0;
    if (ends) return Command::Cleanup;
    if (allowed.empty()) return std::nullopt;
    // Mostly forward, else little is ever activated.
    return dice() % 4 == 0 ? allowed.back() : allowed.front();
}

}  // namespace

TEST_CASE("what a baseline's rollback has brought back is not removed by the CLEANUP of everything",
          "[UA-34][UA-43][reconcile]") {
    const bool by_baseline = GENERATE(false, true);
    const std::string first = by_baseline ? "containers:a" : "*";
    const std::string second = by_baseline ? "*" : "containers:a";
    Machine machine;
    OperationPlayer player;
    machine.deploy(player, desired({spec("a", "app:2")}), {running(spec("a"))});
    send_all(player, first, kForward);
    send_all(player, second, {Command::Download, Command::Rollback});
    CHECK(machine.of("a").old_runs);
    SECTION("by a command") {
        send_all(player, first, {Command::Cleanup});
        CHECK(last_word(player) == Word::Incomplete);
    }
    SECTION("for a newer desired state") {
        player.send(Superseded{});
        player.play();
        CHECK(last_word(player) == Word::Superseded);
    }
    SECTION("as nobody finishes it") {
        player.send(Abandoned{1});
        player.play();
        CHECK(last_word(player) == Word::Incomplete);
    }
    CHECK(player.state().ended);
    CHECK(machine.of("a").has_old);
    CHECK(machine.has_one_each());
}

TEST_CASE("what has gone back can be begun anew by the other scope, and goes back again",
          "[UA-34][UA-38][reconcile]") {
    Machine machine;
    OperationPlayer player;
    machine.deploy(player, three(UpdateOrder::StopFirst), three_before());
    send_all(player, "containers:a", {Command::Download, Command::Rollback});
    send_all(player, "*", {Command::Download, Command::Update});
    CHECK_FALSE(machine.of("a").old_runs);
    SECTION("and goes back") {
        send_all(player, "*", {Command::Cleanup});
        CHECK(last_word(player) == Word::Incomplete);
        CHECK(machine.of("a").old_runs);
        CHECK_FALSE(machine.of("a").has_new);
        CHECK_FALSE(machine.of("c").is_changed);
    }
    SECTION("and is completed") {
        send_all(player, "*", {Command::Activate, Command::Cleanup});
        CHECK(last_word(player) == Word::Completed);
        CHECK_FALSE(machine.of("a").has_old);
    }
    CHECK(machine.has_one_each());
}

TEST_CASE("a rollback that failed half way is finished, not what it came from", "[UA-34][UA-38][reconcile]") {
    Machine machine;
    OperationPlayer player;
    machine.deploy(player, desired({spec("a", "app:2")}), {running(spec("a"))});
    send_all(player, "*", kForward);
    send_all(player, "containers:a", {Command::Download});
    machine.fail_one_of(1);
    send_all(player, "containers:a", {Command::Rollback});
    CHECK(last_word(player) == Word::RollbackFailure);
    machine.fail_one_of(0);
    send_all(player, "*", {Command::Cleanup});
    CHECK(last_word(player) == Word::Incomplete);
    CHECK(machine.has_one_each());
}

TEST_CASE("what is activated is not done again in another scope", "[UA-34][reconcile]") {
    Machine machine;
    OperationPlayer player;
    machine.deploy(player, desired({spec("a", "app:2"), spec("b", "app:2")}),
                   {running(spec("a")), running(spec("b"))});
    send_all(player, "*", kForward);
    const auto steps = player.steps().size();
    send_all(player, "containers:a", kForward);
    CHECK(last_word(player) == Word::ActivationSuccess);
    CHECK(player.steps().size() == steps);
    send_all(player, "containers:a", {Command::Cleanup});
    CHECK(machine.of("b").has_old);
    send_all(player, "*", {Command::Rollback});  // too late for a
    CHECK(machine.of("a").new_runs);
    CHECK(machine.of("b").old_runs);
    send_all(player, "*", {Command::Cleanup});
    CHECK(last_word(player) == Word::Incomplete);
    CHECK(machine.has_one_each());
}

TEST_CASE("where a component has gone back nothing goes on without it", "[UA-34][reconcile]") {
    Machine machine;
    OperationPlayer player;
    machine.deploy(player, three(UpdateOrder::StopFirst), three_before());
    send_all(player, "*", {Command::Download});
    send_all(player, "containers:a", {Command::Cleanup});
    const auto steps = player.steps().size();
    send_all(player, "*", {Command::Update});
    CHECK(last_word(player) == Word::UpdateFailure);
    CHECK(player.feedback().back().message ==
          "component a has gone back by a command for its baseline; send ROLLBACK or CLEANUP");
    CHECK(player.steps().size() == steps);
    CHECK(player.state().scopes[0].status == Word::DownloadSuccess);
    send_all(player, "*", {Command::Cleanup});
    CHECK(last_word(player) == Word::Incomplete);
    CHECK(machine.has_one_each());
}

TEST_CASE("what a baseline has finished stays when everything goes back", "[UA-43][reconcile]") {
    Machine machine;
    OperationPlayer player;
    machine.deploy(player, three(UpdateOrder::StopFirst), three_before());
    send_all(player, "*", kForward);
    send_all(player, "containers:a", {Command::Cleanup});  // of what everything's ACTIVATE has started
    CHECK_FALSE(machine.of("a").has_old);
    send_all(player, "*", {Command::Rollback, Command::Cleanup});
    CHECK(last_word(player) == Word::Incomplete);
    CHECK(machine.of("a").new_runs);
    CHECK(machine.of("b").old_runs);
    CHECK(machine.has_one_each());
}

TEST_CASE("the last baseline's CLEANUP takes back what was stopped for everything", "[UA-43][reconcile]") {
    Machine machine;
    OperationPlayer player;
    machine.deploy(player, three(UpdateOrder::StopFirst), three_before());
    send_all(player, "containers:a", {Command::Cleanup});
    send_all(player, "containers:b", {Command::Cleanup});
    send_all(player, "*", {Command::Download, Command::Update});
    CHECK_FALSE(machine.of("a").old_runs);
    send_all(player, "containers:c", {Command::Cleanup});
    CHECK(last_word(player) == Word::Incomplete);
    CHECK(player.state().ended);
    CHECK(machine.has_one_each());
}

TEST_CASE("whatever is commanded for everything and for single components, each has one instance in the end",
          "[UA-34][UA-43][reconcile]") {
    const std::vector<std::string> scopes = {"*", "containers:a", "containers:b", "containers:c"};
    Machine machine;
    auto& dice = machine.dice();
    for (int run = 0; run < berth::test::rounds(3000); ++run) {
        OperationPlayer player;
        machine.fail_one_of(run % 2 == 0 ? 0U : 8U);
        machine.deploy(player, three(run % 3 == 0 ? UpdateOrder::StartFirst : UpdateOrder::StopFirst),
                       three_before(), 1 + static_cast<unsigned>(dice() % 3));
        std::string told;
        for (int i = 0; i < 30 && !player.state().ended; ++i) {
            const auto& baseline = scopes[dice() % scopes.size()];
            const auto what = pick(player.state(), baseline, dice);
            if (!what) continue;
            told += std::string(to_string(*what)) + " " + baseline + "; ";
            player.send(CommandReceived{*what, baseline});
            if (dice() % 64 == 0) player.send(Superseded{});
            if (dice() % 16 == 0) player.restart();
            player.play();
        }
        INFO(told);
        if (!player.state().ended && dice() % 2 == 0) player.send(Abandoned{1});
        player.play();
        send_all(player, "*", {Command::Cleanup});  // after an end nobody listens
        REQUIRE(player.state().ended);
        REQUIRE(machine.has_one_each());
        if (last_word(player) != Word::Completed) continue;
        REQUIRE(machine.of("a").new_runs);
        REQUIRE(machine.of("b").new_runs);
        REQUIRE(machine.of("c").is_changed);
    }
}
