// Update order start-first: the old instance serves until the new one has proved itself beside it.
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <stdexcept>

#include "test/e2e/device.hpp"
#include "test/support/catch.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

using Lines = std::vector<std::string>;

Component beside(const std::string& name, const std::string& image) {
    return {name, image, {{"updateOrder", "start-first"}}};
}

// Of the engine's "2026-11-24T23:31:34.981326642Z".
double seconds_of(const std::string& time) {
    std::tm parts{};
    const char* const fraction = ::strptime(time.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (fraction == nullptr) throw std::runtime_error("no time: " + time);
    return static_cast<double>(::timegm(&parts)) + std::strtod(fraction, nullptr);
}

std::string networks(const Device& device) {
    return device.engine.docker({"network", "ls", "--format", "{{.Name}}"});
}

}  // namespace

TEST_CASE("the old instance runs until the new one has run for a second, and their name is always answered",
          "[BX-22][UA-19][e2e]") {
    Device device;
    const Component client{"client", kSleeper, {{"host", "site:container_web-host"}}};
    const auto resolved = [&] {
        return device.engine.docker(
            {"exec", "client", "/bin/busybox", "nslookup", "-type=a", "site", "127.0.0.11"});
    };
    device.deploy("one", {client, {"web", "berth-test/web:1"}});
    const auto old = device.engine.id("web");

    Extra stamped{};
    stamped.timestamp = 1718000010000;
    device.probe.desire(desired_state("two", {client, beside("web", "berth-test/web:2")}, stamped));
    CHECK(device.probe.await("two", "IDENTIFIED").action("web").message ==
          "recreate, start-first: image differs");
    device.probe.command("two", "DOWNLOAD");
    device.probe.command("two", "UPDATE");
    CHECK(device.probe.await("two", "UPDATE_SUCCESS").action("web").status == "DOWNLOAD_SUCCESS");
    CHECK(device.engine.state("web") == "running");
    CHECK(device.engine.id("web") == old);

    device.probe.command("two", "ACTIVATE");
    REQUIRE(eventually([&] {
        CHECK_THAT(resolved(), ContainsSubstring("Name:"));
        const auto said = device.probe.feedback("two");
        return std::any_of(said.begin(), said.end(),
                           [](const auto& one) { return one.status == "ACTIVATION_SUCCESS"; });
    }));
    CHECK(device.engine.id("web") != old);
    CHECK(device.engine.field("web", "/Config/Image") == "berth-test/web:2");
    CHECK(device.engine.field("web", "/Config/Hostname") == "web-host");
    CHECK(device.engine.field("web", "/HostConfig/NetworkMode") == device.name_space());
    CHECK(device.engine.state(old) == "exited");
    CHECK(seconds_of(device.engine.field(old, "/State/FinishedAt")) -
              seconds_of(device.engine.field("web", "/State/StartedAt")) >=
          1.0);
    const auto address =
        device.engine.field("web", "/NetworkSettings/Networks/" + device.name_space() + "/IPAddress");
    REQUIRE_FALSE(address.empty());
    CHECK_THAT(resolved(), ContainsSubstring("Address: " + address));
    CHECK_THAT(networks(device), !ContainsSubstring(device.name_space() + "-apart-"));

    device.probe.command("two", "CLEANUP");
    device.probe.await("two", "COMPLETED");
    CHECK(device.containers() == Lines{"client", "web"});
}

TEST_CASE("a new instance that ends within its first second leaves the old one untouched",
          "[BX-22][UA-54][e2e]") {
    Device device;
    device.deploy("one", {{"web", kSleeper}});
    const auto old = device.engine.id("web");
    const auto started = device.engine.field("web", "/State/StartedAt");

    device.probe.desire(desired_state("two", {beside("web", "berth-test/crash:1")}));
    const auto end = device.probe.await("two", "INCOMPLETE");
    device.probe.await("two", "ACTIVATION_FAILURE");
    CHECK_THAT(end.action("web").message, ContainsSubstring("exit code 3") &&
                                              ContainsSubstring("new instance removed, old one running"));
    CHECK(device.containers() == Lines{"web"});
    CHECK(device.engine.id("web") == old);
    CHECK(device.engine.state("web") == "running");
    CHECK(device.engine.field("web", "/State/StartedAt") == started);
    CHECK(device.engine.field("web", "/HostConfig/RestartPolicy/Name") == "unless-stopped");
    CHECK_THAT(networks(device), !ContainsSubstring(device.name_space() + "-apart-"));
}

TEST_CASE("start-first is refused where the two cannot be side by side", "[BX-22][e2e]") {
    Device device;
    auto published = beside("web", kSleeper);
    published.keys.emplace_back("port", "18099:80");
    device.probe.desire(desired_state("port", {published}));
    CHECK_THAT(device.probe.await("port", "IDENTIFICATION_FAILED").message,
               ContainsSubstring("component web, key updateOrder") && ContainsSubstring("port 18099:80/tcp"));

    auto mounted = beside("web", kSleeper);
    mounted.keys.emplace_back("mount", "/tmp:/data");
    device.deploy("one", {mounted});
    mounted.image = "berth-test/sleeper:2";
    device.probe.desire(desired_state("mount", {mounted}));
    CHECK_THAT(device.probe.await("mount", "IDENTIFICATION_FAILED").message,
               ContainsSubstring("component web, key updateOrder") && ContainsSubstring("mount /tmp:/data"));
    CHECK(device.engine.state("web") == "running");
    CHECK(device.engine.field("web", "/Config/Image") == kSleeper);
}
