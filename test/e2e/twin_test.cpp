// The digital twin as a cloud meets it: a real broker and engine, commands typed by hand.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "test/e2e/connected.hpp"
#include "test/support/catch.hpp"
#include "test/support/mixed_commands.hpp"
#include "test/support/wait.hpp"
#include "test/support/web_server.hpp"

using namespace berth::test;
using nlohmann::json;

namespace {

// Of the one container of a report; -1: it is not there.
double value_of(const json& report, const std::string& metric) {
    for (const auto& measurement : report["snapshot"][0]["measurements"])
        if (measurement["id"] == metric) return measurement["value"];
    return -1;
}

struct Told {  // by the engine: counters, and the memory in use
    double cpu{}, host{}, memory{};
};

Told told_by(const Engine& engine, const std::string& container) {
    const auto stats = json::parse(engine.stats(container));
    const auto& memory = stats.at("memory_stats");
    if (!memory.contains("usage")) throw std::runtime_error("the engine tells no memory: " + stats.dump());
    const auto& details = memory.at("stats");
    const auto cache = details.contains("total_inactive_file") ? "total_inactive_file" : "inactive_file";
    const auto& cpu = stats.at("cpu_stats");
    return {cpu.at("cpu_usage").at("total_usage").get<double>(), cpu.at("system_cpu_usage").get<double>(),
            memory.at("usage").get<double>() - details.at(cache).get<double>()};
}

}  // namespace

TEST_CASE("a cloud makes, stops, starts, renames, changes and removes a container",
          "[TW-31][TW-40][TW-41][TW-44][TW-45][TW-46][TW-68][TW-71][e2e]") {
    Connected connected;
    auto& device = connected.device;
    const auto id = connected.make("web", {{"env", {"MODE=x"}}, {"resources", {{"memory", "64M"}}}});
    const auto feature = "Container:" + id;
    CHECK(device.engine.state("web") == "running");
    CHECK(connected.cloud.status(feature)["state"]["pid"] ==
          std::stoi(device.engine.field("web", "/State/Pid")));

    CHECK(connected.ask(feature, "pause")["status"] == 204);
    CHECK(connected.until([&] { return connected.status(id) == "PAUSED"; }));
    CHECK(connected.ask(feature, "resume")["status"] == 204);
    CHECK(connected.ask(feature, "stop")["status"] == 204);
    CHECK(connected.until([&] { return connected.status(id) == "STOPPED"; }));
    CHECK(device.engine.state("web") == "exited");
    CHECK(connected.ask(feature, "start", json::object())["status"] == 204);
    CHECK(connected.until([&] { return connected.status(id) == "RUNNING"; }));
    CHECK(device.engine.field("web", "/HostConfig/RestartPolicy/Name") == "unless-stopped");

    CHECK(connected.ask(feature, "update", {{"resources", {{"memory", "128M"}}}})["status"] == 204);
    CHECK(device.engine.field("web", "/HostConfig/Memory") == std::to_string(128 << 20));
    CHECK(connected.ask(feature, "rename", "shop")["status"] == 204);
    CHECK(eventually([&] { return device.containers() == std::vector<std::string>{"shop"}; }));

    CHECK(connected.ask(feature, "remove")["status"] == 500);
    CHECK(connected.ask(feature, "remove", true)["status"] == 204);
    CHECK(connected.until([&] { return !connected.cloud.has(feature); }));
    CHECK(device.containers().empty());
    CHECK(connected.cloud.complaints().empty());
}

TEST_CASE("what a technician does by hand is seen in the cloud", "[TW-69][TW-73][e2e]") {
    Connected connected;
    const auto id = connected.make("web");
    connected.cloud.take_said();
    connected.device.engine.docker({"stop", "-t", "1", "web"});
    CHECK(connected.until([&] { return connected.status(id) == "STOPPED"; }));
    connected.device.engine.docker({"start", "web"});
    CHECK(connected.until([&] { return connected.status(id) == "RUNNING"; }));
    connected.device.engine.docker({"rm", "-f", "web"});
    CHECK(connected.until([&] { return !connected.cloud.has("Container:" + id); }));
    const auto feature = "Container:" + id;
    std::vector<std::string> said;
    for (const auto& word : connected.cloud.take_said())
        if (word.find(feature) != word.npos) said.push_back(word);
    CHECK(said == std::vector<std::string>{feature + " state STOPPED", feature + " state RUNNING",
                                           feature + " state STOPPED", feature + " state DEAD",
                                           "-" + feature});
}

TEST_CASE("what an end of berthd stops is seen in the cloud", "[TW-13][e2e]") {
    Connected connected({{"lifecycle.stop_on_exit", "true"}});
    const auto running = connected.make("running");
    const auto paused = connected.make("paused");
    const auto down = connected.make("down");
    REQUIRE(connected.ask("Container:" + paused, "pause")["status"] == 204);
    REQUIRE(connected.ask("Container:" + down, "stop")["status"] == 204);
    REQUIRE(connected.until([&] { return connected.status(down) == "STOPPED"; }));
    connected.cloud.take_said();
    connected.device.daemon.stop();
    REQUIRE(connected.until([&] { return connected.cloud.said().size() >= 2; }));
    for (const auto& id : {running, paused}) {
        const auto state = connected.cloud.status("Container:" + id)["state"];
        CHECK(state["status"] == "STOPPED");
        CHECK(state["pid"] == -1);
        CHECK_FALSE(state["finishedAt"].get<std::string>().empty());
    }
    CHECK(connected.cloud.said().size() == 2);
    CHECK(connected.cloud.complaints().empty());
    const auto kept = connected.device.probe.inventories().back();
    CHECK(kept.node("running").value("status") == "Stopped");

    connected.device.start();
    connected.device.broker.publish("edge/thing/response", connected.cloud.edge_response());
    CHECK(connected.until([&] { return connected.status(running) == "RUNNING"; }));
}

TEST_CASE("an install that a kill cuts off has a last word", "[TW-50][e2e]") {
    Connected connected;
    WebServer web([](const std::string&) { return WebServer::Reply{.status = 0}; });  // never answers
    const json artifact = {{"filename", "nav.json"},
                           {"download", {{"HTTP", {{"url", "http://" + web.address() + "/nav.json"}}}}}};
    const json module = {{"softwareModule", {{"name", "nav"}, {"version", "1"}}},
                         {"artifacts", json::array({artifact})}};
    const auto answer =
        connected.ask("SoftwareUpdatable", "install",
                      {{"correlationId", "roll"}, {"softwareModules", json::array({module})}});
    REQUIRE(answer["status"] == 204);
    REQUIRE(eventually([&] { return web.requests().size() == 1; }));
    connected.device.daemon.kill();
    connected.device.start();
    connected.device.broker.publish("edge/thing/response", connected.cloud.edge_response());
    REQUIRE(connected.until([&] {
        const auto& all = connected.cloud.operations();
        return !all.empty() && all.back()["status"] == "FINISHED_ERROR";
    }));
    CHECK(connected.cloud.operations().back()["correlationId"] == "roll");
    CHECK_THAT(connected.cloud.operations().back()["message"].get<std::string>(),
               ContainsSubstring("berthd ended"));
}

TEST_CASE("twenty at once are all answered", "[TW-79][e2e]") {
    Connected connected;
    for (int i = 0; i < 20; ++i) {
        const auto request = "many-" + std::to_string(i);
        connected.device.broker.publish(
            connected.cloud.command_topic(request, "createWithConfig"),
            connected.cloud.command(
                "ContainerFactory", "createWithConfig", request,
                {{"imageRef", kSleeper}, {"name", "c" + std::to_string(i)}, {"start", true}}));
    }
    REQUIRE(connected.until([&] { return connected.cloud.all_answers().size() == 20; }));
    for (const auto& answer : connected.cloud.all_answers())
        CHECK(answer.status == 200);
    CHECK(connected.until([&] {
        const auto ids = connected.cloud.containers();
        return ids.size() == 20 && std::all_of(ids.begin(), ids.end(), [&](const auto& id) {
                   return connected.status(id) == "RUNNING";
               });
    }));
}

TEST_CASE("of two hundred at once, all brought in both forms, none is lost and none is done twice",
          "[TW-15][TW-29][TW-79][e2e]") {
    Connected connected;
    const std::vector<std::string> living = {connected.make("one"), connected.make("two")};
    const std::vector<std::string> leaving = {connected.make("three")};
    connected.cloud.forget_answers();
    const auto commands = mixed_commands(living, leaving, kSleeper);
    for (const auto& command : commands) {
        const auto payload =
            connected.cloud.command(command.feature, command.operation, command.request, command.value);
        for (const auto& topic : {connected.cloud.command_topic(command.request, command.operation),
                                  connected.cloud.short_command_topic(command.request, command.operation)})
            connected.device.broker.publish(topic, payload);
    }
    REQUIRE(connected.until([&] { return connected.cloud.all_answers().size() >= commands.size(); }));
    // This comes after all of them: what is done twice has been begun.
    CHECK(connected.ask(Connected::kNothing, "look")["status"] == 400);
    CHECK(wrong_answers_to(commands, connected.cloud) == "");
    CHECK(connected.cloud.all_answers().size() == commands.size() + 1);
    CHECK(connected.device.containers().size() == living.size() + 20);  // each round makes two
    CHECK(connected.until(
        [&] { return connected.cloud.containers().size() == connected.device.containers().size(); }));
    CHECK(connected.device.broker.log().find("\tc//") == std::string::npos);  // nobody subscribes it
    CHECK(connected.cloud.complaints().empty());
}

TEST_CASE("metrics come from the kernel", "[TW-61][TW-62][TW-65][e2e]") {
    // The kernel alone: what it does not show is not there.
    Connected connected({{"metrics.source", Daemon::quoted("kernel")}}, Cloud{},
                        Connected::ControlGroups::OfTheEngine);
    const auto id = connected.make("web", {{"resources", {{"memory", "64M"}}}});
    CHECK(connected.ask("Metrics", "request", {{"frequency", "1s"}})["status"] == 204);
    REQUIRE(connected.until([&] { return connected.cloud.reports().size() >= 2; }));
    CHECK(connected.ask("Metrics", "request", {{"frequency", "0s"}})["status"] == 204);
    const auto report = connected.cloud.reports().back();
    REQUIRE(report["snapshot"].size() == 1);
    CHECK(report["snapshot"][0]["originator"] == "Container:" + id);
    CHECK(value_of(report, "cpu.utilization") >= 0);
    CHECK(value_of(report, "memory.total") == 64 << 20);
    CHECK(value_of(report, "memory.used") > 0);
    CHECK(value_of(report, "net.readBytes") >= 0);
}

TEST_CASE("under a steady load metrics are the engine's own within a twentieth", "[TW-62][CM-40][e2e]") {
    Connected connected({{"metrics.source", Daemon::quoted("kernel")}}, Cloud{},
                        Connected::ControlGroups::OfTheEngine);
    const auto& engine = connected.device.engine;
    connected.make("web", {{"resources", {{"memory", "64M"}}}});
    // A share of a CPU that it gets also on a busy machine, and memory that stays.
    engine.docker({"update", "--cpus", "0.3", "web"});
    engine.docker({"exec", "-d", "web", "/bin/sh", "-c",
                   "dd if=/dev/zero of=/dev/shm/held bs=1048576 count=16; while :; do :; done"});
    REQUIRE(eventually([&] { return told_by(engine, "web").memory > (16 << 20); }));
    CHECK(connected.ask("Metrics", "request", {{"frequency", "3s"}})["status"] == 204);

    // Both are read at the same time as good as that goes; what comes between is over in the next period.
    const auto near = [](double ours, double theirs) { return std::abs(ours - theirs) <= theirs / 20; };
    std::string seen;
    bool agree = false;
    constexpr std::size_t kPeriods = 12;
    auto before = told_by(engine, "web");
    for (std::size_t period = 1; period <= kPeriods && !agree; ++period) {
        REQUIRE(connected.until([&] { return connected.cloud.reports().size() >= period; }));
        const auto report = connected.cloud.reports().back();
        const auto now = told_by(engine, "web");
        const auto load = 100 * (now.cpu - before.cpu) / (now.host - before.host);
        const auto cpu = value_of(report, "cpu.utilization");
        const auto memory = value_of(report, "memory.used");
        agree = near(cpu, load) && near(memory, now.memory);
        seen += "cpu " + std::to_string(cpu) + " and " + std::to_string(load) + ", memory " +
                std::to_string(memory) + " and " + std::to_string(now.memory) + "\n";
        before = now;
    }
    INFO(seen);
    CHECK(agree);
}

TEST_CASE("a twin that lost its broker says all again once it is known who it is", "[TW-12][e2e]") {
    Connected connected;
    auto& device = connected.device;
    const auto id = connected.make("web");
    device.broker.stop();
    device.engine.docker({"stop", "-t", "1", "web"});
    device.broker.start();
    const Subscriber events(device.broker, "e/#");  // the other one may come back later than berthd
    CHECK(events.received().empty());
    device.broker.publish("edge/thing/response", connected.cloud.edge_response(), {"-r"});
    Cloud cloud{};
    REQUIRE(eventually([&] {
        cloud = Cloud{};
        for (const auto& message : events.received())
            cloud.hear(message.topic, message.payload);
        return cloud.has("Metrics");
    }));
    CHECK(cloud.said().front() == "+SoftwareUpdatable");
    CHECK(cloud.status("Container:" + id)["state"]["status"] == "STOPPED");
    CHECK(cloud.complaints().empty());
}

TEST_CASE("an end takes leave of the broker, and tells the cloud of no stop", "[TW-13][e2e]") {
    Connected connected;
    auto& device = connected.device;
    connected.make("web");
    const Subscriber heard(device.broker, "e/#");
    const auto from = device.broker.log().size();
    device.daemon.stop();
    device.broker.publish("e/last", "over");
    REQUIRE(eventually([&] {
        const auto all = heard.received();
        return !all.empty() && all.back().topic == "e/last";
    }));
    for (const auto& payload : heard.payloads())
        for (const std::string word : {"STOPPED", "EXITED", "DEAD", "/commands/delete"}) {
            INFO(payload);
            CHECK(payload.find(word) == std::string::npos);
        }
    CHECK(device.engine.state("web") == "running");

    REQUIRE(eventually([&] {
        return device.broker.log().find("Received DISCONNECT from berth-e2e", from) != std::string::npos;
    }));
    const auto log = device.broker.log().substr(from);
    const auto gone = log.find("Received DISCONNECT from berth-e2e");
    const auto unsubscribed = log.find("Received UNSUBSCRIBE from berth-e2e");
    REQUIRE(unsubscribed < gone);
    for (const auto& filter : {std::string("edge/thing/response"), connected.cloud.command_filter()}) {
        INFO(filter);
        CHECK(log.find("\t" + filter, unsubscribed) < gone);
    }
}

TEST_CASE("a restart of berthd is no news but a new sync, and what is gone is deleted",
          "[TW-74][TW-75][TW-76][e2e]") {
    Connected connected;
    const auto stays = connected.make("stays");
    const auto goes = connected.make("goes");
    connected.device.daemon.stop();
    connected.device.engine.docker({"rm", "-f", "goes"});
    std::filesystem::remove_all(connected.device.daemon.home() + "/containers/" + goes);
    connected.cloud.take_said();
    connected.device.start();
    connected.device.broker.publish("edge/thing/response", connected.cloud.edge_response());
    REQUIRE(connected.until([&] { return !connected.cloud.has("Container:" + goes); }));
    REQUIRE(connected.until([&] {
        const auto& said = connected.cloud.said();
        return std::find(said.begin(), said.end(), "+Metrics") != said.end();
    }));
    CHECK(connected.cloud.said() == std::vector<std::string>{"+SoftwareUpdatable", "+Container:" + stays,
                                                             "-Container:" + goes, "+ContainerFactory",
                                                             "+Metrics"});
}
