// Asked before it is done: what a desired state would change, and what is there as a desired state.
#include <cstdint>
#include <nlohmann/json.hpp>

#include "test/e2e/device.hpp"
#include "test/support/catch.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

nlohmann::ordered_json answer_to(const std::string& activity, const Subscriber& answers) {
    nlohmann::ordered_json found;
    const bool came = eventually([&] {
        for (const auto& text : answers.payloads()) {
            const auto said = nlohmann::ordered_json::parse(text);
            if (said.at("activityId").get<std::string>() == activity) found = said.at("payload");
        }
        return !found.is_null();
    });
    REQUIRE(came);
    return found;
}

}  // namespace

TEST_CASE("a plan says what then happens, and an export that nothing has to", "[BX-07][BX-21][e2e]") {
    Device device;
    const Subscriber answers(device.broker, "containersupdate/desiredstate/+/result");
    device.deploy("one", {{"web", kSleeper, {{"env", "MODE=a"}}}, {"gone", kSleeper}});
    const auto web = device.engine.id("web");
    const std::vector<Component> next = {{"web", kSleeper, {{"env", "MODE=b"}, {"memory", "64M"}}},
                                         {"db", "berth-test/sleeper:2"}};

    device.probe.publish("desiredstate/plan", desired_state("ask", next));
    const auto plan = answer_to("ask", answers);
    CHECK(plan.at("status").get<std::string>() == "IDENTIFIED");
    CHECK(
        plan.at("actions").dump() ==
        R"([{"component":{"id":"containers:web","version":"1"},"action":"recreate","changes":[)"
        R"({"key":"env","old":"MODE=a","new":"MODE=b"},{"key":"memory","old":"","new":"64M"},)"
        R"({"key":"memorySwap","old":"","new":"128M"}],"pullBytes":0,"gap":true},)"
        R"({"component":{"id":"containers:db","version":"1"},"action":"create","changes":[],"pullBytes":0,"gap":false},)"
        R"({"component":{"id":"containers:gone"},"action":"destroy","changes":[],"gap":true}])");
    CHECK(plan.at("needBytes").get<std::int64_t>() == 0);
    CHECK(plan.at("freeBytes").get<std::int64_t>() > 0);
    CHECK(device.engine.id("web") == web);
    CHECK(device.containers() == std::vector<std::string>{"gone", "web"});
    CHECK(device.probe.feedback("ask").empty());
    device.deploy("two", next);
    CHECK(device.engine.id("web") != web);
    CHECK(device.containers() == std::vector<std::string>{"db", "web"});

    const auto ids = device.engine.id("web") + device.engine.id("db");
    device.probe.publish("desiredstate/export", R"({"activityId":"give"})");
    const auto given = answer_to("give", answers);
    CHECK_FALSE(given.contains("incomplete"));
    nlohmann::ordered_json back;
    back["activityId"] = "back";
    back["payload"] = given;
    device.probe.desire(back.dump());
    device.probe.await("back", "COMPLETED");
    const auto identified = device.probe.await("back", "IDENTIFIED");
    CHECK(identified.actions.size() == 2);
    for (const auto& action : identified.actions)
        CHECK(action.message == "no change");
    CHECK(device.engine.id("web") + device.engine.id("db") == ids);
}
