// What is exported, sent back: nothing is to be done.
#include "protocol/export.hpp"

#include <random>
#include <set>

#include "protocol/component_keys.hpp"
#include "reconcile/plan.hpp"
#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/rounds.hpp"
#include "test/support/varied_spec.hpp"

using namespace berth;

TEST_CASE("an export that is sent back finds only what it asks for", "[BX-21][reconcile]") {
    std::mt19937 rng(21);
    std::set<std::string> keys;
    for (int world = 0; world < test::rounds(500); ++world) {
        std::vector<Container> there;
        for (unsigned i = 0; i < rng() % 5; ++i) {
            const auto made = test::varied_spec(rng, "c" + std::to_string(i));
            const auto fine = validate(made);
            INFO((fine ? std::string() : fine.error().message));
            REQUIRE(fine);
            there.push_back(test::container(made, rng() % 2 == 0 ? Status::Running : Status::Exited));
        }
        const Export given = export_of(there, {}, {});
        REQUIRE(given.incomplete.empty());
        for (const auto& component : given.components)
            for (const auto& [key, value] : component.config)
                keys.insert(key);

        const auto text = encode(given, "containers");
        INFO(text);
        const auto desired = decode_desired_state(text, "containers", Strictness::Strict);
        REQUIRE(desired);
        std::vector<ContainerSpec> wanted;
        for (const auto& component : desired->components)
            wanted.push_back(component.spec);
        const auto changes = reconcile::plan(there, wanted, {});
        REQUIRE(changes.size() == there.size());
        for (const auto& change : changes) {
            INFO(change.reason);
            REQUIRE(change.action == Action::Check);
        }
    }
    // Each key was tried.
    const auto all = component_keys();
    CHECK(keys == std::set<std::string>(all.begin(), all.end()));
}
