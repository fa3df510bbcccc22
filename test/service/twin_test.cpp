// Who the device is, what the cloud is shown, what is remembered.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "protocol/digest.hpp"
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

Container there(const std::string& id, const std::string& created, Status status = Status::Running) {
    auto made = container(spec(id, "app:1"), status);
    made.spec.id = id;
    made.engine_id.clear();
    made.engine_name = id;
    made.state.created = created;
    if (status == Status::Running) {
        made.state.started_at = created;
        made.state.pid = 99;
    }
    return made;
}

// The cloud is shown the container web, and after so long what it lacks.
struct WebShown : TwinBench {
    explicit WebShown(std::chrono::milliseconds sync_pause) : TwinBench(syncing(sync_pause)) {
        engine.put(there("web", "2025-01-01T00:00:00Z"));
        start();
        connect();
        cloud.take_said();
    }
    static service::ThingsConfig syncing(std::chrono::milliseconds pause) {
        service::ThingsConfig config{};
        config.sync_pause = pause;
        return config;
    }
};

std::string thing_file(const TwinBench& bench) {
    return (bench.home.path() / "things" / "sup_back_acme.fleet_gw_truck-7_edge_containers.json").string();
}

void write(const std::string& file, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file) << text;
}

bool becomes(const std::string& file, const std::string& text) {
    return eventually([&] { return std::filesystem::exists(file) && read_file(file) == text; });
}

}  // namespace

TEST_CASE("the cloud is told all, in order, once it is known who we are",
          "[TW-04][TW-05][TW-07][TW-12][TW-67][TW-76][service]") {
    TwinBench bench;
    bench.engine.put(there("a-younger", "2025-01-02T00:00:00Z"));
    bench.engine.put(there("b-older", "2025-01-01T00:00:00Z", Status::Created));
    bench.start();
    bench.station().await_ready();
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 1; });
    bench.settle();
    CHECK(bench.cloud.said().empty());
    CHECK(bench.station().link.subscribed().empty());

    bench.introduce(bench.cloud);
    CHECK(bench.cloud.said() == Words{"+SoftwareUpdatable", "+Container:b-older", "+Container:a-younger",
                                      "+ContainerFactory", "+Metrics"});
    CHECK(bench.cloud.complaints().empty());
    CHECK(bench.cloud.status("Container:a-younger")["state"]["status"] == "RUNNING");
    CHECK(bench.cloud.status("Container:b-older")["state"]["status"] == "CREATED");
    CHECK(bench.cloud.status("SoftwareUpdatable")["installedDependencies"].size() == 2);
    for (const auto& publication : bench.station().link.all()) {
        CHECK(publication.qos == 1);
        CHECK((publication.topic == "containersupdate/currentstate" || !publication.retain));
    }
}

TEST_CASE("an answer that was there before the question counts", "[TW-05][TW-06][service]") {
    TwinBench bench;
    bench.engine.put(there("web", "2025-01-01T00:00:00Z"));
    bench.engine.hang_lists(true);
    bench.start();
    bench.station().reach_broker();
    bench.tell("edge/thing/response", bench.cloud.edge_response());  // retained: it comes with the SUBACK
    bench.station().connect_broker();
    bench.settle();
    CHECK(bench.cloud.said().empty());
    bench.engine.hang_lists(false);
    REQUIRE(bench.says("+Metrics"));
    CHECK(bench.asked() == 1);
    CHECK(bench.cloud.has("Container:web"));
    CHECK(bench.until([&] { return bench.is_subscribed(bench.cloud.command_filter()); }));
}

TEST_CASE("an answer of the connection before is not believed", "[TW-12][service]") {
    TwinBench bench;
    bench.start();
    bench.station().await_ready();
    bench.station().reach_broker();  // and lost before it was ready
    bench.tell("edge/thing/response", bench.cloud.edge_response());
    bench.station().reach_broker();
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 1; });
    bench.settle();
    CHECK(bench.cloud.said().empty());

    bench.introduce(bench.cloud);
    bench.cloud.take_said();
    bench.station().lose_broker();
    bench.tell("edge/thing/response", bench.cloud.edge_response());  // had been waiting for the loop
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 2; });
    bench.settle();
    CHECK(bench.cloud.said().empty());
}

TEST_CASE("commands are taken when the cloud has it all", "[TW-07][service]") {
    TwinBench bench;
    bench.start();
    bench.station().await_ready();
    bench.station().link.set_broker(false);
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 1; });
    bench.tell("edge/thing/response", bench.cloud.edge_response());
    bench.require([&] { return bench.cloud.said().size() == 3; });
    bench.settle();
    CHECK(bench.station().link.subscribed().empty());
}

TEST_CASE("who this device is, is asked for until somebody says it", "[TW-05][service]") {
    service::ThingsConfig config{};
    config.sync_pause = std::chrono::milliseconds(50);
    const CapturedLog log;
    TwinBench bench(config);
    bench.start();
    bench.station().await_ready();
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 3; });
    CHECK(log.count("nobody says on 'edge/thing/response' who this device is") == 1);
    bench.introduce(bench.cloud);
    const auto asked = bench.asked();
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    CHECK(bench.asked() == asked);
}

TEST_CASE("the handshake comes through a flood either way", "[TW-05][TW-12][service]") {
    service::ThingsConfig config{};
    config.sync_pause = std::chrono::milliseconds(50);
    TwinBench bench(config);
    bench.start();
    bench.station().await_ready();
    bench.station().link.drop_next(R"("headers":null)");
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 1; });
    CHECK(bench.station().link.dropped(service::Importance::Twin) == 1);
    service::Message response{};
    response.topic = "edge/thing/response";
    response.payload = bench.cloud.edge_response();
    bench.station().deliver_too_many(response);
    CHECK(bench.until([&] { return bench.is_subscribed(bench.cloud.command_filter()); }));
}

TEST_CASE("only what is configured is shown", "[TW-02][service]") {
    service::ThingsConfig none{};
    none.features = {"containerfactory", "Other"};
    TwinBench bench(none);
    bench.engine.put(there("web", "2025-01-01T00:00:00Z"));
    bench.start();
    bench.connect();
    CHECK(bench.cloud.features().empty());
    CHECK(bench.ask("ContainerFactory", "create", "r1", {{"imageRef", "app:1"}}) == 400);
    CHECK(bench.ask("Container:web", "stop", "r2") == 400);

    service::ThingsConfig some{};
    some.features = {"Metrics"};
    TwinBench other(some);
    other.start();
    other.connect();
    CHECK(other.cloud.said() == Words{"+Metrics"});
}

TEST_CASE("commands are taken on each connection, also where nothing is shown", "[TW-02][TW-07][service]") {
    service::ThingsConfig none{};
    none.features = {};
    TwinBench bench(none);
    bench.start();
    bench.connect();
    bench.station().lose_broker();
    bench.settle();
    REQUIRE(bench.station().link.subscribed().empty());
    bench.station().reach_broker();
    bench.tell("edge/thing/response", bench.cloud.edge_response());  // retained
    bench.station().connect_broker();
    REQUIRE(bench.until([&] { return bench.is_subscribed(bench.cloud.command_filter()); }));
    CHECK(bench.ask("ContainerFactory", "create", "r1", {{"imageRef", "app:1"}}) == 400);
}

TEST_CASE("commands are taken also where the last that is shown is settled as the link becomes ready",
          "[TW-07][service]") {
    TwinBench bench;
    bench.start();
    bench.connect();
    bench.station().lose_broker();
    bench.settle();
    REQUIRE(bench.station().link.subscribed().empty());
    bench.station().reach_broker();
    bench.tell("edge/thing/response", bench.cloud.edge_response());  // retained
    bench.station().connect_broker();
    CHECK(bench.until([&] { return bench.is_subscribed(bench.cloud.command_filter()); }));
}

TEST_CASE("a repeated answer changes nothing, unless it is asked for", "[TW-08][service]") {
    TwinBench bench;
    bench.start();
    bench.connect();
    const auto before = bench.cloud.said().size();
    bench.tell("edge/thing/response", bench.cloud.edge_response());
    bench.settle();
    CHECK(bench.cloud.said().size() == before);

    service::ThingsConfig config{};
    config.resync_on_repeat = true;
    TwinBench eager(config);
    eager.start();
    eager.connect();
    eager.cloud.take_said();
    for (int i = 0; i < 3; ++i)
        eager.tell("edge/thing/response", eager.cloud.edge_response());
    eager.settle();
    CHECK(eager.cloud.said().size() == 3);  // once
}

TEST_CASE("a repeated answer says all again once its pause is over, even if others came meanwhile",
          "[TW-08][service]") {
    service::ThingsConfig config{};
    CHECK(config.repeat_pause == std::chrono::seconds(5));
    config.resync_on_repeat = true;
    config.repeat_pause = std::chrono::milliseconds(200);
    TwinBench bench(config);
    bench.start();
    bench.connect();
    bench.cloud.take_said();
    const auto repeat = [&bench] {
        bench.tell("edge/thing/response", bench.cloud.edge_response());
        bench.settle();
        return bench.cloud.said().size();
    };
    const auto begin = std::chrono::steady_clock::now();
    REQUIRE(repeat() == 3);
    REQUIRE(eventually([&] { return repeat() > 3; }));
    CHECK(bench.cloud.said().size() == 6);
    CHECK(std::chrono::steady_clock::now() - begin >= config.repeat_pause);
}

TEST_CASE("another policy says all again, another device moves the twin", "[TW-09][TW-10][service]") {
    const CapturedLog log;
    TwinBench bench;
    bench.start();
    bench.connect();
    bench.cloud.take_said();
    auto response = json::parse(bench.cloud.edge_response());
    response["policyId"] = "another:policy";
    bench.tell("edge/thing/response", response.dump());
    CHECK(bench.says("+Metrics"));
    CHECK(bench.station().link.subscribed() == Words{bench.cloud.command_filter()});
    CHECK(bench.station().link.unsubscribed().empty());

    bench.cloud.take_said();
    Cloud moved("acme.fleet:gw:truck-8", "other");
    bench.tell("edge/thing/response", moved.edge_response());
    bench.require([&] { return bench.is_subscribed(moved.command_filter()); });
    CHECK(bench.station().link.subscribed() == Words{moved.command_filter()});
    CHECK(bench.cloud.said().empty());  // the old thing keeps what it has
    // What is told of the thing that we were is no matter.
    for (const std::string action : {"deleted", "created"})
        bench.tell(bench.cloud.command_topic("", action), R"({"path":"/"})");
    bench.settle();
    CHECK_FALSE(log.contains("made anew in the cloud"));
    for (const auto& publication : bench.station().link.all())
        moved.hear(publication.topic, publication.payload);
    CHECK(moved.said() == Words{"+SoftwareUpdatable", "+ContainerFactory", "+Metrics"});
}

TEST_CASE("whoever asks the thing that we were is told that it is not here", "[TW-10][TW-23][service]") {
    TwinBench bench;
    bench.start();
    bench.connect();
    const Cloud moved("acme.fleet:gw:truck-8");
    const json create = {{"imageRef", "app:1"}};
    const auto refused = [&](const Cloud& asking, const std::string& request) {
        const auto asked = asking.command_topic(request, "create");
        const auto thing = asked.substr(0, asked.find("/req/"));
        return bench.station().link.await([&](const auto& all) {
            return std::any_of(all.begin(), all.end(), [&](const service::Publication& one) {
                return one.topic == thing + "/res/" + request + "/404";
            });
        });
    };
    bench.tell("edge/thing/response", moved.edge_response());
    bench.require([&] { return bench.is_subscribed(moved.command_filter()); });
    // The broker may send some until it has ended the subscription.
    bench.command("ContainerFactory", "create", "r1", create);
    CHECK(refused(bench.cloud, "r1"));
    bench.tell(bench.cloud.command_topic("r2", "create"),
               moved.command("ContainerFactory", "create", "r2", create));
    CHECK(refused(bench.cloud, "r2"));

    // Or it was kept for us, and then we are another one.
    bench.station().lose_broker();
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 2; });
    bench.tell(moved.command_topic("r3", "create"),
               moved.command("ContainerFactory", "create", "r3", create));
    bench.introduce(bench.cloud);
    CHECK(refused(moved, "r3"));
    bench.require([&] { return bench.is_subscribed(bench.cloud.command_filter()); });
    bench.settle();
    CHECK(bench.station().link.unsubscribed().back() == moved.command_filter());  // a session has it still
    CHECK(bench.engine.containers().empty());
}

TEST_CASE("what the cloud says that it has takes no command's room while it is not known who we are",
          "[TW-28][service]") {
    TwinBench bench;
    bench.start();
    bench.connect();
    bench.station().lose_broker();
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 2; });
    for (int i = 0; i < 300; ++i)  // more than wait
        bench.tell(bench.cloud.command_topic("", "modified"), R"({"path":"/features/Metrics"})");
    bench.command("ContainerFactory", "create", "r1", {{"imageRef", "app:1"}});
    bench.introduce(bench.cloud);
    CHECK(bench.answered("r1") == 200);
}

TEST_CASE("an answer that makes no sense changes nothing", "[TW-11][service]") {
    TwinBench bench;
    bench.start();
    bench.connect();
    bench.cloud.take_said();
    for (const char* bad : {"", "{", R"({"deviceId":"nocolon","tenantId":"t"})", R"({"deviceId":1})"})
        bench.tell("edge/thing/response", bad);
    bench.settle();
    CHECK(bench.cloud.said().empty());
    CHECK(bench.station().link.subscribed() == Words{bench.cloud.command_filter()});
    CHECK(bench.create("r1", {{"imageRef", "app:1"}}) != "");
}

TEST_CASE("after a lost connection nothing is said until it is known who we are", "[TW-12][service]") {
    TwinBench bench;
    const auto web = bench.engine.put(there("web", "2025-01-01T00:00:00Z"));
    bench.start();
    bench.connect();
    bench.cloud.take_said();
    bench.station().link.set_broker(false);
    REQUIRE(bench.ask("Container:web", "pause", "r1") == 204);
    REQUIRE(bench.says("Container:web state PAUSED"));
    CHECK(bench.station().link.waiting(service::Importance::Twin) == 1);
    bench.station().lose_broker();
    bench.settle();
    CHECK(bench.station().link.waiting(service::Importance::Twin) == 0);  // it is older than what comes
    bench.station().broker_comes();
    bench.cloud.take_said();
    bench.engine.end_process(web, 3);
    bench.settle();
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 2; });
    bench.settle();
    CHECK(bench.cloud.said().empty());
    const auto arrived_answers = [&] {
        std::ptrdiff_t count = 0;
        bench.station().link.await_arrived([&count](const std::vector<service::Publication>& all) {
            count = std::count_if(all.begin(), all.end(), [](const service::Publication& one) {
                return one.topic.starts_with("command//");
            });
            return true;
        });
        return count;
    };
    CHECK(arrived_answers() == 0);
    bench.tell("edge/thing/response", bench.cloud.edge_response());
    CHECK(bench.says("+Metrics"));
    CHECK(bench.cloud.said().front() == "+SoftwareUpdatable");
    CHECK(arrived_answers() == 1);
}

TEST_CASE("the newest answers wait for the connection, as many as there is room for", "[TW-12][service]") {
    TwinBench bench;
    bench.is_remote = true;
    bench.start();
    bench.connect();
    bench.station().link.set_broker(false);
    for (int i = 0; i < 12; ++i) {
        const auto request = "r" + std::to_string(i);
        const json headers = {{"correlation-id", std::string(512 * 1024, 'x')}, {"response-required", true}};
        bench.tell(bench.cloud.command_topic(request, "start"),
                   bench.cloud.command_with("Container:none", "start", headers));
    }
    bench.settle();
    CHECK(bench.station().link.waiting(service::Importance::Feedback) == 12);
    bench.station().lose_broker();
    bench.settle();
    bench.station().broker_comes();
    CHECK(bench.cloud.all_answers().empty());
    bench.cloud.take_said();
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 2; });
    bench.tell("edge/thing/response", bench.cloud.edge_response());
    REQUIRE(bench.says("+Metrics"));
    CHECK(bench.cloud.all_answers().size() == 7);  // of half a MiB and a little more each
    CHECK_FALSE(bench.cloud.answer("r4").has_value());
    CHECK(bench.cloud.answer("r5").has_value());
    CHECK(bench.cloud.answer("r11").has_value());
}

TEST_CASE("an answer that waited for the connection is not given once we are another thing",
          "[TW-10][TW-12][service]") {
    TwinBench bench;
    bench.is_remote = true;
    bench.start();
    bench.connect();
    bench.station().link.set_broker(false);
    bench.command("Container:none", "start", "r1");
    bench.settle();
    REQUIRE(bench.station().link.waiting(service::Importance::Feedback) == 1);
    bench.station().lose_broker();
    bench.station().broker_comes();
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 2; });
    bench.other.emplace("acme.fleet:gw:truck-8");
    bench.introduce(*bench.other);
    bench.settle();
    CHECK(bench.cloud.all_answers().empty());
    CHECK(bench.other->all_answers().empty());
}

TEST_CASE("commands that come with the connection wait until all has been said", "[TW-07][TW-12][service]") {
    TwinBench bench;
    const auto web = bench.engine.put(there("web", "2025-01-01T00:00:00Z"));
    bench.start();
    bench.connect();
    bench.station().lose_broker();
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 2; });
    bench.cloud.take_said();
    bench.command("Container:web", "stop", "r1");
    bench.command("Container:web", "start", "r2");
    for (int i = 0; i < 300; ++i)
        bench.command("Container:none", "start", "m" + std::to_string(i));
    bench.settle();
    CHECK(bench.engine.calls(Verb::Stop) == 0);
    CHECK(bench.cloud.all_answers().empty());
    bench.tell("edge/thing/response", bench.cloud.edge_response());
    CHECK(bench.answered("r1") == 204);
    CHECK(bench.answered("r2") == 204);
    CHECK(bench.cloud.said().front() == "+SoftwareUpdatable");
    CHECK(bench.engine.calls(Verb::Stop) == 1);
    CHECK(bench.answered("m0") == 400);
    CHECK(bench.answered("m299") == 500);  // more than are kept
    CHECK(bench.cloud.all_answers().size() == 302);
}

TEST_CASE("what ends by itself, or behind our back, is told at once", "[TW-69][TW-73][service]") {
    TwinBench bench;
    auto record = there("web", "2025-01-01T00:00:00Z");
    record.spec.restart.type = "no";
    const auto web = bench.engine.put(record);
    bench.start();
    bench.connect();
    bench.cloud.take_said();
    bench.engine.end_process(web, 3);
    REQUIRE(bench.says("Container:web state EXITED"));
    CHECK(bench.cloud.said() == Words{"Container:web state EXITED"});
    const auto state = bench.cloud.status("Container:web")["state"];
    CHECK(state["exitCode"] == 3);
    CHECK(state["pid"] == -1);
    CHECK(state.contains("finishedAt"));

    bench.cloud.take_said();
    REQUIRE(bench.engine.start(web, {}));  // as with docker start
    REQUIRE(bench.says("Container:web state RUNNING"));
    CHECK(bench.cloud.status("Container:web")["state"]["pid"].get<int>() > 0);
    CHECK(bench.cloud.status("Container:web")["state"].contains("finishedAt"));
    REQUIRE(bench.engine.stop(web, {}, {}));
    REQUIRE(bench.says("Container:web state STOPPED"));
    CHECK(bench.cloud.said() == Words{"Container:web state RUNNING", "Container:web state STOPPED"});
}

TEST_CASE("a process that the engine did not tell of in time is asked for again", "[TW-35][TW-69][service]") {
    TwinBench bench;
    const auto web = bench.engine.put(there("web", "2025-01-01T00:00:00Z", Status::Created));
    bench.start();
    bench.connect();
    bench.engine.fail_next(Verb::Inspect, fail(Errc::Timeout, "no answer"));
    REQUIRE(bench.engine.start(web, {}));
    CHECK(bench.until([&] {
        auto state = bench.cloud.status("Container:web")["state"];
        return state["status"] == "RUNNING" && state["pid"].get<int>() > 0;
    }));
}

TEST_CASE("a container that restarts by its policy is seen to end and to run", "[TW-69][TW-73][service]") {
    TwinBench bench;
    auto record = there("web", "2025-01-01T00:00:00Z");
    record.spec.restart.type = "always";
    const auto web = bench.engine.put(record);
    bench.start();
    bench.connect();
    bench.cloud.take_said();
    bench.engine.end_process(web, 1);
    REQUIRE(bench.says("Container:web state RUNNING"));
    CHECK(bench.cloud.said() == Words{"Container:web state EXITED", "Container:web state RUNNING"});
}

TEST_CASE("after a restart of the engine the cloud sees what runs now", "[TW-35][TW-69][service]") {
    TwinBench bench;
    auto record = there("web", "2025-01-01T00:00:00Z");
    record.spec.restart.type = "always";
    const auto web = bench.engine.put(record);
    const auto same = bench.engine.put(there("same", "2025-01-02T00:00:00Z"));
    bench.start();
    bench.connect();
    bench.cloud.take_said();
    // It stops its containers as a person would, and has started them again before anybody can ask.
    REQUIRE(bench.engine.kill(web, "SIGTERM", {}));
    REQUIRE(bench.says("Container:web state STOPPED"));
    const auto again = [&](const EngineId& engine_id, const std::string& started_at, std::int64_t pid) {
        for (auto container : bench.engine.containers()) {
            if (container.engine_id != engine_id) continue;
            container.state = {};
            container.state.status = Status::Running;
            container.state.created = "2025-01-01T00:00:00Z";
            container.state.started_at = started_at;
            container.state.pid = pid;
            bench.engine.put(container);
        }
    };
    bench.engine.set_reachable(false);
    REQUIRE(eventually([&] { return !bench.station().is_ready(); }));
    again(web, "2026-02-01T00:00:00Z", 4242);
    again(same, "2025-01-01T00:00:00.5Z", 99);  // it ran on: that is no news
    bench.engine.set_reachable(true);
    REQUIRE(bench.says("Container:web state RUNNING"));
    bench.settle();
    CHECK(bench.cloud.said() == Words{"Container:web state STOPPED", "Container:web state RUNNING"});
    CHECK(bench.cloud.status("Container:web")["state"] ==
          json({{"status", "RUNNING"}, {"pid", 4242}, {"startedAt", "2026-02-01T00:00:00Z"}}));

    // One that runs before and after need not be the same process.
    bench.engine.end_process(same, 0);
    REQUIRE(bench.says("Container:same state RUNNING"));
    bench.cloud.take_said();
    bench.engine.set_reachable(false);
    REQUIRE(eventually([&] { return !bench.station().is_ready(); }));
    again(same, "2026-02-02T00:00:00Z", 4343);
    bench.engine.set_reachable(true);
    REQUIRE(bench.says("Container:same state RUNNING"));
    CHECK(bench.cloud.status("Container:same")["state"]["pid"] == 4343);
    CHECK(bench.cloud.status("Container:same")["state"]["startedAt"] == "2026-02-02T00:00:00Z");
}

TEST_CASE("while the engine is away the cloud is told what it has stopped before",
          "[CM-27][TW-69][service]") {
    TwinBench bench;
    auto record = there("web", "2025-01-01T00:00:00Z");
    record.spec.restart.type = "on-failure";
    const auto web = bench.engine.put(record);
    bench.start();
    bench.connect();
    REQUIRE(bench.engine.kill(web, "SIGTERM", {}));
    REQUIRE(bench.says("Container:web state STOPPED"));
    bench.engine.set_reachable(false);
    REQUIRE(eventually([&] { return !bench.station().is_ready(); }));
    bench.station().lose_broker();
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 2; });
    bench.cloud.take_said();
    bench.tell("edge/thing/response", bench.cloud.edge_response());
    REQUIRE(bench.says("+Metrics"));
    CHECK(bench.cloud.status("Container:web")["state"]["status"] == "STOPPED");

    bench.cloud.take_said();
    bench.engine.set_reachable(true);
    REQUIRE(bench.says("Container:web state RUNNING"));
    CHECK(bench.cloud.said() == Words{"Container:web state RUNNING"});
}

TEST_CASE("the cloud is rid of what is gone, also after a restart", "[BX-15][TW-74][TW-75][service]") {
    TwinBench bench;
    bench.engine.put(there("web", "2025-01-01T00:00:00Z"));
    write(thing_file(bench), R"({"gone":"Container:gone","web":"Container:web"})");
    bench.start();
    bench.connect();
    CHECK(bench.cloud.said() ==
          Words{"+SoftwareUpdatable", "+Container:web", "-Container:gone", "+ContainerFactory", "+Metrics"});
    CHECK(becomes(thing_file(bench), R"({"web":"Container:web"})"));
    REQUIRE(bench.ask("Container:web", "remove", "r1", true) == 204);
    CHECK(becomes(thing_file(bench), "null"));
    const auto rights = std::filesystem::status(thing_file(bench)).permissions();
    CHECK((rights & std::filesystem::perms::all) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("a delete that nobody took is said again", "[BX-15][TW-75][service]") {
    TwinBench bench;
    bench.engine.put(there("web", "2025-01-01T00:00:00Z"));
    bench.start();
    bench.connect();
    REQUIRE(becomes(thing_file(bench), R"({"web":"Container:web"})"));
    bench.station().link.set_broker(false);
    REQUIRE(bench.ask("Container:web", "remove", "r1", true) == 204);
    REQUIRE(bench.says("-Container:web"));
    bench.stop();
    CHECK(read_file(thing_file(bench)) == R"({"web":"Container:web"})");

    bench.start();
    bench.cloud.take_said();
    bench.station().await_ready();
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 1; });
    bench.tell("edge/thing/response", bench.cloud.edge_response());
    CHECK(bench.says("-Container:web"));
    CHECK(becomes(thing_file(bench), "null"));
}

TEST_CASE("what the cloud was told is written down as soon as the disk allows", "[TW-74][service]") {
    const CapturedLog log;
    TwinBench bench;
    bench.engine.put(there("web", "2025-01-01T00:00:00Z"));
    const auto folder = bench.home.path() / "things";
    std::filesystem::remove_all(folder);
    write(folder.string(), "in the way");
    bench.start();
    bench.connect();
    REQUIRE(eventually([&] { return log.contains("what the cloud knows of us is not kept"); }));
    std::filesystem::remove(folder);
    CHECK(becomes(thing_file(bench), R"({"web":"Container:web"})"));
}

TEST_CASE("what one thing was told is written down also once we are another", "[TW-10][TW-74][service]") {
    const CapturedLog log;
    TwinBench bench;
    bench.other.emplace("acme.fleet:gw:truck-8");
    const auto folder = bench.home.path() / "things";
    std::filesystem::remove_all(folder);
    write(folder.string(), "in the way");
    bench.engine.put(there("web", "2025-01-01T00:00:00Z"));
    bench.start();
    bench.connect();
    REQUIRE(eventually([&] { return log.contains("what the cloud knows of us is not kept"); }));
    bench.station().link.refuse("twin/commands/delete");
    REQUIRE(bench.engine.remove(bench.engine.containers()[0].engine_id, {}));
    REQUIRE(bench.says("-Container:web"));
    bench.introduce(*bench.other);
    CHECK(bench.other->containers().empty());
    SECTION("as soon as the disk allows") {
        std::filesystem::remove(folder);
        CHECK(becomes(thing_file(bench), R"({"web":"Container:web"})"));
    }
    SECTION("and known when we are that one again") {
        bench.cloud.take_said();
        bench.introduce(bench.cloud);
        CHECK(bench.says("-Container:web"));
    }
}

TEST_CASE("a container that goes while the broker is away is deleted in the cloud by the next Berth",
          "[BX-15][TW-75][service]") {
    TwinBench bench;
    bench.engine.put(there("web", "2025-01-01T00:00:00Z"));
    bench.start();
    bench.connect();
    REQUIRE(becomes(thing_file(bench), R"({"web":"Container:web"})"));
    bench.station().lose_broker();
    bench.station().desire(R"({"activityId":"none","payload":{"domains":[{"id":"containers"}]}})");
    REQUIRE(bench.station().says("none", "COMPLETED"));
    REQUIRE(bench.engine.containers().empty());
    bench.settle();
    CHECK(bench.cloud.has("Container:web"));
    bench.stop();

    bench.start();
    bench.connect();
    CHECK_FALSE(bench.cloud.has("Container:web"));
    CHECK(becomes(thing_file(bench), "null"));
}

TEST_CASE("a delete that the broker refuses is not forgotten", "[TW-75][service]") {
    TwinBench bench;
    bench.engine.put(there("web", "2025-01-01T00:00:00Z"));
    write(thing_file(bench), R"({"gone":"Container:gone"})");
    bench.start();
    bench.station().link.refuse("twin/commands/delete");
    bench.connect();
    REQUIRE(bench.ask("Container:web", "remove", "r1", true) == 204);
    REQUIRE(bench.says("-Container:web"));
    const auto id = bench.create("r2", {{"imageRef", "app:1"}});
    REQUIRE(eventually([&] { return read_file(thing_file(bench)).find(id) != std::string::npos; }));
    const auto known = json::parse(read_file(thing_file(bench)));
    CHECK(known.size() == 3);
    CHECK(known.contains("gone"));
    CHECK(known.contains("web"));
}

TEST_CASE("what is acknowledged for one thing changes nothing of another", "[TW-10][TW-75][service]") {
    TwinBench bench;
    Cloud moved("acme.fleet:gw:truck-8");
    const auto moved_file =
        (bench.home.path() / "things" / "sup_back_acme.fleet_gw_truck-8_edge_containers.json").string();
    write(thing_file(bench), R"({"gone":"Container:gone"})");
    write(moved_file, R"({"gone":"Container:gone"})");
    bench.start();
    bench.station().await_ready();
    bench.station().link.set_broker(false);
    bench.station().link.refuse("gw:truck-8:edge:containers/things/twin/commands/delete");
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 1; });
    bench.tell("edge/thing/response", bench.cloud.edge_response());
    REQUIRE(bench.says("-Container:gone"));
    bench.tell("edge/thing/response", moved.edge_response());
    REQUIRE(bench.until([&] {
        const auto all = bench.station().link.all();
        return std::any_of(all.begin(), all.end(), [&](const auto& one) {
            return one.topic == moved.event_topic() &&
                   one.payload.find("commands/delete") != one.payload.npos;
        });
    }));
    bench.station().broker_comes();
    bench.tell(moved.command_topic("r1", "create"),
               moved.command("ContainerFactory", "create", "r1", {{"imageRef", "app:1"}}));
    REQUIRE(eventually([&] { return bench.engine.containers().size() == 1; }));
    const auto id = bench.engine.containers()[0].spec.id;
    REQUIRE(eventually([&] { return read_file(moved_file).find(id) != std::string::npos; }));
    CHECK(json::parse(read_file(moved_file)).contains("gone"));
}

TEST_CASE("Kanto's older file is taken over, a damaged one is not believed", "[TW-74][service]") {
    TwinBench bench;
    write((bench.home.path() / "things" / "sup_back_acme.fleet_gw:truck-7:edge:containers.json").string(),
          R"({"gone":"Container:gone"})");
    bench.start();
    bench.connect();
    CHECK(bench.says("-Container:gone"));
    CHECK(becomes(thing_file(bench), "null"));

    TwinBench both;
    const auto older = both.home.path() / "things" / "sup_back_acme.fleet_gw:truck-7:edge:containers.json";
    write(older.string(), R"({"gone":"Container:gone","both":"Container:both"})");
    write(thing_file(both), R"({"both":"Container:both","lost":"Container:lost"})");
    both.start();
    both.connect();
    for (const char* id : {"gone", "both", "lost"})
        CHECK(both.says(std::string("-Container:") + id));
    CHECK(becomes(thing_file(both), "null"));
    CHECK_FALSE(std::filesystem::exists(older));

    TwinBench damaged;
    write(thing_file(damaged), R"({"gone":"Cont)");
    damaged.start();
    damaged.connect();
    CHECK(damaged.cloud.said() == Words{"+SoftwareUpdatable", "+ContainerFactory", "+Metrics"});
}

TEST_CASE("a thing whose id is too long for the name of a file is remembered as well", "[TW-74][service]") {
    TwinBench bench;
    bench.cloud = Cloud("acme.fleet:gw:" + std::string(300, 'x'));
    const auto thing = "acme.fleet:gw:" + std::string(300, 'x') + ":edge:containers";
    bench.engine.put(there("web", "2025-01-01T00:00:00Z"));
    bench.start();
    bench.connect();
    CHECK(becomes((bench.home.path() / "things" / ("sup_back_" + sha256(thing) + ".json")).string(),
                  R"({"web":"Container:web"})"));

    // One that fits, but not while it is written, may be Kanto's.
    TwinBench just;
    const auto name = std::string(211, 'x');
    just.cloud = Cloud("acme.fleet:gw:" + name);
    const auto older =
        just.home.path() / "things" / ("sup_back_acme.fleet_gw_" + name + "_edge_containers.json");
    write(older.string(), R"({"gone":"Container:gone"})");
    REQUIRE(std::filesystem::exists(older));
    just.start();
    just.connect();
    CHECK(just.says("-Container:gone"));
    CHECK_FALSE(std::filesystem::exists(older));
}

TEST_CASE("a notification never hurts, and a thing made anew hears all again", "[TW-28][service]") {
    WebShown bench(std::chrono::milliseconds(300));
    const auto notice = [&](const std::string& action, const std::string& path) {
        const json envelope = {
            {"topic", "acme.fleet/gw:truck-7:edge:containers/things/twin/events/" + action},
            {"headers", {{"response-required", false}}},
            {"path", path},
            {"value", {{"definition", {"a:b:1"}}}},
            {"revision", 12}};
        bench.tell("command//acme.fleet:gw:truck-7:edge:containers/req//" + action, envelope.dump());
    };
    notice("created", "/features/ContainerFactory");
    notice("modified", "/features/Container:web");
    notice("deleted", "/features/Metrics");
    notice("created", "/");
    notice("errors-response", "/");
    bench.tell("command//acme.fleet:gw:truck-7:edge:containers/req//modified", "{");
    bench.settle();
    CHECK(bench.cloud.said().empty());
    CHECK(bench.ask("Container:web", "pause", "r1") == 204);
    CHECK(bench.ask("Metrics", "request", "r2", {{"frequency", "0s"}}) == 204);

    bench.cloud.take_said();
    const auto syncs = [&] {
        const auto& said = bench.cloud.said();
        return std::count(said.begin(), said.end(), "+Metrics");
    };
    const auto made_anew = [&] {
        notice("deleted", "/");
        notice("created", "/");
    };
    const auto before = std::chrono::steady_clock::now();
    made_anew();
    CHECK(bench.until([&] { return syncs() == 1; }));  // at once, whatever the time since boot
    // Nobody floods the cloud, and the last one is not forgotten.
    for (int i = 0; i < 5; ++i)
        made_anew();
    CHECK(bench.until([&] { return syncs() == 2; }));
    CHECK(std::chrono::steady_clock::now() - before >= std::chrono::milliseconds(300));
    bench.settle();
    CHECK(syncs() == 2);
    CHECK(bench.cloud.all_answers().size() == 2);
}

TEST_CASE("what there was no room for is made good some time later", "[TW-12][service]") {
    WebShown bench(std::chrono::milliseconds(100));
    bench.station().link.drop_next("PAUSED");
    REQUIRE(bench.ask("Container:web", "pause", "r1") == 204);
    REQUIRE(bench.says("+Metrics"));
    CHECK(bench.cloud.status("Container:web")["state"]["status"] == "PAUSED");
    CHECK(bench.cloud.said().front() == "+SoftwareUpdatable");
}

TEST_CASE("what the broker refused is made good some time later", "[TW-12][service]") {
    WebShown bench(std::chrono::milliseconds(100));
    bench.is_remote = true;
    bench.station().link.refuse_next("PAUSED");
    REQUIRE(bench.ask("Container:web", "pause", "r1") == 204);
    REQUIRE(bench.says("+Metrics"));
    CHECK(bench.cloud.status("Container:web")["state"]["status"] == "PAUSED");
}

TEST_CASE("what was made good is no reason to wait longer the next time", "[TW-12][service]") {
    WebShown bench(std::chrono::milliseconds(50));
    for (int i = 0; i < 12; ++i) {  // twice as long each time would be minutes
        const std::string request = "r" + std::to_string(i);
        const bool pauses = i % 2 == 0;
        const std::string state = pauses ? "PAUSED" : "RUNNING";
        bench.cloud.take_said();
        bench.station().link.drop_next("\"status\":\"" + state);
        REQUIRE(bench.ask("Container:web", pauses ? "pause" : "resume", request) == 204);
        REQUIRE(bench.says("+Metrics"));
        CHECK(bench.cloud.status("Container:web")["state"]["status"] == state);
    }
}

TEST_CASE("the seed's topic form", "[TW-66][service]") {
    service::ThingsConfig config{};
    config.topic_form = "tenant";
    TwinBench bench(config);
    bench.start();
    bench.station().await_ready();
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 1; });
    bench.introduce(bench.cloud);
    int said = 0;
    for (const auto& publication : bench.station().link.all())
        said += publication.topic == "e/acme/gw:truck-7:edge:containers" ? 1 : 0;
    CHECK(said == 3);
}

TEST_CASE("what was stopped after the end is said of the containers that the cloud was shown",
          "[TW-13][service]") {
    TwinBench bench;
    for (const char* id : {"web", "anew"})
        bench.engine.put(there(id, "2025-01-01T00:00:00Z"));
    bench.start();
    auto stopped = bench.engine.containers();
    for (auto& one : stopped)
        one.state.status = Status::Stopped;
    stopped[1].engine_id = "another instance";
    stopped.push_back(there("nobody", "2025-01-01T00:00:00Z"));
    bench.station().await_ready();
    CHECK(bench.station().twin_last_words(stopped).empty());  // nobody knows who we are
    bench.connect();
    const auto words = bench.station().twin_last_words(stopped);
    REQUIRE(words.size() == 1);
    CHECK(words[0].qos == 1);
    CHECK_FALSE(words[0].retain);
    bench.cloud.take_said();
    bench.cloud.hear(words[0].topic, words[0].payload);
    CHECK(bench.cloud.said() == Words{"Container:web state STOPPED"});
}
