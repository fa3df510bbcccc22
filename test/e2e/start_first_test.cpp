// Update order start-first: the old instance serves until the new one has proved itself beside it.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

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

// Asks by the name that old and new instance share, 2 ms after each answer, and writes which try was answered
// by whom. A request that got lost is given up after three seconds: a neighbour that is not there yet is
// asked for again after one, so that such a request is late, not lost.
const std::string kAsking = R"(
trap 'exit 0' TERM
ask() { busybox timeout 3 busybox wget -q -O /tmp/page http://web-host/ 2>/dev/null; }
until ask; do busybox usleep 2000; done
while :; do
  if ask; then read -r page </tmp/page && echo "first: $page"
  elif ask; then read -r page </tmp/page && echo "second: $page"
  else echo "none"
  fi
  busybox usleep 2000
done
)";

Lines client_log(const Device& device) {
    std::istringstream log(device.engine.docker({"logs", "client"}));
    Lines all;
    for (std::string line; std::getline(log, line);)
        all.push_back(line);
    return all;
}

auto beginning_with(const Lines& lines, std::string_view start) {
    return std::count_if(lines.begin(), lines.end(),
                         [start](const auto& line) { return line.starts_with(start); });
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

// It waits for each answer, so that it has one request in flight, at the switch as well. (That one may have
// been told the address of the old instance just before that left.)
TEST_CASE("a client that asks by name loses no more than the request in flight, and that not twice",
          "[BX-22][e2e]") {
    Device device;
    const Component client{"client", kSleeper, {{"cmd", "/bin/sh"}, {"cmd", "-c"}, {"cmd", kAsking}}};
    device.deploy("one", {client, {"web", "berth-test/web:1"}});
    REQUIRE(eventually([&] { return !client_log(device).empty(); }));
    const auto before = client_log(device).size();

    device.deploy("two", {client, beside("web", "berth-test/web:2")});
    const auto switched = client_log(device).size();
    // The one that was in flight when the update ended, and one that was asked after it.
    REQUIRE(eventually([&] { return client_log(device).size() >= switched + 2; }));
    const auto all = client_log(device);
    CHECK(switched >= before + 10);  // the new one had to hold for a second
    CHECK(all.front() == "first: web version 1");
    CHECK(all.back() == "first: web version 2");
    CHECK(beginning_with(all, "second: ") <= 1);
    CHECK(beginning_with(all, "none") == 0);
    CHECK(beginning_with(all, "first: ") + beginning_with(all, "second: ") ==
          static_cast<std::ptrdiff_t>(all.size()));
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
    INFO(device.daemon.log());
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
