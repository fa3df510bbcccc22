// What the keys of a component become in the engine, as docker inspect shows it.
#include <algorithm>

#include "test/e2e/device.hpp"
#include "test/support/catch.hpp"

using namespace berth::test;

namespace {

struct Field {
    std::string pointer;
    std::string expected;
};

void check_fields(const Device& device, const std::string& container, const std::vector<Field>& fields) {
    for (const auto& [pointer, expected] : fields) {
        INFO(container << " " << pointer);
        CHECK(device.engine.field(container, pointer) == expected);
    }
}

std::string mebi(int count) {
    return std::to_string(count * 1024L * 1024L);
}

const auto kUntilStopped = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";

}  // namespace

TEST_CASE("every key of a component reaches the engine", "[UA-11][UA-12][UA-17][UA-18][CM-12][e2e]") {
    Device device;
    Component full{"full", "berth-test/sleeper:2", {}};
    full.keys = {{"env", "A=1"},
                 {"env", "B="},
                 {"env", "SLEEPER"},  // the image has it; without a value it goes
                 {"cmd", "/bin/sh"},
                 {"cmd", "-c"},
                 {"cmd", kUntilStopped},
                 {"terminal", "true"},
                 {"interactive", "T"},
                 {"privileged", "false"},
                 {"network", "bridge"},
                 {"device", "/dev/null:/dev/one:rw"},
                 {"device", "/dev/zero:/dev/two"},
                 {"port", "127.0.0.1:18080-18085:80/tcp"},
                 {"port", "0:81/udp"},
                 {"host", "cache:10.0.0.5"},
                 {"host", "gateway:host_ip"},
                 {"mount", "/tmp:/one:rslave"},
                 {"mount", "/tmp:/two"},
                 {"restartPolicy", "on-failure"},
                 {"restartMaxRetries", "4"},
                 {"restartTimeout", "30"},
                 {"logDriver", "json-file"},
                 {"logMaxFiles", "3"},
                 {"logMaxSize", "1M"},
                 {"logPath", "/var/log/full"},
                 {"logMode", "non-blocking"},
                 {"logMaxBufferSize", "64k"},
                 {"memory", "8M"},  // of a key that does not repeat the last counts
                 {"memory", "64M"},
                 {"memorySwap", "96M"},
                 {"memoryReservation", "32M"}};
    Component plain{"plain", kSleeper, {{"restartMaxRetries", "7"}, {"logMaxBufferSize", "64k"}}};
    Component host{"host", kSleeper, {{"network", "host"}, {"logDriver", "none"}}};
    device.deploy("keys", {full, plain, host});

    const auto identified = device.probe.await("keys", "IDENTIFIED");
    CHECK_THAT(identified.message, ContainsSubstring("component full, key restartTimeout"));
    CHECK_THAT(identified.message, ContainsSubstring("component full, key logPath"));

    const auto gateway =
        device.engine.field("plain", "/NetworkSettings/Networks/" + device.name_space() + "/Gateway");
    check_fields(
        device, "full",
        {{"/Name", "/full"},
         {"/State/Status", "running"},
         {"/Config/Image", "berth-test/sleeper:2"},
         {"/Config/Env", R"(["A=1","B=","SLEEPER","PATH=/bin"])"},
         {"/Config/Cmd/0", "/bin/sh"},
         {"/Config/Cmd/1", "-c"},
         {"/Config/Cmd/2", kUntilStopped},
         {"/Config/Tty", "true"},
         {"/Config/OpenStdin", "true"},
         {"/Config/StdinOnce", "false"},
         {"/Config/AttachStdin", "false"},
         {"/Config/AttachStdout", "false"},
         {"/Config/Hostname", "full-host"},
         {"/Config/Domainname", "full-domain"},
         {"/Config/ExposedPorts", R"({"80/tcp":{},"81/udp":{}})"},
         {"/Config/Labels/io.berth.managed", "true"},
         {"/Config/Labels/io.berth.namespace", device.name_space()},
         {"/HostConfig/Privileged", "false"},
         {"/HostConfig/NetworkMode", device.name_space()},
         {"/HostConfig/Devices/0/PathOnHost", "/dev/null"},
         {"/HostConfig/Devices/0/PathInContainer", "/dev/one"},
         {"/HostConfig/Devices/0/CgroupPermissions", "rw"},
         {"/HostConfig/Devices/1/PathOnHost", "/dev/zero"},
         {"/HostConfig/Devices/1/PathInContainer", "/dev/two"},
         {"/HostConfig/Devices/1/CgroupPermissions", "rwm"},
         {"/HostConfig/PortBindings/80~1tcp", R"([{"HostIp":"127.0.0.1","HostPort":"18080-18085"}])"},
         {"/HostConfig/PortBindings/81~1udp", R"([{"HostIp":"0.0.0.0","HostPort":"0"}])"},
         {"/HostConfig/ExtraHosts", R"(["cache:10.0.0.5","gateway:)" + gateway + "\"]"},
         {"/HostConfig/Mounts/0/Type", "bind"},
         {"/HostConfig/Mounts/0/Source", "/tmp"},
         {"/HostConfig/Mounts/0/Target", "/one"},
         {"/HostConfig/Mounts/0/BindOptions/Propagation", "rslave"},
         {"/HostConfig/Mounts/1/Target", "/two"},
         {"/HostConfig/Mounts/1/BindOptions/Propagation", "rprivate"},
         {"/HostConfig/RestartPolicy/Name", "on-failure"},
         {"/HostConfig/RestartPolicy/MaximumRetryCount", "4"},
         {"/HostConfig/LogConfig/Type", "json-file"},
         {"/HostConfig/LogConfig/Config",
          R"({"max-buffer-size":"65536","max-file":"3","max-size":"1048576","mode":"non-blocking"})"},
         {"/HostConfig/Memory", mebi(64)},
         {"/HostConfig/MemorySwap", mebi(96)},
         {"/HostConfig/MemoryReservation", mebi(32)}});
    const auto environment = device.engine.docker({"exec", "full", "/bin/cat", "/proc/1/environ"});
    CHECK_THAT(environment, ContainsSubstring("A=1") && !ContainsSubstring("SLEEPER"));
    const auto id = device.engine.field("full", "/Config/Labels/io.berth.id");
    CHECK_FALSE(read_file(device.daemon.home() + "/containers/" + id + "/config.json").empty());
    CHECK_THAT(device.engine.field("full", "/Config/Labels/io.berth.document"),
               StartsWith("{\"container_id\":\"" + id + "\",\"container_name\":\"full\""));
    check_fields(
        device, "plain",
        {{"/Config/Cmd", R"(["/bin/sleeper"])"},
         {"/Config/Env", R"(["PATH=/bin"])"},
         {"/Config/Tty", "false"},
         {"/Config/OpenStdin", "false"},
         {"/HostConfig/Privileged", "false"},
         {"/HostConfig/NetworkMode", device.name_space()},
         {"/HostConfig/RestartPolicy/Name", "unless-stopped"},
         {"/HostConfig/RestartPolicy/MaximumRetryCount", "0"},
         {"/HostConfig/LogConfig/Type", "json-file"},
         {"/HostConfig/LogConfig/Config", R"({"max-file":"2","max-size":"104857600","mode":"blocking"})"},
         {"/HostConfig/Memory", "0"},
         {"/HostConfig/MemorySwap", "0"},
         {"/HostConfig/MemoryReservation", "0"}});
    check_fields(device, "host",
                 {{"/HostConfig/NetworkMode", "host"},
                  {"/HostConfig/LogConfig/Type", "none"},
                  {"/HostConfig/LogConfig/Config", "{}"}});

    // Not every machine that runs tests can start it.
    Extra stamped{};
    stamped.timestamp = 1718000010000;
    device.probe.desire(desired_state("rights", {{"rights", kSleeper, {{"privileged", "true"}}}}, stamped));
    device.probe.command("rights", "DOWNLOAD");
    device.probe.await("rights", "DOWNLOAD_SUCCESS");
    check_fields(device, "rights", {{"/HostConfig/Privileged", "true"}, {"/State/Status", "created"}});
}

TEST_CASE("memory changes in place and goes with a new instance", "[UA-23][e2e]") {
    Device device;
    device.deploy("limited", {{"web", kSleeper, {{"memory", "64M"}}}});
    const auto first = device.engine.id("web");
    check_fields(device, "web", {{"/HostConfig/Memory", mebi(64)}, {"/HostConfig/MemorySwap", mebi(128)}});

    device.deploy("more", {{"web", kSleeper, {{"memory", "96M"}, {"memoryReservation", "32M"}}}});
    check_fields(device, "web",
                 {{"/Id", first},
                  {"/State/Status", "running"},
                  {"/HostConfig/Memory", mebi(96)},
                  {"/HostConfig/MemorySwap", mebi(192)},
                  {"/HostConfig/MemoryReservation", mebi(32)}});

    device.deploy("no limit", {{"web", kSleeper}});
    CHECK(device.engine.id("web") != first);
    check_fields(device, "web", {{"/State/Status", "running"}, {"/HostConfig/Memory", "0"}});
}

TEST_CASE("the same message again starts what was stopped and wakes what was paused", "[UA-22][UA-24][e2e]") {
    Device device;
    const std::vector<Component> both = {{"paused", kSleeper, {{"memory", "64M"}}}, {"stopped", kSleeper}};
    device.deploy("one", both);
    const auto ids = device.engine.id("paused") + device.engine.id("stopped");
    device.engine.docker({"pause", "paused"});
    device.engine.docker({"stop", "stopped"});

    device.deploy("two", both);
    const auto identified = device.probe.await("two", "IDENTIFIED");
    for (const auto& action : identified.actions)
        CHECK(action.message == "no change; it does not run and is started");
    CHECK(device.engine.state("paused") == "running");
    CHECK(device.engine.state("stopped") == "running");
    CHECK(device.engine.id("paused") + device.engine.id("stopped") == ids);
}

TEST_CASE("a container finds another one by host name, also after that was replaced", "[UA-19][e2e]") {
    Device device;
    const Component client{"client", kSleeper, {{"host", "site:container_web-host"}}};
    const auto address = [&] {
        return device.engine.field("web", "/NetworkSettings/Networks/" + device.name_space() + "/IPAddress");
    };
    const auto resolved = [&] {
        return device.engine.docker(
            {"exec", "client", "/bin/busybox", "nslookup", "-type=a", "site", "127.0.0.11"});
    };
    device.deploy("one", {client, {"web", "berth-test/web:1"}});
    REQUIRE_FALSE(address().empty());
    CHECK_THAT(resolved(), ContainsSubstring("Address: " + address()));

    const auto before = device.engine.id("web");
    device.deploy("two", {client, {"web", "berth-test/web:2"}});
    REQUIRE(device.engine.id("web") != before);
    CHECK_THAT(resolved(), ContainsSubstring("Address: " + address()));
}
