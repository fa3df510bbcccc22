#include "reconcile/room.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "reconcile/operation.hpp"
#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/operation_player.hpp"

using namespace berth;
using namespace berth::reconcile;
using berth::test::by_commands;
using berth::test::by_itself;
using berth::test::desired;
using berth::test::running;
using berth::test::spec;

namespace {

constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

using Images = std::vector<std::string>;

std::vector<Images> looks(const Advance& advance) {
    std::vector<Images> all;
    for (const auto& effect : advance.effects)
        if (const auto* look = std::get_if<LookForRoom>(&effect)) all.push_back(look->images);
    return all;
}

}  // namespace

TEST_CASE("what is needed is three times the layers, each once", "[BX-02][reconcile]") {
    CHECK(need_of({}) == 0);
    CHECK(need_of({{"a", std::vector<Layer>{}}}) == 0);
    CHECK(need_of({{"a", {{"x", 10}, {"y", 5}}}}) == 45);
    CHECK(need_of({{"a", {{"x", 10}, {"y", 5}}}, {"b", {{"x", 10}, {"z", 1}}}}) == 48);
    CHECK(need_of({{"a", {{"x", 10}, {"x", 10}}}}) == 30);
    CHECK(need_of({{"a", {{"x", -10}, {"y", 1}}}}) == 3);
    CHECK(need_of({{"a", {{"x", kMost}}}}) == kMost);
    CHECK(need_of({{"a", {{"x", kMost}, {"y", kMost}}}}) == kMost);
}

TEST_CASE("a layer is counted where it is first needed", "[BX-07][reconcile]") {
    std::set<std::string> counted;
    CHECK(bytes_of({{"x", 10}, {"y", 5}}, counted) == 15);
    CHECK(bytes_of({{"x", 10}, {"z", 1}}, counted) == 1);
    CHECK(bytes_of({{"z", 1}}, counted) == 0);
    CHECK(counted == std::set<std::string>{"x", "y", "z"});
}

TEST_CASE("there is room above the reserve", "[BX-02][reconcile]") {
    struct Case {
        std::int64_t need;
        Told told;
        std::optional<std::int64_t> free;
        std::int64_t reserve;
        std::string refusal;  // empty: admitted
    };
    const std::vector<Case> cases = {
        {312 * kMiB, Told::All, 120 * kMiB, 256 * kMiB,
         "no space: need 312 MiB, free 120 MiB, reserve 256 MiB"},
        {44 * kMiB, Told::All, 300 * kMiB, 256 * kMiB, ""},
        {44 * kMiB + 1, Told::All, 300 * kMiB, 256 * kMiB,
         "no space: need 45 MiB, free 300 MiB, reserve 256 MiB"},
        {1, Told::All, 256 * kMiB, 256 * kMiB, "no space: need 1 MiB, free 256 MiB, reserve 256 MiB"},
        {1, Told::All, 256 * kMiB - 1, 256 * kMiB - 1, "no space: need 1 MiB, free 255 MiB, reserve 256 MiB"},
        {0, Told::All, 0, 256 * kMiB, ""},  // all of it is there
        {5 * kMiB, Told::All, 5 * kMiB, 0, ""},
        {kMost, Told::All, kMost, 1,
         "no space: need 8796093022208 MiB, free 8796093022207 MiB, reserve 1 MiB"},
        // Of unknown size: by the reserve alone, and by what is known.
        {0, Told::Some, 256 * kMiB + 1, 256 * kMiB, ""},
        {0, Told::Some, 256 * kMiB, 256 * kMiB, "no space: need unknown, free 256 MiB, reserve 256 MiB"},
        {0, Told::Some, 1, 256 * kMiB, "no space: need unknown, free 0 MiB, reserve 256 MiB"},
        {10 * kMiB, Told::Some, 300 * kMiB, 256 * kMiB, ""},
        {50 * kMiB, Told::Some, 300 * kMiB, 256 * kMiB,
         "no space: need 50 MiB, free 300 MiB, reserve 256 MiB"},
        // Nobody sees the folder.
        {kMost, Told::All, std::nullopt, 256 * kMiB, ""},
        {0, Told::Some, std::nullopt, 256 * kMiB, ""},
    };
    for (const auto& c : cases) {
        INFO(c.need << " of " << c.free.value_or(-1) << " less " << c.reserve);
        const auto admitted = admit(c.need, c.told, {c.free, c.reserve});
        CHECK(bool(admitted) == c.refusal.empty());
        if (admitted) continue;
        CHECK(admitted.error().code == Errc::NoSpace);
        CHECK(admitted.error().message == c.refusal);
    }
}

TEST_CASE("a DOWNLOAD first looks for room for all its images together", "[BX-02][reconcile]") {
    const auto wanted = desired({spec("a", "app:2"), spec("b", "app:3"), spec("c", "app:2"), spec("d")});
    const auto begun = begin(wanted, {running(spec("d")), running(spec("gone"))}, by_itself());
    REQUIRE(looks(begun) == std::vector<Images>{{"app:2", "app:3"}});
    const auto is_look = [](const Effect& effect) { return std::holds_alternative<LookForRoom>(effect); };
    const auto is_run = [](const Effect& effect) { return std::holds_alternative<Run>(effect); };
    const auto& effects = begun.effects;
    CHECK(std::find_if(effects.begin(), effects.end(), is_look) <
          std::find_if(effects.begin(), effects.end(), is_run));

    // A step that ends looks no further; Berth that comes back does, for what was under way as well.
    auto first_done = advance(begun.next, StepDone{1, 0, {}});
    CHECK(looks(first_done).empty());
    CHECK(looks(advance(first_done.next, Resumed{true})) == std::vector<Images>{{"app:2", "app:3"}});
}

TEST_CASE("phases that pull nothing look for no room", "[BX-02][reconcile]") {
    auto state = begin(desired({spec("a")}), {running(spec("a")), running(spec("gone"))}, by_commands()).next;
    for (const auto command : {Command::Download, Command::Update}) {
        const auto advanced = advance(std::move(state), CommandReceived{command, {}});
        CHECK(looks(advanced).empty());
        state = advanced.next;
    }
}
