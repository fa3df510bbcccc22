#include "runtime/runtime.hpp"
#include "test/runtime/builders.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using berth::test::make_spec;

TEST_CASE("a container's name for people follows its component", "[CM-12][runtime]") {
    struct Case {
        std::string name;
        std::string id;
        std::string plain;
        std::string staged;
        std::string old;
    };
    const std::string uuid = "1a2b3c4d-0000-4000-8000-000000000000";
    const std::vector<Case> cases = {
        {"web", uuid, "web", "web.staged-1a2b3c4d", "web.old-1a2b3c4d"},
        {"web.a_b-c", uuid, "web.a_b-c", "web.a_b-c.staged-1a2b3c4d", "web.a_b-c.old-1a2b3c4d"},
        {"a", uuid, "a-1a2b3c4d", "a.staged-1a2b3c4d", "a.old-1a2b3c4d"},  // the engine wants two characters
        {"_x", uuid, "x-1a2b3c4d", "x.staged-1a2b3c4d", "x.old-1a2b3c4d"},
        {"__", uuid, "berth-1a2b3c4d", "berth.staged-1a2b3c4d", "berth.old-1a2b3c4d"},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.name) {
            const auto spec = make_spec(c.name, c.id);
            CHECK(runtime::plain_name(spec) == c.plain);
            CHECK(runtime::staged_name(spec) == c.staged);
            CHECK(runtime::old_name(spec) == c.old);
            CHECK(runtime::is_old_name(c.old, spec));
            CHECK(runtime::is_old_name(c.old + "-1a2b3c4d", spec));
            CHECK_FALSE(runtime::is_old_name(c.plain, spec));
            CHECK_FALSE(runtime::is_old_name(c.staged, spec));
        }
}

TEST_CASE("a container that somebody has renamed is called as the engine calls it", "[CM-27][runtime]") {
    struct Case {
        std::string name;
        std::string engine_name;
        std::string expected;
    };
    const std::vector<Case> cases = {
        {"web", "web", "web"},
        {"web", "web-1a2b3c4d", "web"},
        {"web", "web.staged-1a2b3c4d", "web"},
        {"web", "web.staged-1a2b3c4d-1a2b3c4d", "web"},
        {"web", "web.old-1a2b3c4d", "web"},
        {"_x", "x-1a2b3c4d", "_x"},
        {"__", "berth.old-1a2b3c4d", "__"},
        {"x-1a2b3c4d", "x-1a2b3c4d", "x-1a2b3c4d"},
        {"x-1a2b3c4d", "x-1a2b3c4d-1a2b3c4d", "x-1a2b3c4d"},
        {"web.old", "web.old-1a2b3c4d", "web.old"},
        {"web.old", "web.old.old-1a2b3c4d-1a2b3c4d", "web.old"},
        {"web.staged", "web.staged-1a2b3c4d", "web.staged"},
        {"web", "", "web"},
        {"web", "shop", "shop"},
        {"web", "shop-1a2b3c4d", "shop"},
        {"web", "shop.old-1a2b3c4d", "shop"},
        {"web", "shop.old", "shop.old"},
        {"web", "web.old-99999999", "web.old-99999999"},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.name << " as " << c.engine_name) {
            const auto spec = make_spec(c.name, "1a2b3c4d-0000-4000-8000-000000000000");
            CHECK(runtime::name_by_engine(c.engine_name, spec) == c.expected);
        }
}

TEST_CASE("an id that is no UUID is shortened to its SHA-256", "[CM-12][runtime]") {
    CHECK(runtime::id8("1A2B3C4D-0000-4000-8000-00000000000f") == "1A2B3C4D");
    CHECK(runtime::id8("databroker") == "26a7c1b4");
    CHECK(runtime::id8("1a2b3c4d-0000-4000-8000-00000000000g") != "1a2b3c4d");
    CHECK(runtime::id8("1a2b3c4d00000000000000000000000000000") != "1a2b3c4d");
    CHECK(runtime::id8("").size() == 8);
}
