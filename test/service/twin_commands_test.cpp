// What the cloud asks for, and what becomes of it.
#include <filesystem>
#include <fstream>
#include <system_error>

#include "test/service/twin_bench.hpp"
#include "test/support/builders.hpp"
#include "test/support/captured_log.hpp"
#include "test/support/catch.hpp"
#include "test/support/child.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using namespace berth::test;
using nlohmann::json;

namespace {

using Words = std::vector<std::string>;

struct Started : TwinBench {
    explicit Started(service::ThingsConfig config = {}, service::UpdateAgentConfig agent = {})
        : TwinBench(std::move(config), std::move(agent)) {
        start();
        connect();
        cloud.take_said();
    }

    std::string run(const std::string& name, const json& config = json::object()) {
        const auto id = create("make-" + name,
                               {{"imageRef", "app:1"}, {"name", name}, {"start", true}, {"config", config}});
        require([&] { return cloud.status("Container:" + id)["state"]["status"] == "RUNNING"; });
        cloud.take_said();
        return id;
    }
    Words said_of(const std::string& id) {
        settle();
        Words words;
        for (auto word : cloud.take_said())
            if (const auto at = word.find(id); at != word.npos)
                words.push_back(word.substr(0, at) + word.substr(at + id.size()));
        return words;
    }
    EngineId engine_id(const std::string& id) {
        for (const auto& container : engine.containers())
            if (container.spec.id == id) return container.engine_id;
        return {};
    }
    json state(const std::string& id) { return cloud.status("Container:" + id)["state"]; }
};

}  // namespace

TEST_CASE("a change whose record cannot be written is made, and said to be", "[TW-44][service]") {
    Started bench;
    const auto id = bench.run("web");
    const auto folder = bench.home.path() / "containers" / id;
    REQUIRE(eventually([&] { return std::filesystem::exists(folder / "config.json"); }));
    REQUIRE(eventually([&] {  // a record may just be written
        std::error_code error;
        std::filesystem::remove_all(folder, error);
        std::ofstream(folder) << "in the way";
        return std::filesystem::is_regular_file(folder, error);
    }));
    CHECK(bench.ask("Container:" + id, "rename", "r1", "shop") == 500);
    CHECK_THAT(bench.error_of("r1"),
               StartsWith("container web renamed to shop, but the record of that waits"));
    CHECK(bench.cloud.status("Container:" + id)["name"] == "shop");
    std::filesystem::remove(folder);
    CHECK(eventually([&] { return std::filesystem::exists(folder / "config.json"); }));
    CHECK(read_file((folder / "config.json").string()).find("shop") != std::string::npos);
}

TEST_CASE("what was asked for before an update began outlives its way back", "[UA-40][TW-46][service]") {
    Started bench;
    const auto id = bench.run("web");
    const auto instance = bench.engine.containers().front().engine_id;
    bench.engine.put_in_registry("far:1");
    bench.engine.hang_pulls(true);
    const auto calls = bench.engine.calls(Verb::Update);
    bench.engine.fail_next(Verb::Update, fail(Errc::Busy, "a moment"), 3);  // it is asked again after 50 ms
    bench.command("Container:" + id, "update", "r1",
                  {{"resources", {{"memory", "64M"}}}, {"restartPolicy", {{"type", "ALWAYS"}}}});
    REQUIRE(bench.engine.await_calls(Verb::Update, calls + 1));
    bench.station().desire(R"({"activityId":"next","payload":{"domains":[{"id":"containers","components":[
        {"id":"web","version":"2","config":[{"key":"image","value":"far:1"}]}]}]}})");
    REQUIRE(bench.station().says("next", "DOWNLOADING"));
    REQUIRE(bench.answered("r1") == 204);
    bench.engine.fail_next(Verb::Start, fail(Errc::Internal, "it does not start"));
    bench.engine.hang_pulls(false);
    REQUIRE(bench.station().says("next", "INCOMPLETE"));
    CHECK(bench.engine.limits_of(instance).memory == "64M");
    CHECK(bench.engine.policy_of(instance) == "always");
    bench.settle();
    const auto config = bench.cloud.status("Container:" + id)["config"];
    CHECK(config["resources"]["memory"] == "64M");
    CHECK(config["restartPolicy"]["type"] == "ALWAYS");
    REQUIRE(bench.until([&] { return bench.state(id)["status"] == "RUNNING"; }));
}

TEST_CASE("a slip of the finger in what is asked for is told, not passed over", "[TW-25][TW-49][service]") {
    const CapturedLog log;
    Started bench;
    const auto feature = "Container:" + bench.run("web");
    const auto create = [](const json& config) -> json {
        return {{"imageRef", "app:1"}, {"config", config}};
    };
    const auto install = [](const json& checked) -> json {
        json artifact = {{"filename", "f"}, {"download", {{"HTTP", {{"url", "http://127.0.0.1:1/f"}}}}}};
        artifact.update(checked);
        const json module = {{"softwareModule", {{"name", "nav"}, {"version", "1"}}},
                             {"artifacts", json::array({artifact})}};
        return {{"softwareModules", json::array({module})}};
    };
    struct Case {
        std::string feature;
        std::string operation;
        json value;
        std::string message;
    };
    const std::vector<Case> cases = {
        {feature, "update", {{"resource", {{"memory", "64M"}}}}, "did you mean resources?"},
        {feature, "update", {{"resources", {{"memroy", "64M"}}}}, "did you mean memory?"},
        {"ContainerFactory", "createWithConfig", create({{"portMapings", json::array()}}),
         "did you mean portMappings?"},
        {"ContainerFactory", "createWithConfig", create({{"env", {"A=1", "PASSWORD=***"}}}), "env[1]: ***"},
        {"ContainerFactory", "createWithConfig", create({{"devices", {{{"cgroupPermision", "r"}}}}}),
         "did you mean cgroupPermissions?"},
        {"ContainerFactory", "createWithConfig", create({{"portMappings", {{{"hostIp4", "127.0.0.1"}}}}}),
         "did you mean hostIP?"},
        {feature, "update", {{"restartPolicy", {{"typ", "NO"}}}}, "did you mean type?"},
        {feature, "stopWithOptions", {{"timout", 3}}, "did you mean timeout?"},
        {feature, "stopWithOptions", {{"forse", true}}, "did you mean force?"},
        {feature, "stopWithOptions", {{"sginal", "SIGINT"}}, "did you mean signal?"},
        {"SoftwareUpdatable", "install", install({{"checksums", {{"SHA-256", "00"}}}}),
         "did you mean SHA256?"},
        {"SoftwareUpdatable", "install", install({{"checksum", {{"SHA256", "00"}}}}),
         "did you mean checksums?"},
        {"SoftwareUpdatable",
         "remove",
         {{"corelationId", "q"}, {"software", {{{"name", "web"}}}}},
         "did you mean correlationId?"},
        {"Metrics", "request", {{"frequency", "1s"}, {"filters", json::array()}}, "did you mean filter?"},
    };
    int number = 0;
    for (const auto& c : cases) {
        const auto request = "slip-" + std::to_string(++number);
        INFO(c.operation << " " << c.value);
        CHECK(bench.ask(c.feature, c.operation, request, c.value) == 400);
        CHECK_THAT(bench.error_of(request), ContainsSubstring(c.message));
        CHECK(log.contains("messages/" + c.operation + "', request '" + request + "'"));
    }
    CHECK(bench.engine.containers().size() == 1);
}

TEST_CASE("a command that is retained is of another day, and the log says so", "[TW-80][service]") {
    const CapturedLog log;
    Started bench;
    const auto feature = "Container:" + bench.run("web");
    service::Message message{};
    message.topic = bench.cloud.command_topic("r1", "remove");
    message.payload = bench.cloud.command(feature, "remove", "r1", true);
    message.retained = true;
    bench.station().deliver(message);
    CHECK(bench.ask(feature, "pause", "r2") == 204);
    CHECK_FALSE(bench.cloud.answer("r1"));
    CHECK(log.contains("/req/r1/remove' ignored: it is retained"));
    CHECK(log.contains("container web paused"));
}

TEST_CASE("create makes a container, and starts it if asked", "[TW-31][TW-68][TW-29][service]") {
    Started bench;
    REQUIRE(bench.ask("ContainerFactory", "create", "r1", {{"imageRef", "app:1"}, {"start", true}}) == 200);
    const std::string id = bench.cloud.answer("r1")->envelope["value"];
    REQUIRE(bench.says("Container:" + id + " state RUNNING"));
    CHECK(bench.said_of(id) == Words{"+Container:", "Container: state CREATED", "Container: state RUNNING"});
    CHECK(bench.cloud.status("Container:" + id)["name"] == id);
    CHECK(bench.state(id)["pid"].get<int>() > 0);
    CHECK(bench.cloud.answers("r1") == 1);
    CHECK(bench.cloud.answer("r1")->envelope["headers"] ==
          json({{"content-type", "application/json"}, {"correlation-id", "r1"}}));

    REQUIRE(bench.ask("ContainerFactory", "create", "r2", {{"imageRef", "app:1"}}) == 200);
    const std::string idle = bench.cloud.answer("r2")->envelope["value"];
    CHECK(bench.said_of(idle) == Words{"+Container:", "Container: state CREATED"});
    CHECK(bench.cloud.complaints().empty());
}

TEST_CASE("a start that fails is no failure of create", "[TW-31][TW-69][service]") {
    Started bench;
    bench.engine.fail_next(Verb::Start, fail(Errc::Invalid, "no such program"));
    const auto id = bench.create("r1", {{"imageRef", "app:1"}, {"start", true}});
    REQUIRE_FALSE(id.empty());
    REQUIRE(bench.says("Container:" + id + " state STOPPED"));
    CHECK_THAT(bench.state(id)["error"].get<std::string>(), ContainsSubstring("no such program"));
}

TEST_CASE("whatever the engine says a start failed of, the state shows it", "[TW-31][TW-69][service]") {
    Started bench;
    const std::vector<Error> refusals = {
        fail(Errc::Conflict, "Bind for 0.0.0.0:80 failed: port is already allocated"),
        fail(Errc::Unavailable, "failed to create task: dial tcp: i/o timeout")};
    for (const auto& refusal : refusals) {
        INFO(refusal.message);
        const auto number = std::to_string(static_cast<int>(refusal.code));
        const auto shows_it = [&](const std::string& id) {
            return bench.until([&] {
                auto state = bench.state(id);
                return state["status"] == "STOPPED" &&
                       state.value("error", "").find(refusal.message) != std::string::npos;
            });
        };
        bench.engine.fail_next(Verb::Start, refusal);
        const auto made = bench.create("make-" + number, {{"imageRef", "app:1"}, {"start", true}});
        REQUIRE_FALSE(made.empty());
        CHECK(shows_it(made));
        const auto idle = bench.create("idle-" + number, {{"imageRef", "app:1"}});
        bench.engine.fail_next(Verb::Start, refusal);
        CHECK(bench.ask("Container:" + idle, "start", "start-" + number) == 500);
        CHECK(shows_it(idle));
    }
}

TEST_CASE("a start that does not fit, or whose engine is lost, shows nothing", "[TW-69][service]") {
    Started bench;
    bench.engine.fail_next(Verb::Start, fail(Errc::Unavailable, "no engine answers"));
    bench.engine.fail_next(Verb::Inspect, fail(Errc::Unavailable, "no engine answers"));
    const auto lost = bench.create("lost", {{"imageRef", "app:1"}, {"start", true}});
    REQUIRE_FALSE(lost.empty());
    bench.settle();
    CHECK(bench.state(lost)["status"] == "CREATED");
    CHECK_FALSE(bench.state(lost).contains("error"));
    const auto id = bench.run("web");
    CHECK(bench.ask("Container:" + id, "start", "again") == 500);
    CHECK(bench.said_of(id).empty());
}

TEST_CASE("a start of an update that fails is shown as well", "[TW-69][service]") {
    Started bench;
    const auto desire = [&](const std::string& activity) {
        bench.station().desire(
            R"({"activityId":")" + activity +
            R"(","payload":{"domains":[{"id":"containers","components":[{"id":"web","version":"1",)"
            R"("config":[{"key":"image","value":"app:1"}]}]}]}})");
    };
    const auto taken = fail(Errc::Conflict, "port is already allocated");
    bench.engine.fail_next(Verb::Start, taken);
    desire("act-1");
    CHECK(bench.station().link.await([&](const std::vector<service::Publication>& all) {
        return std::any_of(all.begin(), all.end(), [&](const service::Publication& said) {
            const auto has = [&](const char* part) { return said.payload.find(part) != std::string::npos; };
            return said.topic == bench.cloud.event_topic() && has("STOPPED") && has("already allocated");
        });
    }));
    REQUIRE(bench.station().says("act-1", "INCOMPLETE"));

    // One that is there, and is only to run again.
    desire("act-2");
    REQUIRE(bench.station().says("act-2", "COMPLETED"));
    const auto web = bench.engine.containers().at(0);
    bench.require([&] { return bench.state(web.spec.id)["status"] == "RUNNING"; });
    REQUIRE(bench.engine.stop(web.engine_id, {}, {}));
    bench.require([&] { return bench.state(web.spec.id)["status"] == "STOPPED"; });
    bench.engine.fail_next(Verb::Start, taken);
    desire("act-3");
    CHECK(bench.until([&] {
        return bench.state(web.spec.id).value("error", "").find("already allocated") != std::string::npos;
    }));
}

TEST_CASE("a start that fails beside the old one, or on the way back, is shown as well", "[TW-69][service]") {
    Started bench;
    const auto desire = [&](const std::string& activity, const std::string& image, const std::string& more) {
        bench.station().desire(
            R"({"activityId":")" + activity +
            R"(","payload":{"domains":[{"id":"containers","components":[{"id":"web","version":"1",)"
            R"("config":[{"key":"image","value":")" +
            image + "\"}" + more + "]}]}]}}");
    };
    desire("act-1", "app:1", {});
    REQUIRE(bench.station().says("act-1", "COMPLETED"));
    const auto old = bench.engine.containers().at(0).spec.id;
    const auto is_shown = [&](const std::string& why, bool of_old) {
        return bench.station().link.await([&](const std::vector<service::Publication>& all) {
            return std::any_of(all.begin(), all.end(), [&](const service::Publication& said) {
                const auto has = [&](const std::string& part) {
                    return said.payload.find(part) != std::string::npos;
                };
                return said.topic == bench.cloud.event_topic() && has("STOPPED") && has(why) &&
                       has(old) == of_old;
            });
        });
    };
    bench.engine.fail_next(Verb::Start, fail(Errc::Conflict, "port 1 is taken"));
    desire("act-2", "app:2", R"(,{"key":"updateOrder","value":"start-first"})");
    CHECK(is_shown("port 1 is taken", false));
    REQUIRE(bench.station().says("act-2", "INCOMPLETE"));

    bench.engine.fail_next(Verb::Start, fail(Errc::Conflict, "port 2 is taken"), 2);
    desire("act-3", "app:2", {});
    CHECK(is_shown("port 2 is taken", true));
    REQUIRE(bench.station().says("act-3", "INCOMPLETE"));
    const auto told = bench.station().last("act-3")->actions.at(0).message;
    CHECK_THAT(told, ContainsSubstring("not restored: component web: port 2 is taken"));
}

TEST_CASE("createWithConfig fills defaults and lets names repeat", "[TW-32][service]") {
    Started bench;
    const auto first = bench.create("r1", {{"imageRef", "app:1"}, {"name", "web"}});
    const auto second =
        bench.create("r2", {{"imageRef", "app:1"}, {"name", "web"}, {"config", {{"env", {"A=1"}}}}});
    REQUIRE_FALSE(first.empty());
    REQUIRE_FALSE(second.empty());
    CHECK(first != second);
    CHECK(bench.cloud.status("Container:" + first)["name"] == "web");
    CHECK(bench.cloud.status("Container:" + second)["config"]["env"] == json({"A=1"}));
    CHECK(bench.cloud.status("Container:" + first)["config"]["hostName"] == "web-host");
}

TEST_CASE("what cannot be made is a failure, and leaves nothing",
          "[TW-25][TW-27][TW-33][TW-38][TW-39][service]") {
    Started bench;
    const std::vector<std::pair<json, std::string>> cases = {
        {nullptr, "imageRef must be set"},
        {json({{"start", true}}), "imageRef must be set"},
        {json({{"imageRef", ""}}), "imageRef must be set"},
        {json({{"imageRef", "missing:1"}}), "missing:1"},
        {json({{"imageRef", "app:1"}, {"config", {{"networkMode", "MESH"}}}}), "network"},
        {json({{"imageRef", "app:1"}, {"config", {{"resources", {{"memory", "1M"}}}}}}), "memory"},
        {json({{"imageRef", "app:1"}, {"config", {{"decryption", {{"keys", {"k:p"}}}}}}}), "encrypted"},
        {json({{"imageRef", "app:1"}, {"name", "-bad"}}), "name"},
    };
    int number = 0;
    for (const auto& [value, cause] : cases) {
        const auto request = "r" + std::to_string(++number);
        INFO(value.dump());
        CHECK(bench.ask("ContainerFactory", "createWithConfig", request, value) == 500);
        const auto error = bench.cloud.answer(request)->envelope["value"];
        CHECK(error["error"] == "messages:execution.failed");
        CHECK(error["status"] == 500);
        CHECK_THAT(error["message"].get<std::string>(), ContainsSubstring(cause));
    }
    CHECK(bench.engine.containers().empty());
    bench.settle();
    CHECK(bench.cloud.containers().empty());
}

TEST_CASE("a container whose image has no room is a failure, and nothing is pulled",
          "[BX-02][TW-27][service]") {
    constexpr std::int64_t kMiB = 1024 * 1024;
    Started bench;
    bench.engine.set_free(10 * kMiB);
    bench.engine.put_in_registry("far:1");
    bench.engine.put_layers("far:1", {{"a", 4 * kMiB}});
    CHECK(bench.ask("ContainerFactory", "create", "large", {{"imageRef", "far:1"}}) == 500);
    const auto error = bench.cloud.answer("large")->envelope["value"];
    CHECK(error["error"] == "messages:execution.failed");
    CHECK(error["status"] == 500);
    CHECK(error["message"] == "no space: need 12 MiB, free 10 MiB, reserve 0 MiB");
    CHECK(bench.engine.calls(Verb::Pull) == 0);
    CHECK(bench.engine.containers().empty());
    bench.engine.put_layers("far:1", {{"a", 3 * kMiB}});
    CHECK(bench.ask("ContainerFactory", "create", "fits", {{"imageRef", "far:1"}}) == 200);
}

TEST_CASE("faulty commands are told what is wrong", "[TW-21][TW-22][TW-23][TW-24][TW-25][TW-57][service]") {
    Started bench;
    const auto id = bench.run("web");
    const auto feature = "Container:" + id;
    const auto tell = [&](const std::string& request, const std::string& payload) {
        bench.tell(bench.cloud.command_topic(request, "x"), payload);
        return bench.answered(request);
    };
    CHECK(tell("p1", "{") == 400);
    CHECK(bench.cloud.answer("p1")->envelope["topic"] == "unknown/unknown/things/twin/errors");
    CHECK(tell("p2", "null") == 400);
    CHECK(tell("p3", R"({"topic":"a/b","path":"/"})") == 400);
    CHECK(bench.ask("Container:none", "start", "e1") == 400);
    CHECK(bench.cloud.answer("e1")->envelope["path"] == "/features/Container:none/inbox/messages/start");
    CHECK(bench.ask("Nope", "run", "e2", json::object()) == 400);
    CHECK(tell("e3", bench.cloud.command_with("ContainerFactory", "create", {{"response-required", true}},
                                              {{"imageRef", "app:1"}})) == 400);
    CHECK_FALSE(bench.cloud.answer("e3")->envelope["headers"].contains("correlation-id"));
    CHECK(tell("e4", Cloud("acme.fleet:other").command("Metrics", "request", "e4")) == 404);
    CHECK(bench.ask(feature, "explode", "l1") == 404);
    CHECK(bench.cloud.answer("l1")->envelope["path"] == "/features/" + feature + "/outbox/messages/explode");
    CHECK(bench.ask("ContainerFactory", "explode", "l2", json::object()) == 404);
    for (const char* operation : {"download", "cancel", "cancelRemove"})
        CHECK(bench.ask("SoftwareUpdatable", operation, operation, json::object()) == 404);
    CHECK(bench.ask(feature, "rename", "l3", 7) == 400);
    CHECK(bench.ask(feature, "remove", "l4", "yes") == 400);
    CHECK(bench.ask("Metrics", "request", "l5", {{"frequency", "soon"}}) == 400);
    CHECK(bench.ask("SoftwareUpdatable", "install", "l6", {{"softwareModules", json::array()}}) == 400);
    CHECK(bench.state(id)["status"] == "RUNNING");
    CHECK(bench.cloud.complaints().empty());
}

TEST_CASE("who wants no answer gets none, and what was asked for is done", "[TW-26][service]") {
    Started bench;
    const auto id = bench.run("web");
    bench.tell(bench.cloud.command_topic("", "pause"), bench.cloud.command("Container:" + id, "pause", "c1"));
    REQUIRE(bench.says("Container:" + id + " state PAUSED"));
    bench.tell(bench.cloud.command_topic("q", "resume"),
               bench.cloud.command_with("Container:" + id, "resume", {{"correlation-id", "c2"}}));
    REQUIRE(bench.says("Container:" + id + " state RUNNING"));
    bench.tell(bench.cloud.command_topic("q", "pause"),
               bench.cloud.command_with("Container:none", "pause",
                                        {{"correlation-id", "c3"}, {"response-required", false}}));
    bench.tell(bench.cloud.command_topic("", "pause"), "{");
    bench.settle();
    CHECK(bench.cloud.all_answers().size() == 1);  // of create
}

TEST_CASE("start, stop, pause and resume say when they do not fit", "[TW-40][TW-41][TW-43][TW-70][service]") {
    Started bench;
    const auto id = bench.run("web");
    const auto feature = "Container:" + id;
    CHECK(bench.ask(feature, "start", "a1", json::object()) == 500);
    CHECK_THAT(bench.error_of("a1"), ContainsSubstring("already running"));
    CHECK(bench.ask(feature, "resume", "a2") == 500);
    CHECK(bench.ask(feature, "pause", "a3") == 204);
    CHECK(bench.ask(feature, "pause", "a4") == 500);
    CHECK(bench.ask(feature, "start", "a5") == 500);
    CHECK(bench.ask(feature, "resume", "a6") == 204);
    CHECK(bench.ask(feature, "stop", "a7", json::object()) == 204);
    CHECK(bench.ask(feature, "stop", "a8") == 500);
    CHECK(bench.ask(feature, "pause", "a9") == 500);
    CHECK(bench.ask(feature, "start", "b1") == 204);
    REQUIRE(bench.says(feature + " state STOPPED"));
    bench.require(
        [&] { return bench.state(id)["status"] == "RUNNING" && bench.state(id).contains("finishedAt"); });
    CHECK(bench.said_of(id) == Words{"Container: state PAUSED", "Container: state RUNNING",
                                     "Container: state STOPPED", "Container: state RUNNING"});
    CHECK_FALSE(bench.cloud.answer("a3")->envelope.contains("value"));
    CHECK(bench.engine.policy_of(bench.engine_id(id)) == "unless-stopped");
}

TEST_CASE("one that waits to be started again is stopped as well", "[TW-41][TW-69][service]") {
    TwinBench bench;
    auto crashing = container(spec("web", "app:1"), Status::Exited);
    crashing.spec.restart.type = "always";
    crashing.state.restarting = true;
    crashing.state.exit_code = 1;
    const auto engine_id = bench.engine.put(crashing);
    bench.start();
    bench.connect();
    bench.cloud.take_said();
    const std::string feature = "Container:" + crashing.spec.id;
    REQUIRE(bench.ask(feature, "stop", "r1") == 204);
    REQUIRE(bench.says(feature + " state STOPPED"));
    CHECK(bench.engine.policy_of(engine_id) == "no");
    bench.settle();
    CHECK(bench.cloud.said() == Words{feature + " state STOPPED"});
}

TEST_CASE("stopWithOptions waits, and forces only if told to", "[TW-42][service]") {
    Started bench;
    const auto id = bench.run("web");
    const auto feature = "Container:" + id;
    CHECK(bench.ask(feature, "stopWithOptions", "a1", {{"timeout", -1}}) == 500);
    CHECK(bench.ask(feature, "stopWithOptions", "a2", {{"signal", "KILL"}}) == 500);
    CHECK(bench.ask(feature, "stopWithOptions", "a3", {{"timeout", 1.5}}) == 400);
    bench.engine.make_stubborn(bench.engine_id(id));
    CHECK(bench.ask(feature, "stopWithOptions", "a4", {{"timeout", 1}, {"signal", "SIGINT"}}) == 500);
    CHECK(bench.engine.last_stop().signal == "SIGINT");
    CHECK(bench.engine.last_stop().grace == std::chrono::seconds(1));
    CHECK_FALSE(bench.engine.last_stop().force);
    CHECK(bench.state(id)["status"] == "RUNNING");
    CHECK(bench.engine.policy_of(bench.engine_id(id)) == "unless-stopped");
    CHECK(bench.ask(feature, "stopWithOptions", "a5", json::object()) == 500);
    CHECK(bench.engine.last_stop().signal.empty());
    CHECK(bench.engine.last_stop().grace == TwinBench::kStopTimeout);
    CHECK(bench.ask(feature, "stopWithOptions", "a6", {{"timeout", 1}, {"force", true}}) == 204);
    CHECK(bench.says(feature + " state STOPPED"));
    CHECK(bench.engine.policy_of(bench.engine_id(id)) == "no");  // it stays down
}

TEST_CASE("a plain stop kills nobody", "[TW-41][service]") {
    Started bench;
    const auto id = bench.run("web");
    bench.engine.make_stubborn(bench.engine_id(id));
    CHECK(bench.ask("Container:" + id, "stop", "a1") == 500);
    CHECK(bench.engine.containers().at(0).state.status == Status::Running);
    CHECK(bench.engine.policy_of(bench.engine_id(id)) == "unless-stopped");
    CHECK(bench.said_of(id).empty());
}

TEST_CASE("what outlives a stop without force is started once when it ends",
          "[CM-16][TW-42][TW-69][service]") {
    Started bench;
    const auto id = bench.run("web");
    const auto feature = "Container:" + id;
    bench.engine.make_stubborn(bench.engine_id(id));
    REQUIRE(bench.ask(feature, "stopWithOptions", "a1", {{"timeout", 1}}) == 500);
    bench.engine.take_deeds();
    for (const auto& deeds : {Words{"start app:1"}, Words{}}) {  // then the engine does it again
        bench.engine.end_process(bench.engine_id(id), 3);
        REQUIRE(bench.says(feature + " state RUNNING"));
        CHECK(bench.said_of(id) == Words{"Container: state EXITED", "Container: state RUNNING"});
        CHECK(bench.engine.take_deeds() == deeds);
    }
}

TEST_CASE("rename changes the name and nothing else", "[TW-44][TW-70][service]") {
    Started bench;
    const auto id = bench.run("web");
    const auto feature = "Container:" + id;
    CHECK(bench.ask(feature, "rename", "a1", "shop") == 204);
    REQUIRE(bench.says(feature + " name shop"));
    CHECK(bench.ask(feature, "rename", "a2", "shop") == 204);
    CHECK(bench.ask(feature, "rename", "a3", "") == 204);
    CHECK(bench.ask(feature, "rename", "a4", "no blanks") == 500);
    CHECK(bench.said_of(id) == Words{"Container: name shop"});
    CHECK(bench.cloud.status(feature)["config"]["hostName"] == "web-host");
    CHECK(eventually([&] { return bench.engine.named("shop").has_value(); }));
}

TEST_CASE("remove needs force while it runs", "[TW-45][TW-71][service]") {
    Started bench;
    const auto id = bench.run("web");
    const auto feature = "Container:" + id;
    CHECK(bench.ask(feature, "remove", "a1") == 500);
    CHECK(bench.ask(feature, "remove", "a2", false) == 500);
    CHECK(bench.ask(feature, "remove", "a3", true) == 204);
    REQUIRE(bench.says("-" + feature));
    CHECK(bench.said_of(id) == Words{"Container: state STOPPED", "Container: state DEAD", "-Container:"});
    CHECK(bench.ask(feature, "remove", "a4", true) == 400);
    CHECK(bench.engine.containers().empty());
    CHECK(bench.cloud.status("SoftwareUpdatable")["installedDependencies"].is_null());

    const auto paused = bench.run("paused");
    REQUIRE(bench.ask("Container:" + paused, "pause", "c1") == 204);
    CHECK(bench.ask("Container:" + paused, "remove", "c2") == 500);
    CHECK(bench.engine.containers().size() == 1);
    CHECK(bench.ask("Container:" + paused, "remove", "c3", true) == 204);

    const auto idle = bench.create("b1", {{"imageRef", "app:1"}});
    CHECK(bench.ask("Container:" + idle, "remove", "b2") == 204);
    REQUIRE(bench.says("-Container:" + idle));
}

TEST_CASE("update replaces what is given", "[TW-46][TW-70][service]") {
    Started bench;
    const auto id = bench.run("web", {{"resources", {{"memory", "64M"}, {"memoryReservation", "32M"}}}});
    const auto feature = "Container:" + id;
    const auto config = [&] { return bench.cloud.status(feature)["config"]; };
    CHECK(config()["resources"]["memorySwap"] == "128M");
    CHECK(bench.ask(feature, "update", "a1", {{"resources", {{"memory", "96M"}}}}) == 204);
    REQUIRE(bench.says(feature + " config"));
    CHECK(config()["resources"] == json({{"memory", "96M"}}));
    CHECK(bench.engine.limits_of(bench.engine_id(id)) == Resources{"96M", "", "-1"});
    CHECK(config()["restartPolicy"] == json({{"type", "UNLESS_STOPPED"}}));
    CHECK(bench.ask(feature, "update", "a2", {{"resources", {{"memory", "96M"}}}}) == 204);
    CHECK(bench.ask(feature, "update", "a3", json::object()) == 204);
    CHECK(bench.said_of(id) == Words{"Container: config"});
    CHECK(bench.ask(feature, "update", "a4",
                    {{"restartPolicy", {{"type", "ON_FAILURE"}, {"maxRetryCount", 3}}}}) == 204);
    CHECK(config()["restartPolicy"] == json({{"maxRetryCount", 3}, {"type", "ON_FAILURE"}}));
    CHECK(bench.engine.policy_of(bench.engine_id(id)) == "on-failure");
    CHECK(bench.ask(feature, "update", "a5", {{"restartPolicy", {{"type", "MAYBE"}}}}) == 500);
    CHECK(bench.ask(feature, "update", "a6", {{"resources", {{"memory", "1M"}}}}) == 500);
    CHECK(bench.ask(feature, "update", "a7", {{"resources", json::object()}}) == 204);
    CHECK_FALSE(config().contains("resources"));
}

TEST_CASE("of two updates at once each changes its own part", "[TW-46][TW-79][service]") {
    Started bench;
    const auto id = bench.run("web");
    const auto feature = "Container:" + id;
    // On the loop, both are taken before the engine has answered the first.
    const auto at_once = [&](const std::string& request, const json& first, const json& second) {
        bench.station().on_loop([&] {
            bench.command(feature, "update", request + "1", first);
            bench.command(feature, "update", request + "2", second);
        });
        CHECK(bench.answered(request + "1") == 204);
        CHECK(bench.answered(request + "2") == 204);
        bench.settle();
    };
    at_once("a", {{"resources", {{"memory", "64M"}}}}, {{"restartPolicy", {{"type", "ALWAYS"}}}});
    CHECK(bench.cloud.status(feature)["config"]["resources"] == json({{"memory", "64M"}}));
    CHECK(bench.cloud.status(feature)["config"]["restartPolicy"] == json({{"type", "ALWAYS"}}));
    CHECK(bench.engine.limits_of(bench.engine_id(id)).memory == "64M");
    CHECK(bench.engine.policy_of(bench.engine_id(id)) == "always");
    at_once("b", {{"resources", {{"memory", "96M"}}}}, {{"resources", {{"memory", "64M"}}}});
    CHECK(bench.cloud.status(feature)["config"]["resources"] == json({{"memory", "64M"}}));
    CHECK(bench.engine.limits_of(bench.engine_id(id)).memory == "64M");
}

TEST_CASE("an end of its own is none that was asked for, even if one waits to be",
          "[TW-41][TW-69][service]") {
    Started bench;
    const json once = {{"restartPolicy", {{"type", "NO"}}}};
    std::vector<std::string> slow;
    for (const char* name : {"a", "b", "c", "d"}) {  // as many as stop at the same time
        slow.push_back(bench.run(name, once));
        bench.engine.make_stubborn(bench.engine_id(slow.back()));
    }
    const auto id = bench.run("web", once);
    const auto stops = bench.engine.calls(Verb::Stop);
    for (const auto& other : slow)
        bench.command("Container:" + other, "stopWithOptions", "slow-" + other, {{"timeout", 2}});
    REQUIRE(bench.engine.await_calls(Verb::Stop, stops + 4));
    bench.command("Container:" + id, "stop", "late");
    bench.settle();
    bench.engine.end_process(bench.engine_id(id), 3);
    CHECK(bench.answered("late") == 500);
    CHECK_THAT(bench.error_of("late"), ContainsSubstring("is not running"));
    CHECK(bench.said_of(id) == Words{"Container: state EXITED"});
    CHECK(bench.state(id)["exitCode"] == 3);
}

TEST_CASE("a command that comes twice is done once", "[TW-80][service]") {
    Started bench;
    const auto topic = bench.cloud.command_topic("r1", "create");
    const auto payload = bench.cloud.command("ContainerFactory", "create", "same", {{"imageRef", "app:1"}});
    bench.tell(topic, payload);
    bench.tell(topic, payload, true);
    bench.require([&] { return bench.cloud.answers("r1") == 1; });
    bench.settle();
    CHECK(bench.engine.containers().size() == 1);
    bench.tell(topic, payload);  // again, and on purpose
    bench.require([&] { return bench.cloud.answers("r1") == 2; });
    CHECK(bench.engine.containers().size() == 2);
    // The same correlation id for another operation is no copy, whatever the flag says.
    bench.tell(bench.cloud.command_topic("r2", "createWithConfig"),
               bench.cloud.command("ContainerFactory", "createWithConfig", "same", {{"imageRef", "app:1"}}),
               true);
    bench.require([&] { return bench.cloud.answers("r2") == 1; });
    CHECK(bench.engine.containers().size() == 3);
}

TEST_CASE("copies of the last 64 commands are known", "[TW-80][service]") {
    Started bench;
    const auto start = [&](const std::string& request, bool duplicate = false) {
        bench.tell(bench.cloud.command_topic(request, "start"),
                   bench.cloud.command("Container:none", "start", request), duplicate);
    };
    start("first");
    for (int i = 0; i < 63; ++i)
        start("r" + std::to_string(i));
    start("first", true);
    bench.settle();
    CHECK(bench.cloud.answers("first") == 1);
    start("r63");
    start("first", true);
    bench.settle();
    CHECK(bench.cloud.answers("first") == 2);
    CHECK(bench.cloud.answers("r0") == 1);
}

TEST_CASE("past the bound of waiting commands the answer is a failure", "[TW-79][service]") {
    Started bench;
    bench.engine.put_in_registry("far:1");
    bench.engine.hang_pulls(true);
    for (int i = 0; i < 300; ++i)
        bench.command("ContainerFactory", "create", "m" + std::to_string(i), {{"imageRef", "far:1"}});
    bench.require([&] { return bench.cloud.all_answers().size() == 44; });
    CHECK(bench.answered("m299") == 500);
    CHECK_THAT(bench.error_of("m299"), ContainsSubstring("too many"));
    bench.engine.hang_pulls(false);
    CHECK(bench.answered("m0") == 200);
}

TEST_CASE("a command of which a flood leaves only the beginning is answered", "[TW-79][service]") {
    Started bench;
    const auto tell = [&](const std::string& request, const std::string& payload) {
        service::Message message{};
        message.topic = bench.cloud.command_topic(request, "create");
        message.payload = payload;
        bench.station().deliver_too_many(std::move(message));
        return bench.answered(request);
    };
    const std::string value = R"("value":{"imageRef":")" + std::string(8192, 'x') + "\"}}";
    CHECK(
        tell(
            "r1",
            R"({"topic":"acme.fleet/x/things/live/messages/create","path":"/features/F/inbox/messages/create",)"
            R"("headers":{"correlation-id":"c-1","response-required":true},)" +
                value) == 500);
    CHECK(bench.cloud.answer("r1")->envelope["headers"]["correlation-id"] == "c-1");
    CHECK(tell("r2", "{" + value) == 500);  // its headers are gone
    CHECK(bench.cloud.answer("r2")->envelope["topic"] == "unknown/unknown/things/twin/errors");
    CHECK_THAT(bench.error_of("r2"), ContainsSubstring("too many"));
}

TEST_CASE("a command that is too large is told so, however it was stopped", "[TW-81][service]") {
    service::ThingsConfig config{};
    config.max_command_bytes = 16 * 1024;
    Started bench(std::move(config));
    const auto command = [&](const std::string& request, std::size_t bytes) {
        service::Message message{};
        message.topic = bench.cloud.command_topic(request, "create");
        message.payload = bench.cloud.command("ContainerFactory", "create", request,
                                              {{"imageRef", "app:1"}, {"ballast", std::string(bytes, 'x')}});
        return message;
    };
    const auto is_told = [&](const std::string& request, const service::Message& message) {
        REQUIRE(bench.answered(request) == 400);
        const auto envelope = bench.cloud.answer(request)->envelope;
        CHECK(envelope["topic"] == "unknown/unknown/things/twin/errors");
        CHECK(envelope["value"]["error"] == "messages:parameter.invalid");
        CHECK(envelope["value"]["message"] == "$: " + std::to_string(message.payload.size()) +
                                                  " bytes are too many; at most 16384 are accepted");
    };
    const auto whole = command("whole", 20'000);
    bench.station().deliver(whole);
    is_told("whole", whole);
    const auto cut = command("cut", 20'000);  // so large that the inbox has no room for it
    bench.station().deliver_too_many(cut);
    is_told("cut", cut);
    auto kept_by_broker = command("retained", 20'000);  // it would be answered with every connect
    kept_by_broker.retained = true;
    bench.station().deliver_too_many(kept_by_broker);
    bench.station().deliver_too_many(command("later", 8'000));
    CHECK(bench.answered("later") == 500);
    CHECK_FALSE(bench.cloud.answer("retained").has_value());
    CHECK(bench.engine.containers().empty());
}

TEST_CASE("four are made at the same time", "[TW-79][service]") {
    Started bench;
    bench.engine.put_in_registry("far:1");
    bench.engine.hang_pulls(true);
    const auto far = [&](const std::string& request) {
        bench.command("ContainerFactory", "create", request, {{"imageRef", "far:1"}});
    };
    for (const char* request : {"f1", "f2", "f3"})
        far(request);
    CHECK(bench.ask("ContainerFactory", "create", "r1", {{"imageRef", "app:1"}}) == 200);
    far("f4");
    // Once to see whether there is room, and for what is missing once more before its pull.
    constexpr int kAsked = 4 * 2 + 1;
    REQUIRE(bench.engine.await_calls(Verb::ImagePresent, kAsked));
    bench.command("ContainerFactory", "create", "r2", {{"imageRef", "app:1"}});
    bench.settle();
    CHECK(bench.engine.calls(Verb::ImagePresent) == kAsked);  // it waits
    CHECK_FALSE(bench.cloud.answer("r2"));
    bench.engine.hang_pulls(false);
    for (const char* request : {"f1", "f2", "f3", "f4", "r2"})
        CHECK(bench.answered(request) == 200);
}

TEST_CASE("commands for one container keep their order", "[TW-79][service]") {
    Started bench;
    const auto id = bench.run("web");
    const auto feature = "Container:" + id;
    for (int i = 0; i < 10; ++i) {
        bench.command(feature, "stop", "s" + std::to_string(i));
        bench.command(feature, "start", "t" + std::to_string(i));
    }
    for (int i = 0; i < 10; ++i) {
        CHECK(bench.answered("s" + std::to_string(i)) == 204);
        CHECK(bench.answered("t" + std::to_string(i)) == 204);
    }
}

TEST_CASE("what an open update holds is not changed by the cloud", "[UA-67][service]") {
    service::UpdateAgentConfig agent{};
    agent.apply_mode = service::ApplyMode::Command;
    Started bench({}, agent);
    const auto desire = [&](const std::string& activity, const std::string& image) {
        bench.station().desire(
            R"({"activityId":")" + activity +
            R"(","payload":{"domains":[{"id":"containers","components":[{"id":"web","version":"1",)"
            R"("config":[{"key":"image","value":")" +
            image +
            R"("}]},{"id":"same","version":"1",)"
            R"("config":[{"key":"image","value":"app:1"}]}]}]}})");
        REQUIRE(bench.station().says(activity, "IDENTIFIED"));
    };
    const auto web = bench.run("web");
    const auto same = bench.run("same");
    desire("act-1", "app:2");
    CHECK(bench.ask("Container:" + web, "stop", "a1") == 500);
    CHECK_THAT(bench.error_of("a1"), ContainsSubstring("act-1"));
    CHECK(bench.ask("Container:" + same, "pause", "a2") == 204);
    bench.station().command("act-1", "DOWNLOAD");
    REQUIRE(bench.station().says("act-1", "DOWNLOAD_SUCCESS"));
    bench.require([&] { return bench.cloud.containers().size() == 3; });  // the staged one is visible
    for (const auto& id : bench.cloud.containers())
        if (id != web && id != same) CHECK(bench.ask("Container:" + id, "remove", "a3", true) == 500);
    bench.station().command("act-1", "CLEANUP");
    REQUIRE(bench.station().says("act-1", "INCOMPLETE"));
    CHECK(bench.ask("Container:" + web, "stop", "a4") == 204);
}

TEST_CASE("what waited for its turn is not done to what an update holds by then", "[UA-67][service]") {
    service::UpdateAgentConfig agent{};
    agent.apply_mode = service::ApplyMode::Command;
    Started bench({}, agent);
    const auto web = bench.run("web");
    const auto feature = "Container:" + web;
    bench.engine.make_stubborn(bench.engine_id(web));
    bench.command(feature, "stopWithOptions", "a1", {{"timeout", 3}});
    bench.command(feature, "remove", "a2", true);
    bench.station().desire(
        R"({"activityId":"act-1","payload":{"domains":[{"id":"containers","components":[{"id":"web",)"
        R"("version":"1","config":[{"key":"image","value":"app:2"}]}]}]}})");
    REQUIRE(bench.station().says("act-1", "IDENTIFIED"));
    REQUIRE_FALSE(bench.cloud.answer("a1"));
    CHECK(bench.answered("a1") == 500);  // it still runs
    CHECK(bench.answered("a2") == 500);
    CHECK_THAT(bench.error_of("a2"), ContainsSubstring("act-1"));
    CHECK(bench.engine.containers().size() == 1);
    CHECK(bench.state(web)["status"] == "RUNNING");
}
