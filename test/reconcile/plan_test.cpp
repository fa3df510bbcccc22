#include "reconcile/plan.hpp"

#include <functional>
#include <random>
#include <set>

#include "test/support/builders.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::reconcile;
using berth::test::container;
using berth::test::missing;
using berth::test::running;
using berth::test::spec;

namespace {

ContainerSpec with(ContainerSpec made, const std::function<void(ContainerSpec&)>& change) {
    change(made);
    return made;
}

Action only_action(const ContainerSpec& now, const ContainerSpec& wanted) {
    const Plan changes = plan({running(now)}, {wanted}, {});
    REQUIRE(changes.size() == 1);
    return changes[0].action;
}

ContainerSpec random_spec(std::mt19937& rng, int number) {
    const auto coin = [&rng] { return rng() % 2 == 0; };
    auto made = spec("c" + std::to_string(number), coin() ? "app:1" : "app:2");
    if (coin()) made.env = {"B=2", "A=1"};
    if (coin()) made.cmd = {"run", "fast"};
    if (coin()) made.ports = {{"0.0.0.0", 80, 80, 8080, "tcp"}};
    if (coin()) made.resources.memory = "64M";
    if (coin()) made.restart = {"on-failure", 3, 0};
    if (coin()) made.mounts = {{"/data", "/data", "rprivate"}};
    fill_defaults(made);
    return made;
}

}  // namespace

TEST_CASE("every difference leads to the action of the table", "[UA-21][reconcile]") {
    const auto now = with(spec("web"), [](auto& s) {
        s.env = {"A=1", "B=2"};
        s.cmd = {"serve"};
        s.resources = {"64M", "", "128M"};
    });
    struct Case {
        std::string name;
        std::function<void(ContainerSpec&)> change;
        Action expected;
        std::string key;
    };
    const std::vector<Case> cases = {
        {"nothing", [](auto&) {}, Action::Check, ""},
        {"order of env", [](auto& s) { s.env = {"B=2", "A=1"}; }, Action::Check, ""},
        {"host name", [](auto& s) { s.host_name = "other"; }, Action::Check, ""},
        {"domain name", [](auto& s) { s.domain_name = "other"; }, Action::Check, ""},
        {"hooks", [](auto& s) { s.hooks = {{"/bin/true", {}, {}, 0, 0}}; }, Action::Check, ""},
        {"runtime", [](auto& s) { s.oci_runtime = "io.containerd.kata.v2"; }, Action::Check, ""},
        {"image", [](auto& s) { s.image = "docker.io/library/app:1"; }, Action::Recreate, "image"},
        {"mounts", [](auto& s) { s.mounts = {{"/a", "/b", "rprivate"}}; }, Action::Recreate, "mount"},
        {"env value", [](auto& s) { s.env = {"A=1", "B=3"}; }, Action::Recreate, "env"},
        {"env gone", [](auto& s) { s.env.clear(); }, Action::Recreate, "env"},
        {"cmd", [](auto& s) { s.cmd = {"serve", "-v"}; }, Action::Recreate, "cmd"},
        {"cmd gone", [](auto& s) { s.cmd.clear(); }, Action::Recreate, "cmd"},
        {"terminal", [](auto& s) { s.io.tty = true; }, Action::Recreate, "terminal"},
        {"interactive", [](auto& s) { s.io.open_stdin = true; }, Action::Recreate, "interactive"},
        {"privileged", [](auto& s) { s.privileged = true; }, Action::Recreate, "privileged"},
        {"network", [](auto& s) { s.network = "host"; }, Action::Recreate, "network"},
        {"devices", [](auto& s) { s.devices = {{"/dev/a", "/dev/a", "rwm"}}; }, Action::Recreate, "device"},
        {"extra hosts", [](auto& s) { s.extra_hosts = {"a:1.2.3.4"}; }, Action::Recreate, "host"},
        {"capabilities", [](auto& s) { s.extra_capabilities = {"CAP_NET_ADMIN"}; }, Action::Recreate,
         "capabilities"},
        {"ports", [](auto& s) { s.ports = {{"0.0.0.0", 80, 80, 80, "tcp"}}; }, Action::Recreate, "port"},
        {"log files", [](auto& s) { s.log.max_files = 3; }, Action::Recreate, "logMaxFiles"},
        {"log path", [](auto& s) { s.log.root_dir = "/logs"; }, Action::Recreate, "logPath"},
        {"log size", [](auto& s) { s.log.max_size = "1M"; }, Action::Recreate, "logMaxSize"},
        {"log driver", [](auto& s) { s.log = {"none", 0, "", "", "blocking", ""}; }, Action::Recreate,
         "logDriver"},
        {"log mode", [](auto& s) { s.log.mode = "non-blocking"; }, Action::Recreate, "logMode"},
        {"log buffer", [](auto& s) { s.log.max_buffer_size = "2M"; }, Action::Recreate, "logMaxBufferSize"},
        {"memory", [](auto& s) { s.resources.memory = "96M"; }, Action::Update, "memory"},
        {"reservation", [](auto& s) { s.resources.memory_reservation = "32M"; }, Action::Update,
         "memoryReservation"},
        {"swap", [](auto& s) { s.resources.memory_swap = "256M"; }, Action::Update, "memorySwap"},
        {"restart policy", [](auto& s) { s.restart.type = "always"; }, Action::Update, "restartPolicy"},
        {"retries", [](auto& s) { s.restart.maximum_retry_count = 3; }, Action::Update, "restartMaxRetries"},
        {"pause between restarts", [](auto& s) { s.restart.retry_timeout_s = 30; }, Action::Update,
         "restartTimeout"},
        {"image and memory", [](auto& s) { s.image = "x", s.resources.memory = "96M"; }, Action::Recreate,
         "image"},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.name) {
            const auto wanted = with(now, c.change);
            const Plan changes = plan({running(now)}, {wanted}, {});
            REQUIRE(changes.size() == 1);
            CHECK(changes[0].action == c.expected);
            if (!c.key.empty()) CHECK(changes[0].keys.front() == c.key);
            CHECK(changes[0].current == "id-web");
        }
}

TEST_CASE("a memory limit changes in place and goes only with a new instance", "[UA-23][reconcile]") {
    const auto limited = with(spec("web"), [](auto& s) { s.resources = {"64M", "", "128M"}; });
    CHECK(only_action(limited, with(limited, [](auto& s) { s.resources = {"32M", "", "64M"}; })) ==
          Action::Update);
    CHECK(only_action(spec("web"), limited) == Action::Update);
    CHECK(only_action(limited, spec("web")) == Action::Recreate);
}

TEST_CASE("what has lost its instance is made anew, whatever differs", "[UA-21][reconcile]") {
    const auto always = with(spec("web"), [](auto& s) { s.restart.type = "always"; });
    struct Case {
        ContainerSpec wanted;
        std::string reason;
        std::vector<std::string> keys;
    };
    const std::vector<Case> cases = {
        {spec("web"), "recreate: its instance is gone", {}},
        {always, "recreate: its instance is gone; restartPolicy differs", {"restartPolicy"}},
        {spec("web", "app:2"), "recreate: its instance is gone; image differs", {"image"}},
    };
    for (const auto& c : cases) {
        INFO(c.reason);
        const Plan changes = plan({missing(spec("web"))}, {c.wanted}, {}, {"web"});
        REQUIRE(changes.size() == 1);
        CHECK(changes[0].action == Action::Recreate);
        CHECK(changes[0].reason == c.reason);
        CHECK(changes[0].keys == c.keys);
        CHECK(changes[0].current == "id-web");
        CHECK(changes[0].order == UpdateOrder::StopFirst);  // nothing runs meanwhile
    }
    CHECK(plan({missing(spec("web"))}, {}, {})[0].action == Action::Destroy);
}

TEST_CASE("a check says when it will start something", "[UA-22][reconcile]") {
    auto stopped = running(spec("web"));
    stopped.state.status = Status::Exited;
    CHECK(plan({stopped}, {spec("web")}, {})[0].reason == "no change; it does not run and is started");
    CHECK(plan({running(spec("web"))}, {spec("web")}, {})[0].reason == "no change");
}

TEST_CASE("reasons never hold a value of env", "[reconcile]") {
    const auto wanted = with(spec("web"), [](auto& s) { s.env = {"PASSWORD=hunter2"}; });
    const Plan changes = plan({running(spec("web"))}, {wanted}, {});
    CHECK(changes[0].reason == "recreate: env differs");
}

TEST_CASE("what is not wanted goes, by name, and pinned ones stay", "[UA-25][reconcile]") {
    const std::vector<Container> current = {running(spec("zeta")), running(spec("agent")),
                                            running(spec("alpha")), running(spec("web"))};
    const Plan changes = plan(current, {spec("web"), spec("agent", "other:1"), spec("new")}, {"agent"});
    REQUIRE(changes.size() == 4);
    CHECK(changes[0] == Change{Action::Check, "web", "no change", {}, "id-web"});
    CHECK(changes[1] == Change{Action::Create, "new", "create", {}, ""});
    CHECK(changes[2] ==
          Change{Action::Destroy, "alpha", "destroy: not in the desired state", {}, "id-alpha"});
    CHECK(changes[3] == Change{Action::Destroy, "zeta", "destroy: not in the desired state", {}, "id-zeta"});
    CHECK(plan({running(spec("agent"))}, {}, {"agent"}).empty());
}

TEST_CASE("only plain instances are compared, of several the running, else the newest", "[reconcile]") {
    auto staged = container(with(spec("web", "app:2"), [](auto& s) { s.id = "staged"; }), Status::Created);
    staged.role = Role::Staged;
    auto stopped = container(with(spec("web"), [](auto& s) { s.id = "stopped"; }), Status::Exited);
    stopped.state.created = "2026-01-02T00:00:00Z";
    auto older = container(with(spec("web"), [](auto& s) { s.id = "older"; }), Status::Exited);
    older.state.created = "2026-01-01T00:00:00Z";
    CHECK(plan({staged}, {spec("web")}, {})[0].action == Action::Create);
    CHECK(plan({older, staged, stopped}, {spec("web")}, {})[0].current == "stopped");
    older.state.status = Status::Paused;
    CHECK(plan({older, staged, stopped}, {spec("web")}, {})[0].current == "older");
}

TEST_CASE("a reached desired state needs no change", "[UA-22][reconcile]") {
    std::mt19937 rng(42);
    for (int world = 0; world < 500; ++world) {
        std::vector<ContainerSpec> wanted;
        std::vector<Container> there;
        for (int i = 0; i < static_cast<int>(rng() % 6); ++i) {
            wanted.push_back(random_spec(rng, i));
            there.push_back(running(wanted.back()));
        }
        for (const auto& change : plan(there, wanted, {}))
            REQUIRE(change.action == Action::Check);
    }
}

TEST_CASE("every container that is not pinned appears exactly once, a pinned one never",
          "[UA-25][reconcile]") {
    std::mt19937 rng(7);
    for (int world = 0; world < 500; ++world) {
        std::vector<ContainerSpec> wanted;
        std::vector<Container> there;
        std::set<std::string> names;
        std::set<std::string> pinned;
        for (int i = 0; i < 8; ++i) {
            const auto name = "c" + std::to_string(i);
            const bool is_wanted = rng() % 2 == 0;
            const bool is_there = rng() % 2 == 0;
            if (is_wanted) wanted.push_back(random_spec(rng, i));
            if (is_there) there.push_back(running(random_spec(rng, i)));
            if (rng() % 4 == 0)
                pinned.insert(name);
            else if (is_wanted || is_there)
                names.insert(name);
        }
        std::set<std::string> seen;
        for (const auto& change : plan(there, wanted, pinned))
            REQUIRE(seen.insert(change.name).second);
        REQUIRE(seen == names);
    }
}

TEST_CASE("an instance without a name is nobody's to destroy", "[reconcile]") {
    CHECK(plan({running({.id = "unreadable"})}, {}, {}).empty());
}
