// The digital twin as a cloud meets it: a real broker and engine, commands typed by hand.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "test/e2e/device.hpp"
#include "test/support/catch.hpp"
#include "test/support/cloud.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;
using nlohmann::json;

namespace {

// A device, and a connector that answers who it is.
class Connected {
 public:
    explicit Connected(Device::Options options = {}) : device(options), events_(device.broker, "e/#") {
        device.broker.publish("edge/thing/response", cloud.edge_response());
        require([&] { return cloud.has("Metrics"); }, "the first sync");
        await_subscription();
    }

    bool until(const std::function<bool()>& enough, std::chrono::milliseconds patience = kPatience) {
        return eventually(
            [&] {
                hear(events_, seen_events_);
                hear(answers_, seen_answers_);
                return enough();
            },
            patience);
    }
    void require(const std::function<bool()>& enough, const std::string& what) {
        if (!until(enough)) throw std::runtime_error("never: " + what + "\n" + device.daemon.log());
    }
    json ask(const std::string& feature, const std::string& operation, const json& value = nullptr) {
        const auto request = "r" + std::to_string(++number_);
        device.broker.publish(cloud.command_topic(request, operation),
                              cloud.command(feature, operation, request, value));
        require([&] { return cloud.answer(request).has_value(); }, operation);
        return cloud.answer(request)->envelope;
    }
    std::string status(const std::string& id) {
        const auto shown = cloud.status("Container:" + id);
        return shown.is_null() ? "" : shown["state"]["status"].get<std::string>();
    }
    std::string make(const std::string& name, const json& config = json::object()) {
        const auto answer =
            ask("ContainerFactory", "createWithConfig",
                {{"imageRef", kSleeper}, {"name", name}, {"start", true}, {"config", config}});
        if (answer["status"] != 200) throw std::runtime_error(answer.dump());
        const std::string id = answer["value"];
        require([&] { return status(id) == "RUNNING"; }, name + " running");
        return id;
    }

    Device device;
    Cloud cloud{};

 private:
    // A command before the subscription stands is lost, as on any broker: one that changes nothing is
    // repeated.
    void await_subscription() {
        const auto heard = [&] { return cloud.answer("r" + std::to_string(number_)).has_value(); };
        require(
            [&] {
                const auto request = "r" + std::to_string(++number_);
                device.broker.publish(cloud.command_topic(request, "look"),
                                      cloud.command("Nothing", "look", request, nullptr));
                return until(heard, std::chrono::milliseconds(500));
            },
            "an answer to any command");
        cloud.forget_answers();
    }
    void hear(const Subscriber& from, std::size_t& seen) {
        const auto all = from.received();
        for (; seen < all.size(); ++seen)
            cloud.hear(all[seen].topic, all[seen].payload);
    }

    Subscriber events_;
    Subscriber answers_{device.broker, "command//+/res/#"};
    std::size_t seen_events_{0};
    std::size_t seen_answers_{0};
    int number_{0};
};

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

TEST_CASE("metrics come from the machine", "[TW-61][TW-65][e2e]") {
    Connected connected;
    const auto id = connected.make("web", {{"resources", {{"memory", "64M"}}}});
    CHECK(connected.ask("Metrics", "request", {{"frequency", "1s"}})["status"] == 204);
    REQUIRE(connected.until([&] { return connected.cloud.reports().size() >= 2; }));
    CHECK(connected.ask("Metrics", "request", {{"frequency", "0s"}})["status"] == 204);
    const auto report = connected.cloud.reports().back();
    REQUIRE(report["snapshot"].size() == 1);
    CHECK(report["snapshot"][0]["originator"] == "Container:" + id);
    // The lab's control groups are mounted for its engine alone, and it tells nothing of them.
    std::vector<std::string> ids;
    for (const auto& one : report["snapshot"][0]["measurements"])
        ids.push_back(one["id"]);
    CHECK(std::find(ids.begin(), ids.end(), "net.readBytes") != ids.end());
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
