// An engine that holds something else than it was asked for: what is told of it, and that it leads to
// nothing.
#include "reconcile/unstable.hpp"

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "reconcile/operation.hpp"
#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/operation_player.hpp"
#include "test/support/varied_spec.hpp"

using namespace berth;
using namespace berth::reconcile;
using berth::test::by_itself;
using berth::test::desired;
using berth::test::OperationPlayer;
using berth::test::running;
using berth::test::spec;

TEST_CASE("what an engine holds otherwise is named with both sides", "[BX-03][reconcile]") {
    auto asked = spec("web");
    asked.host_name = "a";
    asked.env = {"A=hunter2", "B=1"};
    asked.resources = {"64M", "", "96M"};
    struct Case {
        std::string name;
        std::function<void(ContainerSpec&)> change;
        std::string expected;
    };
    const std::vector<Case> cases = {
        {"nothing", [](auto&) {}, ""},
        {"order of env", [](auto& s) { s.env = {"B=1", "A=hunter2"}; }, ""},
        {"runtime, which is the engine's own", [](auto& s) { s.oci_runtime = "crun"; }, ""},
        {"host name", [](auto& s) { s.host_name = "b"; }, R"(unstable: hostName wanted "a" engine says "b")"},
        {"domain name", [](auto& s) { s.domain_name = "lan"; },
         R"(unstable: domainName wanted "web-domain" engine says "lan")"},
        {"swap", [](auto& s) { s.resources.memory_swap = "-1"; },
         R"(unstable: memorySwap wanted "96M" engine says "-1")"},
        {"limit gone", [](auto& s) { s.resources.memory.clear(); },
         R"(unstable: memory wanted "64M" engine says "")"},
        {"policy", [](auto& s) { s.restart.type = "always"; },
         R"(unstable: restartPolicy wanted "unless-stopped" engine says "always")"},
        {"rights", [](auto& s) { s.extra_capabilities = {"CAP_X"}; },
         R"(unstable: capabilities wanted "" engine says "CAP_X")"},
        {"env, without a value", [](auto& s) { s.env = {"A=hunter3", "B=1"}; },
         R"(unstable: env wanted "A=***" engine says "A=***")"},
        {"several", [](auto& s) { s.image = "app:9", s.host_name = "b"; },
         R"(unstable: image wanted "app:1" engine says "app:9", hostName wanted "a" engine says "b")"},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.name) {
            auto held = asked;
            c.change(held);
            CHECK(unstable(asked, held) == c.expected);
        }
}

TEST_CASE("a swap limit that nobody asked for is not missed where the kernel has none",
          "[BX-03][reconcile]") {
    auto asked = spec("web");
    asked.resources.memory = "64M";
    fill_defaults(asked);
    auto held = asked;
    held.resources.memory_swap = "-1";
    CHECK(unstable(asked, held).empty());
    held.resources.memory = "1G";
    CHECK(unstable(asked, held) == R"(unstable: memory wanted "64M" engine says "1G")");
    held.resources = {"64M", "", "256M"};  // a limit, but another one
    CHECK(unstable(asked, held) == R"(unstable: memorySwap wanted "128M" engine says "256M")");
}

TEST_CASE("whatever the engine holds, all that differs is told, and what is asked for again is no change",
          "[BX-03][UA-22][reconcile]") {
    std::mt19937 rng(3);
    for (int world = 0; world < 500; ++world) {
        const auto asked = berth::test::varied_spec(rng, "web");
        const auto held = berth::test::varied_spec(rng, "web");
        REQUIRE(unstable(asked, asked).empty());
        auto keys = compare(held, asked).all();
        if (has_default_swap(asked.resources) && held.resources.memory_swap == "-1") keys.erase("memorySwap");
        const auto told = unstable(asked, held);
        REQUIRE(told.empty() == keys.empty());
        for (const auto& key : keys) {
            const bool is_told = told.find(" " + key + " wanted \"") != std::string::npos;
            if (told.size() < 1000) REQUIRE(is_told);  // a longer one is cut
        }
        REQUIRE(told.find("=a=b") == std::string::npos);  // a value of env
        const Plan again = plan({running(asked)}, {asked}, {});
        REQUIRE(again.size() == 1);
        REQUIRE(again[0].action == Action::Check);
    }
}

TEST_CASE("what is told of a component stands in its message to the end, and fails nothing",
          "[BX-03][reconcile]") {
    OperationPlayer player;
    player.remark_at(StepKind::StartNew, "a", "unstable: x");
    SECTION("it is started") {
        player.begin(desired({spec("a"), spec("b")}), {}, by_itself());
        player.play();
        CHECK(player.feedback().back().status == Word::Completed);
        CHECK(player.feedback().back().actions[0].message == "started; unstable: x");
        CHECK(player.feedback().back().actions[1].message == "started");
    }
    SECTION("its step fails") {
        player.fail_at(StepKind::StartNew, "a", "boom");
        player.begin(desired({spec("a")}), {}, by_itself());
        player.play();
        CHECK(player.feedback().back().actions[0].message == "boom; new instance removed");
    }
}

TEST_CASE("what is made or changed is looked at once, what is only checked never", "[BX-03][reconcile]") {
    CHECK(ends_change(StepKind::StartNew, Action::Create));
    CHECK(ends_change(StepKind::StartNew, Action::Recreate));
    CHECK(ends_change(StepKind::StopReplaced, Action::Recreate));
    CHECK(ends_change(StepKind::EnsureRunning, Action::Update));
    CHECK_FALSE(ends_change(StepKind::EnsureRunning, Action::Check));
    CHECK_FALSE(ends_change(StepKind::StartBeside, Action::Recreate));
    CHECK_FALSE(ends_change(StepKind::Apply, Action::Update));
    CHECK_FALSE(ends_change(StepKind::Restore, Action::Recreate));
}
