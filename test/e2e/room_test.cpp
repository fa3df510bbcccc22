// Updates that have no room: said beforehand, and nothing is pulled or stopped.
#include <filesystem>

#include "test/e2e/device.hpp"
#include "test/support/catch.hpp"
#include "test/support/child.hpp"

using namespace berth::test;

namespace {

using Lines = std::vector<std::string>;

// More than any disk of a build machine has free.
const std::string kReserve = Daemon::quoted("524288G");
constexpr auto kReserveSaid = ", reserve 536870912 MiB";

// A folder with more room than that, as long as nobody uses it.
class HugeDisk {
 public:
    explicit HugeDisk(std::string folder) : folder_(std::move(folder)) {
        std::filesystem::create_directories(folder_);
        run_command({"mount", "-t", "tmpfs", "-o", "size=1048576G", "berth-huge", folder_});
    }
    ~HugeDisk() {
        try {
            run_command({"umount", "-l", folder_});
        } catch (const std::exception& error) {
            FAIL_CHECK(error.what());
        }
    }
    HugeDisk(const HugeDisk&) = delete;
    HugeDisk& operator=(const HugeDisk&) = delete;

 private:
    std::string folder_;
};

}  // namespace

TEST_CASE("without room an update fails before anything is pulled, and the old set runs",
          "[BX-02][UA-54][e2e]") {
    Device device(Device::Unstarted{}, {{"images.reserve", kReserve}, {"update_agent.parallel", "1"}});
    const HugeDisk disk(device.daemon.home());
    device.start();
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
    device.daemon.kill();  // before its disk goes
}

TEST_CASE("at the reserve of its own folder berthd takes no desired state, and what runs stays",
          "[BX-02][e2e]") {
    Device device;
    device.deploy("before", {{"web", kSleeper}});
    const auto web = device.engine.id("web");
    device.daemon.set("images.reserve", kReserve);
    device.restart();
    device.probe.desire(desired_state("new", {{"web", "berth-test/sleeper:2"}}));
    CHECK_THAT(device.probe.await("new", "IDENTIFICATION_FAILED").message,
               StartsWith("no space: need 1 MiB, free ") &&
                   ContainsSubstring(kReserveSaid + (" in " + device.daemon.home())));
    CHECK(device.probe.ask("after").names() == Lines{"web"});
    CHECK(device.engine.id("web") == web);
    CHECK(device.engine.state("web") == "running");
}
