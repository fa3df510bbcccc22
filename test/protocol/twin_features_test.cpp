// What the twin shows, byte for byte, and the topics it is said on.
#include "protocol/twin/features.hpp"

#include <nlohmann/json.hpp>

#include "protocol/document.hpp"
#include "protocol/twin/arguments.hpp"
#include "protocol/twin/metrics.hpp"
#include "protocol/twin/words.hpp"
#include "test/protocol/golden.hpp"
#include "test/protocol/twin_support.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::test;
using nlohmann::json;
using twin::Features;
using twin::TopicForm;

namespace {

Container nav() {
    Container made{};
    ContainerSpec& spec = made.spec;
    spec.id = "nav-7";
    spec.name = "nav";
    spec.image = "reg.acme.example/nav:2.4.1";
    spec.mounts = {{"/data/maps", "/maps", "rprivate"}};
    spec.env = {"TILE_CACHE=64"};
    spec.restart = {"on-failure", 4, 12};
    spec.extra_hosts = {"broker:host_ip"};
    spec.ports = {{"0.0.0.0", 8443, 8443, 443, "tcp"}};
    spec.resources.memory = "96M";
    fill_defaults(spec);
    made.state.status = Status::Running;
    made.state.pid = 4711;
    made.state.created = "2025-03-04T05:06:07.089000000Z";
    made.state.started_at = "2025-03-04T05:06:09.500000000Z";
    return made;
}

// A configuration with nothing at its default but the log's mode.
ContainerSpec plain() {
    ContainerSpec spec{};
    spec.id = "nav-7";
    spec.name = "nav";
    spec.restart.type = "always";
    spec.log.driver = "none";
    fill_defaults(spec);
    return spec;
}

twin::OperationStatus operation(std::string correlation, twin::Progress progress) {
    twin::OperationStatus status{};
    status.correlation_id = std::move(correlation);
    status.status = progress;
    return status;
}

json value_of(const std::string& message) {
    return json::parse(message)["value"];
}

json config_of(const ContainerSpec& spec) {
    return value_of(Features(nav_thing(), {}).configuration(spec));
}

}  // namespace

TEST_CASE("the twin's own messages are as recorded",
          "[TW-17][TW-18][TW-20][TW-30][TW-34][TW-35][TW-36][TW-47][TW-48][TW-58][protocol]") {
    const Features features(nav_thing(), {});
    auto downloading = operation("roll-7", twin::Progress::Downloading);
    downloading.module = twin::Module{"nav", "2.4.1"};
    auto rejected = downloading;
    rejected.status = twin::Progress::FinishedRejected;
    rejected.message = "sha256 checksum does not match";
    auto removing = operation("roll-8", twin::Progress::Removing);
    removing.software = {{"", "nav-7", "2.4.1", ""}};
    const twin::Report report{
        {{"Container:nav-7",
          {{"cpu.utilization", 3.25}, {"memory.used", std::uint64_t{18874368}}, {"pids", std::uint64_t{9}}}}},
        1741064775};
    ContainerState created{};
    created.status = Status::Created;
    ContainerSpec renamed = nav().spec;
    renamed.name = "nav-eu";

    const std::vector<std::string> sent = {
        features.software({nav()}),
        features.container(nav()),
        features.factory(),
        features.metrics(),
        features.removed("Container:nav-7"),
        features.state("nav-7", created),
        features.name(renamed),
        features.configuration(plain()),
        features.dependencies({}),
        features.last_operation(downloading),
        features.last_failed_operation(rejected),
        features.last_operation(removing),
        twin::encode_report(nav_thing(), report),
    };
    std::string all;
    for (const auto& message : sent)
        all += (all.empty() ? "" : "\n") + message;
    CHECK(differs("twin-sent.jsonl", all).empty());
    INFO(differs("twin-sent.jsonl", all));
    CHECK(golden_lines("twin-sent.jsonl").size() == sent.size());
}

TEST_CASE("the state shows what is not empty, and no process as -1", "[TW-35][protocol]") {
    const Features features(nav_thing(), {});
    ContainerState exited{};
    exited.status = Status::Exited;
    exited.exit_code = 137;
    exited.error = "OOM Killed";
    exited.oom_killed = true;
    exited.started_at = "2025-03-04T05:06:09.000000000Z";
    exited.finished_at = "2025-03-04T05:06:10.120000000Z";
    CHECK(value_of(features.state("nav-7", exited)) == json({{"status", "EXITED"},
                                                             {"pid", -1},
                                                             {"exitCode", 137},
                                                             {"error", "OOM Killed"},
                                                             {"startedAt", "2025-03-04T05:06:09Z"},
                                                             {"finishedAt", "2025-03-04T05:06:10.12Z"},
                                                             {"oomKilled", true}}));
    auto runs_on = exited;  // it was a child
    runs_on.status = Status::Running;
    CHECK_FALSE(value_of(features.state("nav-7", runs_on)).contains("oomKilled"));
    const std::pair<Status, const char*> words[] = {
        {Status::Creating, "CREATING"}, {Status::Created, "CREATED"}, {Status::Running, "RUNNING"},
        {Status::Stopped, "STOPPED"},   {Status::Paused, "PAUSED"},   {Status::Exited, "EXITED"},
        {Status::Dead, "DEAD"},         {Status::Unknown, "UNKNOWN"}};
    for (const auto& [status, word] : words) {
        ContainerState state{};
        state.status = status;
        CHECK(value_of(features.state("nav-7", state))["status"] == word);
    }
}

TEST_CASE("a configuration survives the way to the cloud and back", "[TW-36][TW-37][protocol]") {
    ContainerSpec spec = nav().spec;
    spec.cmd = {"--verbose", "on"};
    spec.devices = {{"/dev/ttyS0", "/dev/gps", "rw"}};
    spec.extra_capabilities = {"NET_ADMIN"};
    spec.ports.push_back({"127.0.0.1", 5000, 5005, 80, "udp"});
    spec.io.tty = spec.io.open_stdin = true;
    spec.log = {"json-file", 3, "1M", "/var/log/nav", "non-blocking", "2M"};
    spec.resources = {"96M", "48M", "200M"};
    const json command = {
        {"imageRef", spec.image}, {"name", spec.name}, {"start", true}, {"config", config_of(spec)}};
    auto created = twin::decode_create(command.dump(), twin::Shape::ImageAndConfig);
    REQUIRE(created);
    CHECK(created->start);
    created->spec.id = spec.id;
    fill_defaults(created->spec);
    CHECK(created->spec == spec);
}

TEST_CASE("what is at its default is shown, what is empty is not", "[TW-36][protocol]") {
    auto created = twin::decode_create(R"({"imageRef":"nav:1"})", twin::Shape::ImageAndConfig);
    REQUIRE(created);
    created->spec.id = created->spec.name = "nav-7";
    fill_defaults(created->spec);
    CHECK(
        config_of(created->spec) ==
        json({{"domainName", "nav-7-domain"},
              {"hostName", "nav-7-host"},
              {"restartPolicy", {{"type", "UNLESS_STOPPED"}}},
              {"networkMode", "BRIDGE"},
              {"log", {{"type", "JSON_FILE"}, {"maxFiles", 2}, {"maxSize", "100M"}, {"mode", "BLOCKING"}}}}));
    ContainerSpec unlimited = created->spec;
    unlimited.resources = {"96M", "", "-1"};
    CHECK(config_of(unlimited)["resources"] == json({{"memory", "96M"}}));
}

TEST_CASE("secret values are masked in the twin", "[BX-04][protocol]") {
    Container container = nav();
    container.spec.env = {"API_TOKEN=abc", "MODE=x", "DB_PASSWORD=secret:db"};
    const Features features(nav_thing(), {"*TOKEN*", "*PASSWORD*"});
    CHECK(value_of(features.container(container))["properties"]["status"]["config"]["env"] ==
          json({"API_TOKEN=***", "MODE=x", "DB_PASSWORD=secret:db"}));
}

TEST_CASE("an image splits at its first colon", "[TW-48][protocol]") {
    struct Case {
        std::string image, group, version, key;
    };
    const std::vector<Case> cases = {
        {"reg.acme.example/nav:2.4.1", "reg.acme.example/nav", "2.4.1", "reg.acme.example%2Fnav.nav-7:2.4.1"},
        {"localhost:5000/app:1", "localhost", "5000/app:1", "localhost.nav-7:5000%2Fapp:1"},
        {"repo/app@sha256:ab", "repo/app@sha256", "ab", "repo%2Fapp@sha256.nav-7:ab"},
        {"app", "app", "", "app.nav-7:"},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.image) {
            ContainerSpec spec{};
            spec.id = "nav-7";
            spec.image = c.image;
            const auto dependency = twin::dependency_of(spec);
            CHECK(dependency.group == c.group);
            CHECK(dependency.version == c.version);
            CHECK(twin::key_of(dependency) == c.key);
        }
}

TEST_CASE("without containers there are no dependencies", "[TW-48][protocol]") {
    const Features features(nav_thing(), {});
    CHECK(value_of(features.software({}))["properties"]["status"] ==
          json({{"softwareModuleType", "oci:container"}}));
}

TEST_CASE("times end without zeros", "[TW-35][protocol]") {
    CHECK(twin::short_time("2025-03-04T05:06:07.100000000Z") == "2025-03-04T05:06:07.1Z");
    CHECK(twin::short_time("2025-03-04T05:06:00.000000000Z") == "2025-03-04T05:06:00Z");
    CHECK(twin::short_time("2025-03-04T05:06:00Z") == "2025-03-04T05:06:00Z");
    CHECK(twin::short_time("").empty());
}

TEST_CASE("a thing has its topics", "[TW-06][TW-14][TW-66][protocol]") {
    const auto thing = nav_thing();
    CHECK(thing.id == "acme.fleet:gw:truck-7:edge:containers");
    CHECK(thing.topic_prefix == "acme.fleet/gw:truck-7:edge:containers");
    CHECK(thing.event_topic == "e/acme/acme.fleet:gw:truck-7:edge:containers");
    CHECK(thing.command_filter == "command//acme.fleet:gw:truck-7:edge:containers/req/#");
    CHECK(twin::thing_of({"a:b", "", ""}).event_topic == "e//a:b:edge:containers");

    const auto seed = twin::thing_of(nav_device(), TopicForm::Tenant);
    CHECK(seed.event_topic == "e/acme/gw:truck-7:edge:containers");
    CHECK(seed.topic_prefix == "acme/gw:truck-7:edge:containers");
    CHECK(seed.command_filter == thing.command_filter);
}

TEST_CASE("the handshake is read and written", "[TW-05][TW-06][protocol]") {
    const auto lines = golden_lines("twin-handshake.jsonl");
    CHECK(twin::encode_edge_request() == lines[0]);
    const auto device = twin::decode_edge_response(lines[1]);
    REQUIRE(device);
    CHECK(*device == nav_device());
    const auto small = twin::decode_edge_response(R"({"deviceId":"a:b","tenantId":"","more":1})");
    REQUIRE(small);
    CHECK(*small == twin::Device{"a:b", "", ""});
}

TEST_CASE("a device of which no topic can be made is refused", "[TW-11][protocol]") {
    for (const char* text : {"",
                             "{",
                             "[]",
                             "null",
                             R"({"deviceId":1,"tenantId":"t"})",
                             R"({"deviceId":"a:b","tenantId":[]})",
                             R"({"tenantId":"t"})",
                             R"({"deviceId":"","tenantId":"t"})",
                             R"({"deviceId":"nocolon","tenantId":"t"})",
                             R"({"deviceId":":b","tenantId":"t"})",
                             R"({"deviceId":"a:","tenantId":"t"})",
                             R"({"deviceId":"a:b/c","tenantId":"t"})",
                             R"({"deviceId":"a:b+","tenantId":"t"})",
                             R"({"deviceId":"a:#","tenantId":"t"})",
                             R"({"deviceId":"a:b\u0000","tenantId":"t"})",
                             R"({"deviceId":"a:b","tenantId":"t/u"})",
                             R"({"deviceId":"a:b\n","tenantId":"t"})",
                             R"({"deviceId":"a:b","tenantId":"\u007f"})",
                             R"({"deviceId":"a:b","tenantId":"\u0085"})",
                             R"({"deviceId":"a:\ufdd0","tenantId":"t"})",
                             R"({"deviceId":"a:\uffff","tenantId":"t"})",
                             R"({"deviceId":"a:\ud83f\udffe","tenantId":"t"})",
                             R"({"deviceId":"a:b","tenantId":"+"})"}) {
        INFO(text);
        CHECK_FALSE(twin::decode_edge_response(text));
    }
    CHECK(twin::decode_edge_response(R"({"deviceId":"a:\u00a0\u00ff\ufffd","tenantId":"\ud83d\udebf"})"));
    for (const std::size_t bytes : {4096u, 4097u}) {  // more would not fit into a topic either
        const std::string longest(bytes - 2, 'x');
        const bool fits = bytes == 4096;
        const json device = {{"deviceId", "a:" + longest}, {"tenantId", "t"}};
        CHECK(bool(twin::decode_edge_response(device.dump())) == fits);
        const json tenant = {{"deviceId", "a:b"}, {"tenantId", "t:" + longest}};
        CHECK(bool(twin::decode_edge_response(tenant.dump())) == fits);
    }
}

TEST_CASE("a command topic has exactly one level after the request", "[TW-15][TW-16][protocol]") {
    const auto parsed = twin::parse_command_topic("command//a:b:edge:containers/req/r1/create");
    REQUIRE(parsed);
    CHECK(*parsed == twin::CommandTopic{"a:b:edge:containers", "r1", "create"});
    CHECK(twin::response_topic(*parsed, 204) == "command//a:b:edge:containers/res/r1/204");
    REQUIRE(twin::parse_command_topic("command//a:b/req//modified"));
    CHECK(twin::parse_command_topic("command//a:b/req//modified")->request_id.empty());
    for (const char* topic :
         {"command//a:b/req/r1", "command//a:b/req/r1/", "command//a:b/req/r1/x/y", "command///req/r1/x",
          "command/t/a:b/req/r1/x", "c//a:b/q/r1/x", "command//a:b/res/r1/x"}) {
        INFO(topic);
        CHECK_FALSE(twin::parse_command_topic(topic));
    }
}

TEST_CASE("the file of known features reads and writes", "[TW-74][protocol]") {
    CHECK(twin::encode_known({"a", "b"}) == R"({"a":"Container:a","b":"Container:b"})");
    CHECK(twin::encode_known({}) == "null");
    for (const char* none : {"", " \n", "null", "null\n", "{}"}) {
        const auto ids = twin::decode_known(none);
        REQUIRE(ids);
        CHECK(ids->empty());
    }
    CHECK(*twin::decode_known(R"({"a":"Container:a","b":"Container:b"})") ==
          std::vector<ContainerId>{"a", "b"});
    CHECK_FALSE(twin::decode_known("{\"a\":"));
}
