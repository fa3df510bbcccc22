// Whatever arrives, berthd lives, answers where an answer is possible, and does the next good thing.
#include <map>

#include "test/e2e/device.hpp"
#include "test/support/catch.hpp"

using namespace berth::test;

namespace {

std::string with_payload(const std::string& activity, const std::string& payload) {
    return R"({"activityId":")" + activity + R"(","payload":)" + payload + "}";
}

std::string with_domain(const std::string& activity, const std::string& members) {
    return with_payload(activity, R"({"domains":[{"id":"containers",)" + members + "}]}");
}

std::string nested(std::size_t depth) {
    return std::string(depth, '[');
}

struct Bad {
    std::string payload;
    std::string expected;  // part of the message of IDENTIFICATION_FAILED
};

// By activity.
const std::map<std::string, Bad>& answered() {
    static const std::map<std::string, Bad> all = {
        {"cut", {R"({"activityId":"cut","payload":{"domains":[)", "not JSON"}},
        {"deep", {R"({"activityId":"deep","payload":)" + nested(100'000), "nested too deeply"}},
        {"large",
         {with_domain("large", R"("components":[{"id":")" + std::string(2 * 1024 * 1024, 'x') + R"("}])"),
          "too many"}},
        {"utf8", {with_domain("utf8", "\"components\":[{\"id\":\"a\xff\xfe\"}]"), "not JSON"}},
        {"text", {with_payload("text", R"("DOWNLOAD")"), "$.payload"}},
        {"null", {with_payload("null", "null"), "domain"}},
        {"stranger", {with_payload("stranger", R"({"domains":[{"id":"apps"}]})"), "containers"}},
        {"number",
         {with_domain("number", R"("components":[{"id":5}])"), "$.payload.domains[0].components[0].id"}},
        {"value",
         {with_domain("value", R"("components":[{"id":"a","config":[{"key":"image","value":true}]}])"),
          "component a, key image: expected a JSON string"}},
        {"null-1", {with_payload("null-1", R"({"domains":[null]})"), "$.payload.domains[0]"}},
        {"null-2", {with_domain("null-2", R"("components":[null])"), "$.payload.domains[0].components[0]"}},
        {"null-3",
         {with_domain("null-3", R"("components":[{"id":"a","config":[null]}])"),
          "$.payload.domains[0].components[0].config[0]"}},
        {"null-4",
         {with_payload("null-4", R"({"baselines":[null],"domains":[{"id":"containers"}]})"),
          "$.payload.baselines[0]"}},
        {"several",
         {desired_state("several",
                        {{"web", kSleeper, {{"memory", "64"}, {"network", "none"}}}, {"db", ""}, {"db", ""}}),
          "component web, key memory"}},
    };
    return all;
}

}  // namespace

TEST_CASE("bad messages are answered or dropped, and harm nothing",
          "[BX-01][UA-05][UA-09][UA-14][UA-30][UA-58][UA-63][e2e]") {
    Device device;
    const auto pid = device.daemon.pid();
    Extra stamped{};
    stamped.timestamp = 1718000010000;
    device.probe.desire(desired_state("open", {{"web", kSleeper}}, stamped));
    device.probe.await("open", "IDENTIFIED");

    for (const auto& [activity, bad] : answered())
        device.probe.desire(bad.payload);
    // Without an activity to name they are answered all the same.
    const std::vector<std::string> nameless = {"hello",      "null",          "[]",
                                               "\xff\xfe{}", "{\"payload\":", nested(100'000)};
    for (const auto& payload : nameless)
        device.probe.desire(payload);
    device.probe.publish("desiredstate", "");  // how a retained message is taken back: no answer
    for (const std::string payload :
         {"{", "null", R"({"activityId":"open"})", R"({"activityId":"open","payload":null})",
          R"({"activityId":"open","payload":{"command":["DOWNLOAD"]}})",
          R"({"activityId":["open"],"payload":{"command":"DOWNLOAD"}})"})
        device.probe.publish("desiredstate/command", payload);
    device.probe.publish("desiredstate/command", nested(100'000));
    device.probe.publish("desiredstate/commands",
                         R"({"activityId":"open","payload":{"command":"DOWNLOAD"}})");
    device.probe.publish("unknown", "{}");

    for (const auto& [activity, bad] : answered()) {
        INFO(activity);
        CHECK_THAT(device.probe.await(activity, "IDENTIFICATION_FAILED").message,
                   ContainsSubstring(bad.expected));
        CHECK(device.probe.feedback(activity).size() == 1);  // no IDENTIFYING before it
    }
    const auto several = device.probe.await("several", "IDENTIFICATION_FAILED").message;
    CHECK_THAT(several, ContainsSubstring("component web, key network") && ContainsSubstring("component db"));

    device.probe.command("open", "DOWNLOAD");
    device.probe.await("open", "DOWNLOAD_SUCCESS");
    device.probe.command("open", "UPDATE");
    device.probe.await("open", "UPDATE_SUCCESS");
    device.probe.command("open", "ACTIVATE");
    device.probe.await("open", "ACTIVATION_SUCCESS");
    device.probe.command("open", "CLEANUP");
    device.probe.await("open", "COMPLETED");
    CHECK(device.engine.state("web") == "running");
    for (const auto& said : device.probe.feedback())
        CHECK((said.activity.empty() || said.activity == "open" || answered().contains(said.activity)));
    CHECK(device.probe.feedback("").size() == nameless.size());
    CHECK_THAT(device.probe.await("", "IDENTIFICATION_FAILED").message, StartsWith("$: not JSON at byte 1"));
    CHECK(device.daemon.pid() == pid);
    CHECK(device.daemon.running());
}

TEST_CASE("whatever a get looks like, it is answered", "[UA-05][UA-07][e2e]") {
    Device device;
    CHECK(device.probe.ask("named").nodes.size() == 1);
    std::size_t seen = device.probe.inventories().size();
    const auto answered = [&] {
        const auto from = std::exchange(seen, seen + 1);
        return device.probe.await_inventory([](const auto& said) { return said.activity.empty(); }, from)
            .retained;
    };
    device.probe.publish("currentstate/get", "");
    CHECK(answered());
    for (const std::string payload : {"{}", "null", "{", "\xff", R"({"activityId":5})"}) {
        device.probe.publish("currentstate/get", payload);
        CHECK(answered());
    }
    device.probe.publish("currentstate/get", nested(100'000));
    CHECK(answered());
}
