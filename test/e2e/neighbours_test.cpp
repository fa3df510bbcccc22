// What is not Berth's to touch: system containers, those of other people, those of another Berth.
#include <algorithm>

#include "test/e2e/device.hpp"
#include "test/support/catch.hpp"

using namespace berth::test;

namespace {

using Names = std::vector<std::string>;

// A container that somebody runs beside Berth, for as long as the object lives.
class Foreign {
 public:
    Foreign(const Engine& engine, std::string name) : engine_(engine), name_(std::move(name)) {
        engine_.docker({"run", "-d", "--network", "none", "--name", name_, kSleeper});
        id_ = engine_.id(name_);
    }
    ~Foreign() { engine_.remove(id_); }
    Foreign(const Foreign&) = delete;
    Foreign& operator=(const Foreign&) = delete;

    bool is_untouched() const { return engine_.id(name_) == id_ && engine_.state(name_) == "running"; }

 private:
    const Engine& engine_;
    std::string name_;
    std::string id_{};
};

}  // namespace

TEST_CASE("system containers stay as they are, the message's list before the configured one",
          "[UA-25][UA-26][e2e]") {
    Device device;
    device.deploy("before", {{"agent", kSleeper}, {"own", kSleeper}, {"web", kSleeper}});
    const auto agent = device.engine.id("agent");
    const auto own = device.engine.id("own");
    device.daemon.set("update_agent.system_containers", R"(["agent"])");
    device.restart();

    device.deploy("configured", {{"agent", "berth-test/sleeper:2"}, {"own", kSleeper}});
    const auto identified = device.probe.await("configured", "IDENTIFIED");
    CHECK_THAT(identified.message,
               ContainsSubstring("component agent") && ContainsSubstring("system container"));
    CHECK(identified.actions.size() == 2);  // own and web
    CHECK(device.containers() == Names{"agent", "own"});
    CHECK(device.engine.id("agent") == agent);
    CHECK(device.engine.state("agent") == "running");
    CHECK(device.probe.ask("shown").names() == Names{"agent", "own"});

    Extra extra{};
    extra.system_containers = "own, another";
    device.deploy("in the message", {}, extra);
    CHECK(device.containers() == Names{"own"});
    CHECK(device.engine.id("own") == own);

    extra.system_containers = "";
    device.deploy("none", {{"agent", kSleeper}}, extra);
    CHECK(device.containers() == Names{"agent"});
}

TEST_CASE("containers of other people are neither shown nor touched", "[UA-25][e2e]") {
    Device device;
    const Foreign stranger(device.engine, device.name_space() + "-foreign");
    const Foreign namesake(device.engine, "web");
    device.deploy("beside", {{"web", kSleeper}});
    CHECK(device.probe.ask("shown").names() == Names{"web"});
    const auto ours = device.containers();
    REQUIRE(ours.size() == 1);
    CHECK_THAT(ours[0], StartsWith("web-"));
    CHECK(device.engine.state(ours[0]) == "running");
    device.deploy("nothing", {});
    CHECK(device.containers().empty());
    CHECK(stranger.is_untouched());
    CHECK(namesake.is_untouched());
}

TEST_CASE("two Berths on one engine do not see each other", "[UA-25][e2e]") {
    Device one;
    Device other;
    one.deploy("one", {{"web", kSleeper}, {"db", kSleeper}});
    other.deploy("other", {{"web", "berth-test/sleeper:2"}});
    CHECK(one.probe.ask("one").names() == Names{"db", "web"});
    CHECK(one.probe.ask("image").node("web").version == "1");
    CHECK(other.probe.ask("other").names() == Names{"web"});
    CHECK(other.probe.ask("image").node("web").version == "2");
    other.deploy("nothing", {});
    CHECK(other.containers().empty());
    CHECK(one.containers() == Names{"db", "web"});
    CHECK(one.engine.state("web") == "running");
    one.restart();
    CHECK(one.probe.ask("still").names() == Names{"db", "web"});
}
