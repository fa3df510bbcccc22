#include "runtime/docker/decode.hpp"

#include <set>

#include <nlohmann/json.hpp>

#include "test/runtime/builders.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::runtime;
using namespace berth::runtime::docker;
using berth::test::make_spec;
using nlohmann::json;

namespace {

json labels_of(const ContainerSpec& spec) {
    return {{"io.berth.managed", "true"},
            {"io.berth.namespace", "berth"},
            {"io.berth.id", spec.id},
            {"io.berth.document", encode_document(spec)}};
}

// One element of GET /containers/json of Engine 20.10.24, with the members that matter.
json listed(const std::string& state, const std::string& status, json labels) {
    return {{"Id", "02d4f45def5e67c211548c63b966ca87ea843944b4503c9073adc9effc0c2d9c"},
            {"Names", {"/web"}},
            {"Image", "berth-test/sleeper:1"},
            {"Created", 1795563094},
            {"State", state},
            {"Status", status},
            {"Labels", std::move(labels)},
            {"NetworkSettings", {{"Networks", {{"berth0", nullptr}}}}}};
}

json inspected(json state) {
    return {{"Id", "02d4"},
            {"Created", "2026-11-24T23:31:34.533208171Z"},
            {"State", std::move(state)},
            {"Name", "/web"},
            {"RestartCount", 5},
            {"HostConfig",
             {{"Memory", 33554432},
              {"MemorySwap", 67108864},
              {"MemoryReservation", 0},
              {"RestartPolicy", {{"Name", "unless-stopped"}, {"MaximumRetryCount", 0}}}}},
            {"Config", {{"Labels", labels_of(make_spec("web", "w1"))}, {"StopSignal", "SIGQUIT"}}}};
}

// State of an inspection, as recorded.
json state_of(const std::string& status, int exit_code = 0, const std::string& error = "", bool oom = false) {
    const bool runs = status == "running" || status == "paused" || status == "restarting";
    return {{"Status", status},
            {"Running", runs},
            {"Paused", status == "paused"},
            {"Restarting", status == "restarting"},
            {"OOMKilled", oom},
            {"Dead", status == "dead"},
            {"Pid", runs ? 6346 : 0},
            {"ExitCode", exit_code},
            {"Error", error},
            {"StartedAt", status == "created" ? "0001-01-01T00:00:00Z" : "2026-11-24T23:31:34.981326642Z"},
            {"FinishedAt",
             runs || status == "created" ? "0001-01-01T00:00:00Z" : "2026-11-24T23:33:17.776235138Z"}};
}

}  // namespace

TEST_CASE("a listed container is what its labels say", "[CM-12][runtime]") {
    auto spec = make_spec("web", "w1");
    spec.env = {"A=1"};
    auto labels = labels_of(spec);
    labels["io.berth.replaces"] = "w0";
    const auto list = decode_list(json::array({listed("exited", "Exited (3) 2 hours ago", labels)}).dump());
    REQUIRE(list);
    REQUIRE(list->size() == 1);
    const auto& container = list->front();
    CHECK(container.spec == spec);
    CHECK(container.replaces == "w0");
    CHECK(container.engine_id == "02d4f45def5e67c211548c63b966ca87ea843944b4503c9073adc9effc0c2d9c");
    CHECK(container.engine_name == "web");
    CHECK(container.state.status == Status::Exited);
    CHECK(container.state.exit_code == 3);
    CHECK(container.state.created == "2026-11-24T23:31:34Z");
    CHECK(container.started_before);
}

TEST_CASE("the engine's words become a status", "[runtime]") {
    struct Case {
        std::string state;
        std::string text;
        Status status;
        std::int64_t exit_code;
        bool restarting;
        bool started;
    };
    const std::vector<Case> cases = {
        {"created", "Created", Status::Created, 0, false, false},
        {"running", "Up 3 seconds", Status::Running, 0, false, true},
        {"running", "Up 3 seconds (health: starting)", Status::Running, 0, false, true},
        {"paused", "Up 3 seconds (Paused)", Status::Paused, 0, false, true},
        {"restarting", "Restarting (1) Less than a second ago", Status::Exited, 1, true, true},
        {"exited", "Exited (137) 2 hours ago", Status::Exited, 137, false, true},
        {"removing", "Removal In Progress", Status::Dead, 0, false, true},
        {"dead", "Dead", Status::Dead, 0, false, true},
        {"asleep", "Asleep", Status::Unknown, 0, false, true},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.state << " " << c.text) {
            const auto list = decode_list(json::array({listed(c.state, c.text, json::object())}).dump());
            REQUIRE(list);
            const auto& container = list->at(0);
            CHECK(container.state.status == c.status);
            CHECK(container.state.exit_code == c.exit_code);
            CHECK(container.state.restarting == c.restarting);
            CHECK(container.started_before == c.started);
        }
}

TEST_CASE("a container whose document cannot be read keeps its id and has no name", "[runtime]") {
    const auto good = labels_of(make_spec("web", "w1"));
    const std::vector<ContainerSpec> expected = {{.id = "w1"}, {.id = "w1"}, {.id = "w1"}, {}};
    std::vector<json> bad(expected.size(), good);
    bad[0]["io.berth.document"] = "{";
    bad[1]["io.berth.document"] = R"({"image":{"name":"app:1"}})";
    bad[2].erase("io.berth.document");
    bad[3].erase("io.berth.id");
    for (std::size_t i = 0; i < bad.size(); ++i) {
        const auto list = decode_list(json::array({listed("running", "Up", bad[i])}).dump());
        REQUIRE(list);
        CHECK((list->at(0).spec == expected[i]));
        CHECK(list->at(0).engine_name == "web");
        CHECK_FALSE(list->at(0).engine_id.empty());
    }
}

TEST_CASE("the label is the identity, whatever the document says", "[CM-12][runtime]") {
    auto labels = labels_of(make_spec("web", "w1"));
    labels["io.berth.id"] = "w2";
    CHECK(decode_list(json::array({listed("running", "Up", labels)}).dump())->at(0).spec.id == "w2");
}

TEST_CASE("an inspection fills what the list lacks", "[runtime]") {
    auto whole = inspected(state_of("running"));
    whole["NetworkSettings"]["Networks"] = {{"berth0", json::object()}, {"other", nullptr}};
    const auto seen = decode_inspect(whole.dump());
    REQUIRE(seen);
    CHECK(seen->networks == std::set<std::string>{"berth0", "other"});
    CHECK(seen->container.spec == make_spec("web", "w1"));
    CHECK(seen->container.engine_name == "web");
    CHECK(seen->container.state == ContainerState{.status = Status::Running,
                                                  .pid = 6346,
                                                  .created = "2026-11-24T23:31:34.533208171Z",
                                                  .started_at = "2026-11-24T23:31:34.981326642Z",
                                                  .restart_count = 5});
    CHECK(seen->container.started_before);
    CHECK(seen->stop_signal == "SIGQUIT");
    CHECK(seen->limits.memory == 33554432);
    CHECK(seen->container.engine_policy == "unless-stopped");
}

TEST_CASE("an inspected state follows the rules of the container model", "[runtime]") {
    struct Case {
        std::string name;
        json state;
        Status status;
        std::int64_t pid;
        std::int64_t exit_code;
        std::string error;
        bool oom;
        bool restarting;
    };
    const std::string failed =
        "failed to create shim task: OCI runtime create failed: runc create failed: unable to start "
        "container process: "
        "exec: \"/nope\": stat /nope: no such file or directory: unknown";
    const std::string text = "exec: \"/nope\": stat /nope: no such file or directory";
    const std::vector<Case> cases = {
        {"created", state_of("created"), Status::Created, -1, 0, "", false, false},
        {"first start failed", state_of("created", 127, failed), Status::Stopped, -1, 127, text, false,
         false},
        {"restart failed", state_of("exited", 127, failed), Status::Stopped, -1, 127, text, false, false},
        {"exited", state_of("exited", 3), Status::Exited, -1, 3, "", false, false},
        {"out of memory", state_of("exited", 137, "", true), Status::Exited, -1, 137, "OOM Killed", true,
         false},
        {"waits for its restart", state_of("restarting", 1), Status::Exited, -1, 1, "", false, true},
        {"running again after oom", state_of("running", 0, "", true), Status::Running, 6346, 0, "", false,
         false},
        {"paused", state_of("paused"), Status::Paused, 6346, 0, "", false, false},
        {"dead", state_of("dead", 1, "x"), Status::Dead, -1, 1, "x", false, false},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.name) {
            const auto seen = decode_inspect(inspected(c.state).dump());
            REQUIRE(seen);
            const auto& state = seen->container.state;
            CHECK(state.status == c.status);
            CHECK(state.pid == c.pid);
            CHECK(state.exit_code == c.exit_code);
            CHECK(state.error == c.error);
            CHECK(state.oom_killed == c.oom);
            CHECK(state.restarting == c.restarting);
        }
}

TEST_CASE("a time that never was is empty", "[runtime]") {
    const auto seen = decode_inspect(inspected(state_of("created")).dump());
    REQUIRE(seen);
    CHECK(seen->container.state.started_at.empty());
    CHECK(seen->container.state.finished_at.empty());
    CHECK_FALSE(seen->container.started_before);
}

TEST_CASE("events carry who, what and when", "[runtime]") {
    // recorded from Engine 20.10.24
    const std::string tail = R"(,"scope":"local","time":1795563097,"timeNano":1795563097069744662})";
    const auto line = [&](const std::string& action, const std::string& more) {
        return R"({"status":")" + action + R"(","id":"a0c8","from":"app:1","Type":"container","Action":")" +
               action +
               R"(","Actor":{"ID":"a0c8","Attributes":{"image":"app:1","io.berth.id":"w1","io.berth.managed":"true","name":"web")" +
               more + "}}" + tail;
    };
    const auto killed = decode_event(line("kill", R"(,"signal":"15")"));
    REQUIRE(killed);
    REQUIRE(*killed);
    const auto& event = **killed;
    CHECK(event.kind == EngineEventKind::Kill);
    CHECK(event.engine_id == "a0c8");
    CHECK(event.id == "w1");
    CHECK(event.name == "web");
    CHECK(event.signal == "15");
    CHECK(event.time == "2026-11-24T23:31:37.069744662Z");

    const auto died = decode_event(line("die", R"(,"exitCode":"143")"));
    REQUIRE(died);
    REQUIRE(*died);
    CHECK((*died)->kind == EngineEventKind::Die);
    CHECK((*died)->exit_code == 143);

    for (const std::string other : {"exec_create: /bin/sh", "health_status: healthy", "attach", "resize"}) {
        const auto event_of_nobody = decode_event(line(other, ""));
        REQUIRE(event_of_nobody);
        CHECK_FALSE(*event_of_nobody);
    }
    for (const std::string known :
         {"create", "start", "stop", "oom", "pause", "unpause", "rename", "update", "destroy"})
        CHECK(decode_event(line(known, "")).operator*().has_value());
}

TEST_CASE("answers of an unexpected shape are an error and never a crash", "[runtime]") {
    for (const std::string body : {"", "null", "7", "\"x\"", "[", "{", "[[]]x"}) {
        CHECK_FALSE(decode_list(body));
        CHECK_FALSE(decode_inspect(body));
        CHECK_FALSE(decode_event(body));
        CHECK_FALSE(decode_id(body));
        CHECK_FALSE(decode_gateway(body));
        CHECK_FALSE(decode_network_names(body));
        CHECK_FALSE(decode_engine_version(body));
    }
    CHECK_FALSE(decode_id("{}"));
    // wrong types inside are as if they were not there
    const auto list =
        decode_list(R"([7,{"Names":7,"State":[],"Labels":[],"Created":"x"},{"Names":[7]},{"Names":[]}])");
    REQUIRE(list);
    CHECK(list->size() == 4);
    CHECK(decode_inspect(R"({"State":7,"Config":[],"HostConfig":null,"Name":{}})"));
    CHECK(decode_event(R"({"Action":"die","Actor":[],"timeNano":"x"})"));
}

TEST_CASE("the gateway of a network is its first IPv4 one", "[CM-10][runtime]") {
    const auto gateway = [](const std::string& config) {
        return *decode_gateway(R"({"Driver":"bridge","IPAM":{"Config":)" + config + "}}");
    };
    CHECK(gateway(R"([{"Subnet":"172.18.0.0/16","Gateway":"172.18.0.1"}])") == "172.18.0.1");
    CHECK(gateway(R"([{"Subnet":"fd00::/64","Gateway":"fd00::1"},{"Gateway":"172.18.0.1/16"}])") ==
          "172.18.0.1");
    CHECK(gateway("[{}]").empty());
    CHECK(gateway("null").empty());
    CHECK(*decode_engine_version(R"({"Version":"20.10.24+dfsg1"})") == "20.10.24");
    CHECK(*decode_engine_version(R"({"Version":"26.1.5"})") == "26.1.5");
}
