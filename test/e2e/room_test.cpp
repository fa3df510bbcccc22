// Updates that have no room: said beforehand, and nothing is pulled or stopped.
#include <cstdint>

#include "test/e2e/device.hpp"
#include "test/support/catch.hpp"
#include "test/support/disk.hpp"

using namespace berth::test;

namespace {

using Lines = std::vector<std::string>;

// More than any disk of a build machine has free.
const std::string kReserve = Daemon::quoted("524288G");
constexpr auto kReserveSaid = ", reserve 536870912 MiB";

}  // namespace

TEST_CASE("without room an update fails before anything is pulled, and the old set runs",
          "[BX-02][UA-54][e2e]") {
    Device device({{"images.reserve", kReserve}, {"update_agent.parallel", "1"}});
    device.deploy("before", {{"web", kSleeper}});  // its image is there
    const auto web = device.engine.id("web");
    const auto image = device.lab.registry() + "/app:1";
    device.engine.remove_image(image);

    device.probe.desire(desired_state("big", {{"web", "berth-test/sleeper:2"}, {"new", image}}));
    const auto end = device.probe.await("big", "INCOMPLETE");
    CHECK(device.probe.lines("big") == Lines{"IDENTIFYING", "IDENTIFIED web:IDENTIFIED new:IDENTIFIED",
                                             "DOWNLOADING web:DOWNLOADING new:IDENTIFIED",
                                             "DOWNLOAD_FAILURE web:DOWNLOAD_FAILURE new:IDENTIFIED",
                                             "CLEANUP_SUCCESS web:DOWNLOAD_FAILURE new:IDENTIFIED",
                                             "INCOMPLETE web:DOWNLOAD_FAILURE new:IDENTIFIED"});
    CHECK_THAT(end.action("web").message, StartsWith("no space: need ") && ContainsSubstring(kReserveSaid));
    CHECK(device.engine.docker({"image", "ls", "--quiet", image}).empty());
    CHECK(device.containers() == Lines{"web"});
    CHECK(device.engine.id("web") == web);
    CHECK(device.engine.state("web") == "running");
}

TEST_CASE("at the reserve of its own folder berthd makes nothing, and takes what makes room",
          "[BX-02][e2e]") {
    constexpr std::uintmax_t kBelow{8 << 20};
    Device device(Device::Unstarted{}, {});
    const SmallDisk disk(device.daemon.home());
    device.start();
    device.deploy("before", {{"web", kSleeper}, {"old", kSleeper}});
    const auto web = device.engine.id("web");
    {
        const Filler filler(device.daemon.home(), kBelow);
        device.probe.desire(desired_state("new", {{"web", "berth-test/sleeper:2"}}));
        CHECK_THAT(device.probe.await("new", "IDENTIFICATION_FAILED").message,
                   StartsWith("no space: need 1 MiB, free ") &&
                       ContainsSubstring(", reserve 16 MiB in " + device.daemon.home()));
        device.deploy("less", {{"web", kSleeper}});
        CHECK(device.containers() == Lines{"web"});
        CHECK(device.engine.id("web") == web);
        CHECK(device.engine.state("web") == "running");
    }
    device.deploy("room", {{"web", "berth-test/sleeper:2"}});
    device.daemon.stop();  // before its disk goes
}
