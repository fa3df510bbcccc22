// berthd starts, ends, dies and starts again, with or without its engine and its store.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "test/e2e/device.hpp"
#include "test/e2e/stalling_registry.hpp"
#include "test/support/catch.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

using Names = std::vector<std::string>;

// Without the time of the end: of that the engine's event and its inspect say different milliseconds.
std::string text(const InventorySaid& inventory) {
    std::ostringstream all;
    for (auto node : inventory.nodes) {
        std::erase_if(node.parameters, [](const auto& pair) { return pair.first == "finishedAt"; });
        all << node << '\n';
    }
    return all.str();
}

// The soft and the hard limit of open files, as the kernel has them.
std::pair<std::string, std::string> file_limits(pid_t process) {
    std::ifstream limits("/proc/" + std::to_string(process) + "/limits");
    const std::string name = "Max open files";
    for (std::string line; std::getline(limits, line);) {
        if (!line.starts_with(name)) continue;
        std::istringstream words(line.substr(name.size()));
        std::pair<std::string, std::string> both;
        words >> both.first >> both.second;
        return both;
    }
    return {};
}

}  // namespace

TEST_CASE("metrics of many containers find files to open", "[e2e]") {
    Device device;
    const auto [soft, hard] = file_limits(device.daemon.pid());
    CHECK(!soft.empty());
    CHECK(soft == hard);
}

TEST_CASE("an end by SIGTERM, even in the middle of a pull, leaves the containers alone", "[CM-26][e2e]") {
    Device device;
    const StallingRegistry registry(device.lab.network_namespace());
    device.deploy("before", {{"web", kSleeper}});
    const auto id = device.engine.id("web");
    device.probe.desire(desired_state("stalled", {{"web", kSleeper}, {"never", registry.image("never")}}));
    REQUIRE(eventually([&] { return registry.waiting() == 1; }));
    device.daemon.stop();
    CHECK(device.daemon.logs("containers keep running"));
    CHECK(device.engine.state("web") == "running");

    device.start();
    CHECK(device.probe.ask("again").names() == Names{"web"});
    CHECK(device.engine.id("web") == id);
    device.deploy("after", {{"web", kSleeper}});
    CHECK(device.engine.id("web") == id);
}

TEST_CASE("asked to, an end of berthd stops the containers, and its next start brings them back",
          "[CM-26][e2e]") {
    Device device({{"lifecycle.stop_on_exit", "true"}});
    device.deploy("before", {{"web", kSleeper}, {"once", "berth-test/sleeper:2", {{"restartPolicy", "no"}}}});
    const auto id = device.engine.id("web");
    device.daemon.stop();
    CHECK(device.engine.state("web") == "exited");
    CHECK(device.engine.state("once") == "exited");

    device.start();
    CHECK(eventually([&] { return device.engine.state("web") == "running"; }));
    CHECK(device.engine.id("web") == id);
    CHECK(device.engine.state("once") == "exited");
}

TEST_CASE("after a kill the inventory is the same, and without the store it comes from the labels",
          "[UA-22][UA-25][e2e]") {
    Device device;
    const std::vector<Component> all = {
        {"limited", kSleeper, {{"memory", "64M"}, {"env", "A=1"}, {"restartPolicy", "always"}}},
        {"stopped", "berth-test/sleeper:2", {{"port", "18090:80"}}}};
    device.deploy("before", all);
    device.engine.docker({"stop", "stopped"});
    const auto before = device.probe.await_inventory([](const auto& said) {
        const auto* stopped = said.find("stopped");
        return stopped != nullptr && stopped->value("manuallyStopped") == "true";
    });
    const auto ids = device.engine.id("limited") + device.engine.id("stopped");

    device.daemon.kill();
    CHECK(device.engine.state("limited") == "running");
    device.start();
    CHECK(text(device.probe.ask("after")) == text(before));

    device.daemon.stop();
    std::filesystem::remove_all(device.daemon.home());
    device.start();
    const auto rebuilt = device.probe.ask("rebuilt");
    CHECK(rebuilt.names() == Names{"limited", "stopped"});
    CHECK(rebuilt.node("limited").value("memory") == "64M");
    CHECK(rebuilt.node("limited").value("env") == "A=1");
    CHECK(rebuilt.node("limited").value("restartPolicy") == "always");
    CHECK(rebuilt.node("stopped").value("port") == "18090:80/tcp");

    device.deploy("again", all);
    for (const auto& action : device.probe.await("again", "IDENTIFIED").actions)
        CHECK_THAT(action.message, StartsWith("no change"));
    CHECK(device.engine.id("limited") + device.engine.id("stopped") == ids);
    CHECK(device.engine.state("stopped") == "running");
}

TEST_CASE("an engine that comes late is found", "[e2e]") {
    Device device(Device::Unstarted{}, {});
    const auto address = device.daemon.file("engine.sock");
    device.daemon.set("runtime.address", Daemon::quoted(address));
    device.daemon.start();
    REQUIRE(device.daemon.logs("engine: "));
    CHECK(device.probe.await_inventory([](const auto&) { return true; }).nodes.size() == 1);
    device.probe.desire(desired_state("early", {{"web", kSleeper}}));
    const auto failed = device.probe.await("early", "IDENTIFICATION_FAILED");
    CHECK_THAT(failed.message, ContainsSubstring("the engine does not answer") && ContainsSubstring(address));
    CHECK(device.probe.ask("meanwhile").nodes.size() == 1);

    std::filesystem::create_symlink(device.lab.docker_socket(), address);
    REQUIRE(device.daemon.logs("the engine has "));
    CHECK(device.daemon.count("trying again until it answers") == 1);
    device.deploy("later", {{"web", kSleeper}});
    CHECK(device.engine.state("web") == "running");
}

TEST_CASE("a second berthd with the same run folder ends and names the first one", "[e2e]") {
    Device device;
    Daemon second({{"storage.run_dir", Daemon::quoted(device.daemon.run_dir())},
                   {"mqtt.url", Daemon::quoted(device.broker.url())}});
    second.start();
    CHECK(second.wait() == 1);
    CHECK_THAT(second.log(), ContainsSubstring(std::to_string(device.daemon.pid())));
    CHECK(device.probe.ask("first").nodes.size() == 1);
}

TEST_CASE("SIGHUP reads the log level again and nothing ends", "[CF-17][e2e]") {
    Device device;
    const auto pid = device.daemon.pid();
    device.daemon.set("log.level", Daemon::quoted("no such level"));
    device.daemon.signal(SIGHUP);
    REQUIRE(device.daemon.logs("configuration not read again"));
    device.daemon.set("log.level", Daemon::quoted("ERROR"));
    device.daemon.signal(SIGHUP);
    // The next one is read after that, and says nothing: only errors are logged now.
    const auto lines = [&] { return device.daemon.count(""); };
    device.deploy("quiet", {{"web", kSleeper}});
    const auto before = lines();
    device.deploy("quieter", {});
    CHECK(lines() == before);
    CHECK(device.daemon.pid() == pid);
    CHECK(device.daemon.running());
}
