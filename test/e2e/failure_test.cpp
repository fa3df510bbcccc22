// Updates that cannot succeed: what is said, and that the old set runs as before.
#include <algorithm>
#include <filesystem>

#include "test/e2e/device.hpp"
#include "test/e2e/stalling_registry.hpp"
#include "test/support/catch.hpp"
#include "test/support/disk.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

using Lines = std::vector<std::string>;

std::ptrdiff_t records(const Device& device) {
    return std::distance(std::filesystem::directory_iterator(device.daemon.home() + "/containers"), {});
}

}  // namespace

TEST_CASE("an image that cannot be pulled leaves everything as it was", "[UA-54][UA-38][UA-46][e2e]") {
    Device device({{"update_agent.parallel", "1"}});
    device.deploy("before", {{"web", kSleeper}, {"other", kSleeper}});
    const auto web = device.engine.id("web");
    const auto other = device.engine.id("other");

    const auto image = device.lab.registry() + "/nothing:1";
    device.probe.desire(
        desired_state("bad", {{"web", "berth-test/sleeper:2"}, {"new", image}, {"last", kSleeper}}));
    device.probe.await("bad", "INCOMPLETE");
    CHECK(device.probe.lines("bad") ==
          Lines{"IDENTIFYING", "IDENTIFIED web:IDENTIFIED new:IDENTIFIED last:IDENTIFIED other:IDENTIFIED",
                "DOWNLOADING web:DOWNLOADING new:IDENTIFIED last:IDENTIFIED other:IDENTIFIED",
                "DOWNLOADING web:DOWNLOAD_SUCCESS new:DOWNLOADING last:IDENTIFIED other:IDENTIFIED",
                "DOWNLOAD_FAILURE web:DOWNLOAD_SUCCESS new:DOWNLOAD_FAILURE last:IDENTIFIED other:IDENTIFIED",
                "CLEANUP_SUCCESS web:DOWNLOAD_SUCCESS new:DOWNLOAD_FAILURE last:IDENTIFIED other:IDENTIFIED",
                "INCOMPLETE web:DOWNLOAD_SUCCESS new:DOWNLOAD_FAILURE last:IDENTIFIED other:IDENTIFIED"});
    for (const auto* status : {"DOWNLOAD_FAILURE", "INCOMPLETE"})
        CHECK_THAT(device.probe.await("bad", status).action("new").message,
                   ContainsSubstring("component new") && ContainsSubstring(image));

    CHECK(device.containers() == Lines{"other", "web"});
    CHECK(device.engine.id("web") == web);
    CHECK(device.engine.id("other") == other);
    CHECK(device.engine.state("web") == "running");
    CHECK(device.engine.state("other") == "running");
    CHECK(records(device) == 2);
}

TEST_CASE("when the new instance does not start the old one runs again", "[UA-54][UA-44][e2e]") {
    Device device({{"update_agent.parallel", "1"}});
    device.deploy("before", {{"web", kSleeper}, {"gone", kSleeper}});
    const auto web = device.engine.id("web");
    const auto gone = device.engine.id("gone");

    device.probe.desire(desired_state("bad", {{"web", "berth-test/broken:1"}}));
    const auto end = device.probe.await("bad", "INCOMPLETE");
    CHECK(device.probe.lines("bad") == Lines{"IDENTIFYING", "IDENTIFIED web:IDENTIFIED gone:IDENTIFIED",
                                             "DOWNLOADING web:DOWNLOADING gone:IDENTIFIED",
                                             "DOWNLOAD_SUCCESS web:DOWNLOAD_SUCCESS gone:IDENTIFIED",
                                             "UPDATING web:UPDATING gone:IDENTIFIED",
                                             "UPDATING web:UPDATE_SUCCESS gone:UPDATING",
                                             "UPDATE_SUCCESS web:UPDATE_SUCCESS gone:UPDATE_SUCCESS",
                                             "ACTIVATING web:ACTIVATING gone:UPDATE_SUCCESS",
                                             "ACTIVATION_FAILURE web:ACTIVATION_FAILURE gone:UPDATE_SUCCESS",
                                             "ROLLBACK web:UPDATING gone:UPDATE_SUCCESS",
                                             "ROLLBACK web:UPDATE_FAILURE gone:UPDATE_SUCCESS",
                                             "ROLLBACK_SUCCESS web:UPDATE_FAILURE gone:UPDATE_FAILURE",
                                             "CLEANUP_SUCCESS web:UPDATE_FAILURE gone:UPDATE_FAILURE",
                                             "INCOMPLETE web:UPDATE_FAILURE gone:UPDATE_FAILURE"});
    CHECK_THAT(end.action("web").message, ContainsSubstring("/bin/not-there"));
    CHECK_THAT(end.action("web").message, ContainsSubstring("new instance removed, old one running"));

    CHECK(device.containers() == Lines{"gone", "web"});
    for (const auto& [name, id] : {std::pair{"web", web}, std::pair{"gone", gone}}) {
        CHECK(device.engine.id(name) == id);
        CHECK(device.engine.state(name) == "running");
        CHECK(device.engine.field(name, "/HostConfig/RestartPolicy/Name") == "unless-stopped");
    }
    CHECK(records(device) == 2);
    const auto inventory = device.probe.ask("after");
    CHECK(inventory.names() == Lines{"gone", "web"});
    CHECK(inventory.node("web").value("status") == "Running");
}

TEST_CASE("pulls that stall keep nobody waiting and give way to a newer desired state",
          "[UA-07][UA-55][UA-62][UA-52][e2e]") {
    Device device;
    const StallingRegistry registry(device.lab.network_namespace());
    device.deploy("before", {{"web", kSleeper}});
    const auto web = device.engine.id("web");

    device.probe.desire(desired_state("stalled", {{"web", "berth-test/sleeper:2"},
                                                  {"never", registry.image("never")},
                                                  {"nor", registry.image("nor")}}));
    REQUIRE(eventually([&] { return registry.waiting() == 2; }));
    const auto is_staged = [](const auto& said) {
        return !said.actions.empty() && said.action("web").status == "DOWNLOAD_SUCCESS";
    };
    device.probe.await("stalled", is_staged, "through with web");

    const auto during = device.probe.ask("during");
    CHECK(during.names() == Lines{"web"});
    CHECK(during.node("web").version == "1");  // of its image: the staged one is not shown
    CHECK(device.containers().size() == 2);
    CHECK(registry.waiting() == 2);

    // Needs a pull itself, so the stalled ones must have made room.
    const auto image = device.lab.registry() + "/app:1";
    device.engine.remove_image(image);
    device.deploy("newer", {{"web", image}});
    const auto interrupted = device.probe.await("stalled", "DOWNLOAD_FAILURE");
    CHECK(interrupted.action("never").status == "DOWNLOAD_FAILURE");
    CHECK_THAT(interrupted.action("never").message, ContainsSubstring("interrupted"));
    device.probe.await("stalled", "SUPERSEDED");
    CHECK(device.containers() == Lines{"web"});
    CHECK(device.engine.id("web") != web);
    CHECK(device.engine.field("web", "/Config/Image") == image);
    CHECK(records(device) == 1);

    const auto all = device.probe.feedback();
    const auto said = [&](const std::string& activity, const std::string& status) {
        return std::find_if(all.begin(), all.end(), [&](const auto& one) {
            return one.activity == activity && one.status == status;
        });
    };
    CHECK(said("stalled", "SUPERSEDED") < said("newer", "IDENTIFIED"));
    device.deploy("gone", {});
    device.engine.remove_image(image);
}

TEST_CASE("a disk that turns read-only in the middle: the old set runs, the reason is told, berthd lives on",
          "[UA-71][e2e]") {
    Device device(Device::Unstarted{}, {{"images.reserve", Daemon::quoted("1M")}});
    const SmallDisk disk(device.daemon.home());
    device.start();
    device.deploy("before", {{"web", kSleeper}, {"gone", kSleeper}});
    const auto web = device.engine.id("web");

    device.probe.desire(desired_state("cut", {{"web", "berth-test/sleeper:2"}}, {.timestamp = 1}));
    device.probe.await("cut", "IDENTIFIED");
    device.probe.command("cut", "DOWNLOAD");
    device.probe.command("cut", "UPDATE");
    device.probe.await("cut", "UPDATE_SUCCESS");
    CHECK(device.engine.state("web") == "exited");
    disk.become_read_only();
    device.probe.command("cut", "ACTIVATE");
    CHECK_THAT(device.probe.await("cut", "ACTIVATION_FAILURE").action("web").message,
               ContainsSubstring("Read-only file system"));
    device.probe.command("cut", "CLEANUP");
    device.probe.await("cut", "CLEANUP_SUCCESS");
    device.probe.await("cut", "INCOMPLETE");
    CHECK(device.containers() == Lines{"gone", "web"});
    CHECK(device.engine.id("web") == web);
    CHECK(device.engine.state("web") == "running");
    CHECK(device.engine.state("gone") == "running");

    device.probe.desire(desired_state("next", {{"web", "berth-test/sleeper:3"}}));
    CHECK_THAT(device.probe.await("next", "IDENTIFICATION_FAILED").message,
               ContainsSubstring("Read-only file system"));
    CHECK(device.probe.ask("after").names() == Lines{"gone", "web"});
    CHECK(device.daemon.running());

    device.daemon.kill();  // before its disk goes
    disk.repair();
    device.start();
    device.deploy("repaired", {{"web", "berth-test/sleeper:2"}});
    CHECK(device.containers() == Lines{"web"});
    CHECK(device.engine.id("web") != web);
    CHECK(device.engine.state("web") == "running");
    device.daemon.stop();
}
