// Updates that have no room: said beforehand, and nothing is pulled or stopped.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>

#include "test/e2e/device.hpp"
#include "test/support/catch.hpp"
#include "test/support/child.hpp"
#include "test/support/disk.hpp"
#include "test/support/loopback.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

using Lines = std::vector<std::string>;

// More than any disk of a build machine has free.
const std::string kReserve = Daemon::quoted("524288G");
constexpr auto kReserveSaid = ", reserve 536870912 MiB";

// What the lab's registry has, for a berthd, which is not in the engine's network namespace. Nothing can be
// pulled from it, as the engine does not see it.
class NearRegistry {
 public:
    explicit NearRegistry(const Lab& lab)
        : serves_({"docker-registry", "serve", written(lab)}, folder_ / "log") {
        if (!eventually([this] { return listens(); }))
            throw std::runtime_error("docker-registry does not start:\n" + read_file(folder_ / "log"));
    }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
    std::string written(const Lab& lab) const {
        const auto file = folder_ / "registry.yml";
        write_file(file, "version: 0.1\nstorage: {filesystem: {rootdirectory: " + lab.data() +
                             "/../registry}}\nhttp: {addr: \"" + address() + "\", secret: near}\n");
        return file;
    }
    bool listens() const {
        const int one = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const auto there = loopback(port_);
        const bool does = ::connect(one, reinterpret_cast<const sockaddr*>(&there), sizeof there) == 0;
        ::close(one);
        return does;
    }

    TempFolder folder_{};
    int port_{free_port()};
    Child serves_;
};

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

TEST_CASE("what is needed is three times what the engine lacks, by the registry's word", "[BX-02][e2e]") {
    Device device({{"images.reserve", kReserve}, {"update_agent.parallel", "1"}});
    const NearRegistry registry(device.lab);
    device.engine.remove_image(device.lab.registry() + "/layers:1");
    // Four layers of 3 MB that cannot be compressed, on one of 1 MB that sleeper has as well.
    device.probe.desire(desired_state("big", {{"big", registry.address() + "/layers:1"}}));
    const auto end = device.probe.await("big", "INCOMPLETE");
    CHECK_THAT(end.action("big").message,
               StartsWith("no space: need 35 MiB, free ") && ContainsSubstring(kReserveSaid));
}

TEST_CASE("at the reserve of its own folder berthd makes nothing, and takes what makes room",
          "[BX-02][e2e]") {
    constexpr std::uintmax_t kBelow{8 << 20};
    Device device(Device::Unstarted{}, {{"images.reserve", Daemon::quoted("256M")}});
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
