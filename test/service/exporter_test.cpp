// The containers as a desired state, on an engine in memory.
#include "service/exporter.hpp"

#include "test/support/catch.hpp"
#include "test/support/gateway.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using berth::test::eventually;
using berth::test::Gateway;
using berth::test::message;
using berth::test::pair;
using berth::test::Station;
using berth::test::Verb;
using berth::test::Words;

namespace {

std::vector<std::string> exports_of(const std::vector<berth::service::Publication>& all) {
    std::vector<std::string> found;
    for (const auto& publication : all) {
        if (publication.topic != "containersupdate/desiredstate/export/result") continue;
        CHECK(publication.qos == 1);
        CHECK_FALSE(publication.retain);
        found.push_back(publication.payload);
    }
    return found;
}

// The answer number `count`, beginning with 1.
std::string await_export(Station& station, std::size_t count) {
    REQUIRE(station.link.await([count](const auto& all) { return exports_of(all).size() >= count; }));
    return exports_of(station.link.all())[count - 1];
}

// Recovery ends a moment after the engine has answered.
Station& at_rest(Gateway& device) {
    REQUIRE(eventually([&] { return device.on().is_at_rest(); }));
    return device.on();
}

}  // namespace

TEST_CASE("an export that is sent back as it is finds nothing to do", "[BX-21][service]") {
    Gateway device;
    device.deploy("one", {{"web", "app:1", pair("port", "8080:80") + pair("env", "MODE=prod")},
                          {"db", "app:2", pair("memory", "64M") + pair("restartPolicy", "always")}});
    const auto created = device.engine.calls(Verb::Create);
    device.on().send("desiredstate/export", R"({"activityId":"give"})");
    const auto text = await_export(device.on(), 1);
    CHECK_THAT(text, StartsWith(R"({"activityId":"give","timestamp":)"));
    CHECK(text.find("incomplete") == std::string::npos);

    device.on().desire(text);  // with its time stamp it waits for commands
    REQUIRE(device.on().says("give", "IDENTIFIED"));
    const auto identified = *device.on().last("give");
    REQUIRE(identified.actions.size() == 2);
    for (const auto& action : identified.actions)
        CHECK(action.message == "no change");
    for (const std::string word : {"DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP"})
        device.on().command("give", word);
    REQUIRE(device.on().says("give", "COMPLETED"));
    CHECK(device.engine.calls(Verb::Create) == created);
    CHECK(device.engine.calls(Verb::Update) == 0);
    CHECK(device.names_and_images() == Words{"db=app:2", "web=app:1"});
}

TEST_CASE("an export leaves system containers out and shows no secret", "[BX-21][service]") {
    Gateway device;
    device.deploy("one", {{"sua"}, {"web", "app:1", pair("env", "MY_SECRET=x1y2z3")}});
    device.config.system_containers = {"sua"};
    device.station.reset();
    at_rest(device).send("desiredstate/export", "");
    const auto text = await_export(device.on(), 1);
    CHECK_THAT(text, StartsWith(R"({"activityId":"","timestamp":)"));
    CHECK(text.find("sua") == std::string::npos);
    CHECK(text.find("x1y2z3") == std::string::npos);
    CHECK_THAT(text, ContainsSubstring(R"({"key":"env","value":"MY_SECRET=***"})"));
    CHECK_THAT(text, ContainsSubstring(R"("incomplete":[{"component":"web","reason":"key env: the value of )"
                                       R"(MY_SECRET is masked"}])"));
    const auto made = device.engine.calls(Verb::Create);
    device.on().desire(text);  // as it is it would write the mask over the secret
    REQUIRE(device.on().says("", "IDENTIFICATION_FAILED"));
    CHECK_THAT(device.on().last("")->message,
               ContainsSubstring("component web") && ContainsSubstring("*** stands for a value"));
    CHECK(device.engine.calls(Verb::Create) == made);
}

TEST_CASE("secrets may be exported where the inventory shows them", "[BX-21][service]") {
    auto config = berth::test::one_by_one();
    config.redact_env = false;
    Gateway device(config);
    device.deploy("one", {{"web", "app:1", pair("env", "MY_SECRET=x1y2z3")}});
    device.on().send("desiredstate/export", R"({"activityId":"give"})");
    const auto text = await_export(device.on(), 1);
    CHECK_THAT(text, ContainsSubstring("MY_SECRET=x1y2z3"));
    CHECK(text.find("incomplete") == std::string::npos);
}

TEST_CASE("before the engine has answered an export is no desired state", "[BX-21][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.station.reset();
    device.engine.hang_lists(true);
    device.station = std::make_unique<Station>(device.engine, device.folder.path(), device.config);
    device.on().send("desiredstate/export", R"({"activityId":"old"})", true);
    device.on().send("desiredstate/export", R"({"activityId":"early"})");
    const auto early = await_export(device.on(), 1);
    CHECK_THAT(early, StartsWith(R"({"activityId":"early")"));
    CHECK_THAT(early, ContainsSubstring(R"("payload":{"message":"the engine does not answer: )"));
    CHECK_FALSE(decode_desired_state(early, "containers", Strictness::Lenient));
    device.engine.hang_lists(false);
    device.on().await_ready();
    at_rest(device).send("desiredstate/export", R"({"activityId":"late"})");
    CHECK_THAT(await_export(device.on(), 2), ContainsSubstring(R"("id":"web")"));
}

TEST_CASE("while an update is open an export is no desired state", "[BX-21][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.on().desire(message("open", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("open", "IDENTIFIED"));
    device.on().send("desiredstate/export", R"({"activityId":"early"})");
    const auto early = await_export(device.on(), 1);
    CHECK_THAT(early, ContainsSubstring(R"("payload":{"message":"the update 'open' is open; )"));
    CHECK_FALSE(decode_desired_state(early, "containers", Strictness::Lenient));
    for (const std::string word : {"DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP"})
        device.on().command("open", word);
    REQUIRE(device.on().says("open", "COMPLETED"));
    device.on().send("desiredstate/export", R"({"activityId":"late"})");
    CHECK_THAT(await_export(device.on(), 2), ContainsSubstring("app:2"));
}
