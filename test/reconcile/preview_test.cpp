// A plan, against what an operation then does.
#include "reconcile/preview.hpp"

#include <algorithm>
#include <random>
#include <set>

#include "reconcile/operation.hpp"
#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/operation_player.hpp"
#include "test/support/rounds.hpp"
#include "test/support/varied_spec.hpp"

using namespace berth;
using namespace berth::reconcile;
using berth::test::missing;
using berth::test::OperationPlayer;
using berth::test::running;
using berth::test::spec;

namespace {

struct AnyWorld {
    std::vector<Container> there{};
    DesiredState asked{};
    std::set<std::string> pinned{};
};

AnyWorld any_world(std::mt19937& rng) {
    AnyWorld world{};
    std::vector<ContainerSpec> wanted;
    for (int i = 0; i < 6; ++i) {
        const auto name = "c" + std::to_string(i);
        auto now = test::varied_spec(rng, name);
        if (rng() % 4 != 0) {
            auto same = now;
            if (rng() % 3 == 0) same.resources = test::varied_resources(rng);
            if (rng() % 3 == 0) same.restart = test::varied_restart(rng);
            fill_defaults(same);
            wanted.push_back(rng() % 2 == 0 ? same : test::varied_spec(rng, name));
        }
        if (rng() % 8 == 0) world.pinned.insert(name);
        const int bearers = rng() % 4 == 0 ? 0 : rng() % 8 == 0 ? 2 : 1;
        for (int bearer = 0; bearer < bearers; ++bearer) {
            now.id = name + "-" + std::to_string(bearer);
            const Status states[] = {Status::Running, Status::Exited, Status::Paused};
            world.there.push_back(rng() % 6 == 0 ? missing(now) : test::container(now, states[rng() % 3]));
        }
    }
    world.asked = test::desired(wanted);
    for (auto& component : world.asked.components)
        if (rng() % 3 == 0) component.order = UpdateOrder::StartFirst;
    return world;
}

Action carried_out(const std::vector<OperationPlayer::Key>& steps, const std::string& name) {
    const auto took = [&](StepKind kind) {
        return std::find(steps.begin(), steps.end(), OperationPlayer::Key{kind, name}) != steps.end();
    };
    const bool replaced = took(StepKind::StopOld) || took(StepKind::StopReplaced);
    if (took(StepKind::Stage)) return replaced ? Action::Recreate : Action::Create;
    if (took(StepKind::Apply)) return Action::Update;
    return took(StepKind::EnsureRunning) ? Action::Check : Action::Destroy;
}

PlannedAction only_planned(const std::vector<Container>& there, std::vector<ContainerSpec> wanted,
                           const std::vector<std::string>& redact = {}) {
    const auto result = preview(identify(test::desired(std::move(wanted)), there, {}), redact);
    REQUIRE(result.actions.size() == 1);
    return result.actions[0];
}

}  // namespace

TEST_CASE("an operation has the very actions that were identified", "[BX-07][reconcile]") {
    std::mt19937 rng(7);
    for (int i = 0; i < test::rounds(500); ++i) {
        const auto world = any_world(rng);
        const auto identified = identify(world.asked, world.there, world.pinned);
        Identification how{};
        how.pinned = world.pinned;
        how.new_id = [] { return std::string("new"); };
        auto actions = reconcile::begin(world.asked, world.there, how).next.actions;
        for (auto& action : actions)
            if (action.spec.id == "new") action.spec.id.clear();
        REQUIRE(actions == identified.actions);
    }
}

TEST_CASE("what was planned is what is carried out", "[BX-07][reconcile]") {
    std::mt19937 rng(70);
    std::set<Action> seen;
    for (int i = 0; i < test::rounds(500); ++i) {
        const auto world = any_world(rng);
        const auto result = preview(identify(world.asked, world.there, world.pinned), {});
        auto how = test::by_itself();
        how.pinned = world.pinned;
        OperationPlayer player;
        player.begin(world.asked, world.there, how);
        player.play();
        const auto& done = player.state().actions;
        REQUIRE(result.actions.size() == done.size());
        for (std::size_t at = 0; at < done.size(); ++at) {
            const auto& planned = result.actions[at];
            REQUIRE(planned.name == done[at].name);
            REQUIRE(planned.version == done[at].version);
            REQUIRE(planned.action == carried_out(player.steps(), planned.name));
            seen.insert(planned.action);
        }
    }
    CHECK(seen.size() == 5);
}

TEST_CASE("the changes of a plan are what the comparison found", "[BX-07][reconcile]") {
    std::mt19937 rng(700);
    for (int i = 0; i < test::rounds(500); ++i) {
        const auto now = test::varied_spec(rng, "web");
        const auto wanted = test::varied_spec(rng, "web");
        const auto found = compare(now, wanted);
        std::set<std::string> expected(found.recreate.begin(), found.recreate.end());
        expected.insert(found.in_place.begin(), found.in_place.end());
        const auto planned = only_planned({running(now)}, {wanted});
        std::set<std::string> keys;
        for (const auto& change : planned.changes) {
            INFO(change.key << ": " << change.old << " -> " << change.wanted);
            REQUIRE(keys.insert(change.key).second);
            REQUIRE(change.old != change.wanted);
        }
        REQUIRE(keys == expected);
    }
}

TEST_CASE("a plan says what differs and never a masked value", "[BX-07][reconcile]") {
    auto now = spec("web");
    now.env = {"A=1", "MY_SECRET=old", "B=2"};
    now.cmd = {"serve", "-v"};
    now.extra_capabilities = {"CAP_NET_ADMIN"};
    auto wanted = spec("web", "app:2");
    wanted.env = {"B=2", "A=3", "MY_SECRET=new"};
    wanted.cmd = {"serve"};
    wanted.resources.memory = "64M";
    wanted.log.max_files = 4;
    fill_defaults(wanted);
    const auto planned = only_planned({running(now)}, {wanted}, {"*SECRET*"});
    CHECK(planned.action == Action::Recreate);
    CHECK(planned.version == "1");
    const std::vector<KeyChange> expected = {{"image", "app:1", "app:2"},
                                             {"env", "A=1, MY_SECRET=***", "A=3, MY_SECRET=***"},
                                             {"cmd", "serve, -v", "serve"},
                                             {"logMaxFiles", "2", "4"},
                                             {"memory", "", "64M"},
                                             {"memorySwap", "", "128M"},
                                             {"capabilities", "CAP_NET_ADMIN", ""}};
    CHECK(planned.changes == expected);
}

TEST_CASE("a long value is cut", "[reconcile]") {
    auto wanted = spec("web");
    for (int i = 0; i < 100'000; ++i)
        wanted.env.push_back("NAME_" + std::to_string(i) + "=1");
    const auto planned = only_planned({running(spec("web"))}, {wanted});
    REQUIRE(planned.changes.size() == 1);
    CHECK(planned.changes[0].wanted.size() < 1100);
    CHECK_THAT(planned.changes[0].wanted, StartsWith("NAME_0=1, NAME_1=1, "));
}

TEST_CASE("there is a gap where something that runs stops", "[BX-07][reconcile]") {
    auto paused = running(spec("web"));
    paused.state.status = Status::Paused;
    const auto down = test::container(spec("web"), Status::Exited);
    auto limited = spec("web");
    limited.resources.memory = "64M";
    fill_defaults(limited);
    CHECK(only_planned({running(spec("web"))}, {spec("web", "app:2")}).gap);
    CHECK(only_planned({paused}, {spec("web", "app:2")}).gap);
    CHECK_FALSE(only_planned({down}, {spec("web", "app:2")}).gap);
    CHECK(only_planned({running(spec("web"))}, {}).gap);
    CHECK_FALSE(only_planned({down}, {}).gap);
    CHECK_FALSE(only_planned({running(spec("web"))}, {limited}).gap);
    CHECK_FALSE(only_planned({running(spec("web"))}, {spec("web")}).gap);
    CHECK_FALSE(only_planned({}, {spec("web")}).gap);
    CHECK_FALSE(only_planned({missing(spec("web"))}, {spec("web")}).gap);
    CHECK_FALSE(only_planned({missing(spec("web"))}, {}).gap);
}

TEST_CASE("a plan says why what is unchanged is made anew", "[BX-07][reconcile]") {
    const auto result =
        preview(identify(test::desired({spec("web")}), {missing(spec("web")), missing(spec("old"))}, {}), {});
    CHECK(result.message == "component web: recreate: its instance is gone");
    REQUIRE(result.actions.size() == 2);
    CHECK(result.actions[0] == PlannedAction{"web", "1", Action::Recreate, {}, false});
    CHECK(result.actions[1].action == Action::Destroy);
}

TEST_CASE("a plan says what IDENTIFIED would, and what goes beside a component", "[BX-07][reconcile]") {
    auto asked = test::desired({spec("sua"), spec("web")});
    asked.warnings = {"component web, key colour: unknown key, ignored"};
    auto other = test::container(spec("web"), Status::Exited);
    other.spec.id = "other";
    const auto result = preview(identify(asked, {running(spec("web")), other}, {"sua"}), {});
    CHECK(result.status == Word::Identified);
    CHECK(result.message ==
          "component web, key colour: unknown key, ignored; component sua: a system container, skipped; "
          "component web: no change; another container of this name goes: other");
    REQUIRE(result.actions.size() == 1);
    CHECK(result.actions[0] == PlannedAction{"web", "1", Action::Check, {}, false});
}

TEST_CASE("a plan tells the sizes of what is made, as far as they are known", "[BX-07][reconcile]") {
    const auto asked =
        test::desired({spec("web", "app:2"), spec("db", "db:1"), spec("same"), spec("new", "app:3")});
    const auto identified = identify(asked, {running(spec("web")), running(spec("same"))}, {});
    CHECK(images_of(identified) == std::vector<std::string>{"app:2", "app:3", "db:1"});
    auto result = preview(identified, {});
    result.message = "a notice";
    Survey found{};
    found.missing = {"app:2", "app:3"};
    found.sizes = {{"app:2", {{"x", 10}, {"y", 5}}}, {"app:3", {{"x", 10}}}};
    found.room.free = 7;
    found.refused = fail(Errc::NoSpace, "no space");
    tell_sizes(result, identified, found);
    REQUIRE(result.actions.size() == 4);
    CHECK(result.actions[0].pull_bytes == 15);
    CHECK(result.actions[1].pull_bytes == 0);
    CHECK_FALSE(result.actions[2].pull_bytes);
    CHECK(result.actions[3].pull_bytes == 0);
    CHECK(result.need_bytes == 45);
    CHECK(result.free_bytes == 7);
    CHECK(result.message == "no space; a notice");

    result = preview(identified, {});
    found.sizes.erase("app:2");
    found.unknown.emplace("app:2", fail(Errc::NotFound, "image app:2: status 404"));
    found.unknown.emplace("db:1", fail(Errc::NotFound, "not missing"));
    found.refused.reset();
    tell_sizes(result, identified, found);
    CHECK_FALSE(result.actions[0].pull_bytes);
    CHECK(result.actions[3].pull_bytes == 10);
    CHECK_FALSE(result.need_bytes);
    CHECK(result.message == "component web, key image: does not exist: image app:2: status 404");
}

TEST_CASE("a plan says where the new instance starts first, and sees no gap there",
          "[BX-07][BX-22][reconcile]") {
    auto asked = test::desired({spec("web", "app:2"), spec("db"), spec("fresh")});
    for (auto& component : asked.components)
        component.order = UpdateOrder::StartFirst;
    const auto result = preview(identify(asked, {running(spec("web")), running(spec("db"))}, {}), {});
    CHECK(result.message == "component web: recreate, start-first: image differs");
    REQUIRE(result.actions.size() == 3);
    const std::vector<KeyChange> image = {{"image", "app:1", "app:2"}};
    CHECK(result.actions[0] == PlannedAction{"web", "1", Action::Recreate, image, false});
    CHECK(result.actions[1] == PlannedAction{"db", "1", Action::Check, {}, false});
    CHECK(result.actions[2] == PlannedAction{"fresh", "1", Action::Create, {}, false});
}
