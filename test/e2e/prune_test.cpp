// Somebody tidies up the engine between two commands of an update, while nothing of it runs.
#include <stdexcept>

#include "test/e2e/device.hpp"
#include "test/support/catch.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

using Lines = std::vector<std::string>;

// Of this device alone: the lab's engine has others.
std::string pruned(const Device& device, const std::string& what) {
    return device.engine.docker(
        {what, "prune", "--force", "--filter", "label=io.berth.namespace=" + device.name_space()});
}

std::string bridge_id(const Device& device) {
    return device.engine.docker({"network", "ls", "--no-trunc", "--format", "{{.ID}}", "--filter",
                                 "name=^" + device.name_space() + "$"});
}

// The engine tells that a container has ended a moment before that leaves its network.
void prune_networks(const Device& device) {
    if (!eventually([&] {
            pruned(device, "network");
            return bridge_id(device).empty();
        }))
        throw std::runtime_error("the network is still in use");
}

// As far as everything is down and the new instance waits.
void stop_all(Device& device, const std::string& activity, const std::string& image) {
    device.probe.desire(desired_state(activity, {{"web", image}}, {.timestamp = 1}));
    device.probe.await(activity, "IDENTIFIED");
    device.probe.command(activity, "DOWNLOAD");
    device.probe.command(activity, "UPDATE");
    device.probe.await(activity, "UPDATE_SUCCESS");
}

void check_on_bridge(const Device& device, const std::string& name) {
    const auto network = "/NetworkSettings/Networks/" + device.name_space();
    CHECK(device.engine.state(name) == "running");
    CHECK(device.engine.field(name, network + "/NetworkID") + "\n" == bridge_id(device));
    CHECK_THAT(device.engine.field(name, network + "/Aliases"), ContainsSubstring('"' + name + "-host\""));
}

}  // namespace

TEST_CASE("networks are pruned between UPDATE and ACTIVATE: the way back and the way forward find one",
          "[CM-38][BX-08][e2e]") {
    Device device;
    device.deploy("before", {{"web", kSleeper}, {"gone", kSleeper}});
    const auto web = device.engine.id("web");
    const auto gone = device.engine.id("gone");

    stop_all(device, "back", "berth-test/sleeper:2");
    prune_networks(device);
    device.probe.command("back", "CLEANUP");
    device.probe.await("back", "CLEANUP_SUCCESS");
    device.probe.await("back", "INCOMPLETE");
    CHECK(device.containers() == Lines{"gone", "web"});
    CHECK(device.engine.id("web") == web);
    CHECK(device.engine.id("gone") == gone);
    check_on_bridge(device, "web");
    check_on_bridge(device, "gone");

    stop_all(device, "forward", "berth-test/sleeper:2");
    prune_networks(device);
    device.probe.command("forward", "ACTIVATE");
    device.probe.await("forward", "ACTIVATION_SUCCESS");
    device.probe.command("forward", "CLEANUP");
    device.probe.await("forward", "COMPLETED");
    CHECK(device.containers() == Lines{"web"});
    CHECK(device.engine.id("web") != web);
    check_on_bridge(device, "web");
}

TEST_CASE("containers and networks are pruned between UPDATE and ACTIVATE: the old set is made again",
          "[UA-69][BX-08][e2e]") {
    Device device;
    device.deploy("before", {{"web", kSleeper, {{"env", "A=1"}}}, {"gone", kSleeper}});
    const auto id = [&] { return device.engine.field("web", "/Config/Labels/io.berth.id"); };
    const auto web = id();
    const auto instance = device.engine.id("web");

    stop_all(device, "cut", "berth-test/sleeper:2");
    pruned(device, "container");
    REQUIRE(device.containers().empty());
    prune_networks(device);
    device.probe.command("cut", "ACTIVATE");
    device.probe.await("cut", "ACTIVATION_FAILURE");
    device.probe.command("cut", "CLEANUP");
    device.probe.await("cut", "CLEANUP_SUCCESS");
    device.probe.await("cut", "INCOMPLETE");
    CHECK(device.containers() == Lines{"gone", "web"});
    CHECK(id() == web);
    CHECK(device.engine.id("web") != instance);
    CHECK(device.engine.field("web", "/Config/Image") == kSleeper);
    CHECK_THAT(device.engine.field("web", "/Config/Env"), ContainsSubstring("\"A=1\""));
    check_on_bridge(device, "web");
    check_on_bridge(device, "gone");
    CHECK(device.daemon.logs("made again from its document"));
    CHECK(device.probe.ask("after").names() == Lines{"gone", "web"});
}
