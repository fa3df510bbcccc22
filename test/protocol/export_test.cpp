// Containers as a desired state: what is written, what is left out, what is said to be missing.
#include "protocol/export.hpp"

#include <functional>

#include "protocol/component_keys.hpp"
#include "protocol/component_texts.hpp"
#include "protocol/document.hpp"
#include "test/protocol/golden.hpp"
#include "test/support/catch.hpp"

using namespace berth;

namespace {

Container deployed(const std::string& name, const std::function<void(ContainerSpec&)>& change = {}) {
    Container made;
    made.spec.id = "id-" + name;
    made.spec.name = name;
    made.spec.image = "reg.example:5000/" + name + ":1";
    if (change) change(made.spec);
    fill_defaults(made.spec);
    made.state.status = Status::Running;
    return made;
}

std::string names_of(const Export& given) {
    std::string names;
    for (const auto& one : given.components)
        names += one.name + " ";
    return names;
}

}  // namespace

TEST_CASE("every key that sets something of a container can be written", "[BX-21][protocol]") {
    std::vector<std::string_view> written;
    for (const auto& row : texts_of(ContainerSpec{}))
        if (row.settable) written.push_back(row.key);
    CHECK(written == component_keys());
}

TEST_CASE("an export is a desired state, and why there is none is no desired state", "[BX-21][protocol]") {
    const auto web = deployed("web", [](auto& s) {
        s.image = "reg.example:5000/web:1.0";
        s.env = {"MODE=prod", "DB_PASSWORD=hunter2"};
        s.cmd = {"serve", ""};
        s.ports = {{"0.0.0.0", 8080, 8080, 80, "tcp"}};
        s.restart.type = "always";
        s.resources.memory = "64M";
        s.host_name = "front";
    });
    const auto cache = deployed("cache", [](auto& s) { s.image = "reg.example:5000/cache:7"; });
    Export given = export_of({web, cache}, {}, {"*PASSWORD*"});
    given.activity_id = "export-1";
    given.timestamp = 1718000016000;
    Export none{};
    none.activity_id = "export-2";
    none.timestamp = 1718000016500;
    none.message = "the engine does not answer: the engine has not answered yet";
    const auto first = encode(given, "containers");
    const auto second = encode(none, "containers");
    CHECK(test::differs("export.jsonl", first + "\n" + second) == "");

    CHECK_FALSE(decode_desired_state(first, "containers", Strictness::Lenient));  // the mask is no password
    auto completed = first;
    completed.replace(completed.find("***"), 3, "hunter2");
    const auto state = decode_desired_state(completed, "containers", Strictness::Strict);
    REQUIRE(state);
    CHECK(state->components.size() == 2);
    CHECK(state->warnings.empty());
    CHECK_FALSE(decode_desired_state(second, "containers", Strictness::Lenient));
    CHECK(encode(Export{}, "x") ==
          R"({"activityId":"","timestamp":0,"payload":{"domains":[{"id":"x","components":[]}]}})");
}

TEST_CASE("what a desired state cannot say is marked", "[BX-21][protocol]") {
    struct Case {
        std::string name;
        std::function<void(ContainerSpec&)> change;
        std::string reason;  // empty: nothing is missing
    };
    const std::string unwritable = ": a value cannot be written in a desired state";
    const std::string no_key = ": there is no key for it";
    const std::vector<Case> cases = {
        {"nothing", [](auto&) {}, ""},
        {"capabilities", [](auto& s) { s.extra_capabilities = {"CAP_NET_ADMIN"}; }, "capabilities" + no_key},
        {"host name", [](auto& s) { s.host_name = "front"; }, "hostName" + no_key},
        {"domain name", [](auto& s) { s.domain_name = "shop"; }, "domainName" + no_key},
        {"runtime", [](auto& s) { s.oci_runtime = "io.containerd.kata.v2"; }, "runtime" + no_key},
        {"hooks", [](auto& s) { s.hooks = {{"/bin/true", {}, {}, 0, 0}}; }, "hooks" + no_key},
        {"masked", [](auto& s) { s.env = {"A_TOKEN=x1y2"}; }, "key env: the value of A_TOKEN is masked"},
        {"reference", [](auto& s) { s.env = {"A_TOKEN=secret:x"}; }, ""},
        {"removed", [](auto& s) { s.env = {"A_TOKEN"}; }, ""},
        {"IPv6 port", [](auto& s) { s.ports = {{"::1", 80, 80, 80, "tcp"}}; }, "key port" + unwritable},
        {"colon", [](auto& s) { s.mounts = {{"/a:b", "/c", "rprivate"}}; }, "key mount" + unwritable},
        {"host", [](auto& s) { s.extra_hosts = {"db:elsewhere"}; }, "key host" + unwritable},
        {"pause", [](auto& s) { s.restart = {"always", 0, 30}; }, "key restartTimeout" + unwritable},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.name) {
            const auto given = export_of({deployed("web", c.change)}, {}, {"*TOKEN*"});
            REQUIRE(given.components.size() == 1);
            CHECK(encode(given, "containers").find("x1y2") == std::string::npos);
            if (c.reason.empty())
                CHECK(given.incomplete.empty());
            else
                CHECK(given.incomplete == std::vector<Incomplete>{{"web", c.reason}});
            const auto back =
                decode_desired_state(encode(given, "containers"), "containers", Strictness::Lenient);
            CHECK(bool(back) == (c.name != "masked"));
        }
}

TEST_CASE("what no desired state takes is left out and named", "[BX-21][protocol]") {
    const std::string name(59, 'x');
    const auto given =
        export_of({deployed(name, [](auto& s) { s.host_name = "h"; }), deployed("web")}, {}, {});
    CHECK(names_of(given) == "web ");
    REQUIRE(given.incomplete.size() == 1);
    CHECK(given.incomplete[0].component == name);
    CHECK_THAT(given.incomplete[0].reason,
               StartsWith("left out, so it is removed where this is sent: component ") &&
                   ContainsSubstring("key id: has 59 characters, at most 58 fit"));

    std::vector<Container> many;
    for (int i = 1000; i < 1257; ++i)
        many.push_back(deployed("c" + std::to_string(i)));
    const auto most = export_of(many, {}, {});
    CHECK(most.components.size() == 256);
    REQUIRE(most.incomplete.size() == 1);
    CHECK(most.incomplete[0].component == "c1256");
    CHECK_THAT(most.incomplete[0].reason, ContainsSubstring("at most 256 components"));
}

TEST_CASE("one component a name; system, staged and old instances are none", "[BX-21][protocol]") {
    auto staged = deployed("web", [](auto& s) { s.image = "web:2"; });
    staged.role = Role::Staged;
    auto old = deployed("gone");
    old.role = Role::Old;
    const auto given =
        export_of({deployed("web"), staged, old, deployed("sua"), deployed("db")}, {"sua"}, {});
    CHECK(names_of(given) == "db web ");
    CHECK(given.incomplete.empty());

    auto second = deployed("web");
    second.spec.id = "other";
    second.state.status = Status::Exited;
    const auto twice = export_of({deployed("web"), second}, {}, {});
    CHECK(names_of(twice) == "web ");
    REQUIRE(twice.incomplete.size() == 1);
    CHECK_THAT(twice.incomplete[0].reason, StartsWith("another container of this name is removed"));
}
