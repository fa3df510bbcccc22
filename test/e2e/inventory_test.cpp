// The inventory on currentstate: what is in it, when it comes.
#include <algorithm>

#include "test/e2e/device.hpp"
#include "test/support/catch.hpp"

using namespace berth::test;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// As 2024-06-10T06:13:33.000000001Z.
bool is_time(const std::string& text) {
    std::string shape = text;
    std::replace_if(shape.begin(), shape.end(), [](char c) { return c >= '0' && c <= '9'; }, '0');
    return shape == "0000-00-00T00:00:00.000000000Z";
}

// Times differ from run to run: their place is checked with the rest, they by themselves.
Pairs with_times_checked(const Node& node) {
    auto all = node.parameters;
    for (auto& [key, value] : all) {
        if ((key != "created" && key != "finishedAt") || value.empty()) continue;
        CHECK(is_time(value));
        value = "time";
    }
    return all;
}

const std::vector<Component>& components() {
    static const std::vector<Component> all = {{"full",
                                                kSleeper,
                                                {{"terminal", "true"},
                                                 {"restartPolicy", "on-failure"},
                                                 {"restartMaxRetries", "3"},
                                                 {"restartTimeout", "180"},
                                                 {"device", "/dev/null:/dev/one:rw"},
                                                 {"port", "127.0.0.1:18070-18075:80/udp"},
                                                 {"port", "18076:81"},
                                                 {"host", "gateway:host_ip"},
                                                 {"logMaxFiles", "4"},
                                                 {"logMode", "non-blocking"},
                                                 {"logMaxBufferSize", "2M"},
                                                 {"memory", "64M"},
                                                 {"mount", "/tmp:/data"},
                                                 {"env", "MODE=prod"},
                                                 {"env", "DB_PASSWORD=hunter2"},
                                                 {"env", "API_KEY=secret-as-well"}}},
                                               {"plain", kSleeper, {{"cmd", "/bin/sleeper"}}}};
    return all;
}

const Pairs kPlainVerbose = {{"image", kSleeper},
                             {"domainName", "plain-domain"},
                             {"hostName", "plain-host"},
                             {"terminal", "false"},
                             {"interactive", "false"},
                             {"privileged", "false"},
                             {"restartPolicy", "unless-stopped"},
                             {"restartMaxRetries", "0"},
                             {"restartTimeout", "0s"},
                             {"network", "bridge"},
                             {"logDriver", "json-file"},
                             {"logMaxFiles", "2"},
                             {"logMaxSize", "100M"},
                             {"logMode", "blocking"},
                             {"cmd", "/bin/sleeper"},
                             {"status", "Running"},
                             {"finishedAt", ""},
                             {"exitCode", "0"},
                             {"created", "time"},
                             {"restartCount", "0"},
                             {"manuallyStopped", "false"},
                             {"startedSuccessfullyBefore", "true"}};

}  // namespace

TEST_CASE("the brief inventory says what is out of the ordinary, without secrets",
          "[UA-48][UA-49][UA-50][BX-04][e2e]") {
    Device device;
    device.deploy("one", components());
    const auto inventory = device.probe.ask("brief");
    REQUIRE(inventory.nodes.size() == 3);
    CHECK(inventory.nodes[0].id == "containers-update-agent");
    CHECK(inventory.nodes[0].type == "APPLICATION");
    CHECK(inventory.nodes[0].parameters == Pairs{{"domain", "containers"}});
    CHECK(inventory.nodes[1].id == "containers:full");
    CHECK(inventory.nodes[1].version == "1");
    CHECK(inventory.nodes[1].type == "CONTAINER");
    CHECK(with_times_checked(inventory.nodes[1]) == Pairs{{"image", kSleeper},
                                                          {"terminal", "true"},
                                                          {"restartPolicy", "on-failure"},
                                                          {"restartMaxRetries", "3"},
                                                          {"restartTimeout", "3m0s"},
                                                          {"device", "/dev/null:/dev/one:rw"},
                                                          {"port", "127.0.0.1:18070-18075:80/udp"},
                                                          {"port", "18076:81/tcp"},
                                                          {"host", "gateway:host_ip"},
                                                          {"logMaxFiles", "4"},
                                                          {"logMode", "non-blocking"},
                                                          {"logMaxBufferSize", "2M"},
                                                          {"memory", "64M"},
                                                          {"memorySwap", "128M"},
                                                          {"mount", "/tmp:/data:rprivate"},
                                                          {"env", "MODE=prod"},
                                                          {"env", "DB_PASSWORD=***"},
                                                          {"env", "API_KEY=***"},
                                                          {"status", "Running"},
                                                          {"created", "time"}});
    CHECK(inventory.nodes[2].id == "containers:plain");
    CHECK(with_times_checked(inventory.nodes[2]) ==
          Pairs{{"image", kSleeper}, {"cmd", "/bin/sleeper"}, {"status", "Running"}, {"created", "time"}});
    CHECK(inventory.associations == Pairs{{"containers-update-agent", "containers:full"},
                                          {"containers-update-agent", "containers:plain"}});
    CHECK(device.daemon.log().find("hunter2") == std::string::npos);
}

TEST_CASE("the verbose inventory says everything, and secrets if they may be told", "[UA-48][UA-49][e2e]") {
    Device device({{"update_agent.verbose_inventory", "true"}, {"update_agent.redact_env", "false"}});
    device.deploy("one", components());
    const auto inventory = device.probe.ask("verbose");
    REQUIRE(inventory.nodes.size() == 3);
    CHECK(with_times_checked(inventory.nodes[2]) == kPlainVerbose);
    const auto& full = inventory.nodes[1].parameters;
    CHECK(std::count(full.begin(), full.end(),
                     std::pair<std::string, std::string>("env", "DB_PASSWORD=hunter2")) == 1);
    CHECK(inventory.nodes[1].value("domainName") == "full-domain");
}

TEST_CASE("a change is told without being asked for", "[UA-02][UA-51][e2e]") {
    Device device;
    device.deploy("one", {{"web", kSleeper}});
    const auto told = device.probe.await_inventory(
        [](const auto& said) { return said.activity.empty() && said.find("web") != nullptr; });
    CHECK(told.retained);
    CHECK(told.node("web").value("status") == "Running");

    const auto before = device.probe.inventories().size();
    device.engine.docker({"stop", "web"});
    const auto changed = device.probe.await_inventory(
        [](const auto& said) { return said.node("web").value("status") != "Running"; }, before);
    CHECK(changed.activity.empty());
    CHECK(changed.retained);
    CHECK(changed.timestamp >= told.timestamp);
    const auto parameters = with_times_checked(changed.node("web"));
    CHECK(parameters == Pairs{{"image", kSleeper},
                              {"status", "Stopped"},
                              {"finishedAt", "time"},
                              {"created", "time"},
                              {"manuallyStopped", "true"},
                              {"startedSuccessfullyBefore", "true"}});

    // Whoever comes later finds the newest one on the broker.
    MqttProbe late(device.broker);
    CHECK(late.await_inventory([](const auto&) { return true; }).node("web").value("status") == "Stopped");

    device.engine.docker({"rm", "web"});
    device.probe.await_inventory([](const auto& said) { return said.names().empty(); }, before);
}
