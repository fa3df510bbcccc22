// What Berth says: feedback and inventory, byte for byte.
#include "protocol/feedback.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "protocol/current_state.hpp"
#include "protocol/desired_state.hpp"
#include "protocol/document.hpp"
#include "test/protocol/golden.hpp"
#include "test/support/catch.hpp"

using namespace berth;

namespace {

Container container(const std::string& name, const std::string& image) {
    Container made;
    made.spec.id = "id-" + name;
    made.spec.name = name;
    made.spec.image = image;
    fill_defaults(made.spec);
    made.state.status = Status::Running;
    made.state.created = "2024-06-10T06:13:32.000000001Z";
    return made;
}

// Every parameter away from its default, and stopped.
Container busy() {
    Container made = container("web", "reg.example:5000/web:1.0");
    ContainerSpec& spec = made.spec;
    spec.domain_name = "shop";
    spec.host_name = "front";
    spec.io.tty = spec.io.open_stdin = spec.privileged = true;
    spec.restart = {"on-failure", 3, 180};
    spec.devices = {{"/dev/a", "/dev/b", "rw"}, {"/dev/c", "/dev/c", "rwm"}};
    spec.ports = {
        {"127.0.0.1", 5000, 5005, 80, "udp"}, {"0.0.0.0", 0, 0, 81, "tcp"}, {"10.0.0.1", 0, 0, 82, "tcp"}};
    spec.network = "host";
    spec.extra_hosts = {"gw:host_ip", "db:container_db-host"};
    spec.log = {"json-file", 4, "10M", "/var/log/web", "non-blocking", "2M"};
    spec.resources = {"64M", "32M", "-1"};
    spec.mounts = {{"/a", "/b", "rslave"}, {"/c", "/d", "rprivate"}};
    spec.env = {"MODE=prod", "DB_PASSWORD=hunter2", "API_KEY=secret:api", "PATH"};
    spec.cmd = {"--run", ""};
    made.state.status = Status::Stopped;
    made.state.finished_at = "2024-06-10T07:00:00.123456789Z";
    made.state.exit_code = 137;
    made.state.restart_count = 2;
    made.manually_stopped = true;
    made.started_before = true;
    return made;
}

using Node = nlohmann::ordered_json;

std::map<std::string, Node> nodes_of(const std::string& text) {
    std::map<std::string, Node> nodes;
    const Node message = Node::parse(text);
    for (const auto& node : message.at("payload").at("softwareNodes"))
        nodes[node.at("id")] = node;
    return nodes;
}

// A release must not change the golden files.
std::string unversioned(std::string text) {
    const std::string version = R"("version":")" BERTH_VERSION R"(","name")";
    const auto at = text.find(version);
    REQUIRE(at != text.npos);
    return text.replace(at, version.size(), R"("version":"0.0.0","name")");
}

}  // namespace

TEST_CASE("feedback reads back byte for byte, Kanto's too", "[UA-03][protocol]") {
    for (const std::string file : {"feedback.jsonl", "feedback-recorded.jsonl"})
        for (const auto& line : test::golden_lines(file)) {
            CAPTURE(file, line);
            const auto feedback = decode_feedback(line, "containers");
            REQUIRE(feedback);
            CHECK(encode(*feedback, "containers") == line);
        }
}

TEST_CASE("empty fields are left out, the envelope's never", "[UA-03][protocol]") {
    CHECK(encode(Feedback{}, "containers") ==
          R"({"activityId":"","timestamp":0,"payload":{"status":"IDENTIFYING"}})");
    const Feedback broken{
        .activity_id = "a\xff\"", .timestamp = -1, .status = Word::Cleanup, .message = "\xc3"};
    CHECK(encode(broken, "x") ==
          "{\"activityId\":\"a\xef\xbf\xbd\\\"\",\"timestamp\":-1,\"payload\":{\"status\":\"CLEANUP\","
          "\"message\":\"\xef\xbf\xbd\"}}");
}

TEST_CASE("every status word reads back", "[UA-03][protocol]") {
    std::set<std::string> words;
    for (int i = 0; i <= static_cast<int>(Word::Superseded); ++i) {
        const auto word = static_cast<Word>(i);
        words.emplace(to_string(word));
        CHECK(parse_word(to_string(word)) == word);
    }
    CHECK(words.size() == 23);
    CHECK_FALSE(parse_word("RUNNING"));
}

TEST_CASE("feedback that is none is refused", "[UA-05][protocol]") {
    CHECK(decode_feedback(R"({"payload":{"status":"RUNNING","actions":[{"status":5,"progress":101},null]}})",
                          "c")
              .error()
              .message ==
          "feedback: $.payload.status: expected a status word (value \"RUNNING\"); $.payload.actions[1]: "
          "expected an object, "
          "got null; $.payload.actions[0].progress: expected 0 to 100 (value \"101\"); "
          "$.payload.actions[0].status: expected a "
          "string, got a number; $.payload.actions[0].status: is missing");
    CHECK_FALSE(decode_feedback("{}", "c"));
    CHECK(
        decode_feedback(
            R"({"payload":{"status":"COMPLETED","actions":[{"component":{"id":"other:x"},"status":"UPDATING"}]}})",
            "c")
            ->actions[0]
            .name == "other:x");
}

TEST_CASE("the inventory lists the agent, then the containers by name",
          "[UA-03][UA-48][UA-49][UA-50][protocol]") {
    const Inventory inventory{"get-1", 1718000015003, {busy(), container("cache", "cache")}};
    CHECK(test::differs("currentstate-brief.json", unversioned(encode(inventory, {}))) == "");
    CHECK(test::differs("currentstate-verbose.json",
                        unversioned(encode(inventory, {.verbosity = Verbosity::Verbose}))) == "");
    CHECK(
        encode(Inventory{"a", 5, {}}, {.domain = "x"}) ==
        R"({"activityId":"a","timestamp":5,"payload":{"softwareNodes":[{"id":"x-update-agent","version":")" BERTH_VERSION
        R"(","name":"Berth Containers Update Agent","parameters":[{"key":"domain","value":"x"}],"type":"APPLICATION"}]}})");
}

TEST_CASE("the inventory says how many messages were dropped, of those kinds of which some were",
          "[BX-15][protocol]") {
    Inventory inventory{"a", 5, {}};
    inventory.dropped = {.feedback = 2, .metrics = 71};
    const auto nodes = nodes_of(encode(inventory, {}));
    CHECK(
        nodes.at("containers-update-agent").at("parameters").dump() ==
        R"([{"key":"domain","value":"containers"},{"key":"droppedFeedback","value":"2"},{"key":"droppedMetrics","value":"71"}])");
}

TEST_CASE("conditions of the inventory", "[UA-49][protocol]") {
    const auto parameters = [](const Container& c, Verbosity verbosity = Verbosity::Brief) {
        std::string list;
        const auto nodes = nodes_of(encode(Inventory{"", 0, {c}}, {.verbosity = verbosity}));
        for (const auto& pair : nodes.at("containers:" + c.spec.name).at("parameters"))
            list += pair.at("key").get<std::string>() + "=" + pair.value("value", std::string("-")) + " ";
        return list;
    };
    const std::string created = "created=2024-06-10T06:13:32.000000001Z ";
    Container c = container("a", "a:1");
    CHECK(parameters(c) == "image=a:1 status=Running " + created);
    c.spec.log = {"none", 0, "", "/l", "blocking", ""};
    CHECK(parameters(c) == "image=a:1 logDriver=none status=Running " + created);
    c.spec.log = LogConfig{};
    c.spec.log.mode = "non-blocking";
    c.spec.log.max_buffer_size = "1M";
    CHECK(parameters(c) == "image=a:1 logMode=non-blocking status=Running " + created);
    c.spec.log = LogConfig{};
    c.state.finished_at = "f";
    c.state.exit_code = 3;
    c.manually_stopped = c.started_before = true;
    c.state.restart_count = 1;
    CHECK(parameters(c) == "image=a:1 status=Running " + created + "restartCount=1 ");
    for (const auto status : {Status::Paused, Status::Exited, Status::Stopped, Status::Created}) {
        c.state.status = status;
        CHECK(parameters(c) == "image=a:1 status=" + std::string(to_string(status)) +
                                   " finishedAt=f exitCode=3 " + created +
                                   "restartCount=1 manuallyStopped=true startedSuccessfullyBefore=true ");
    }
    Container plain = container("a", "a:1");
    CHECK(parameters(plain, Verbosity::Verbose) ==
          "image=a:1 domainName=a-domain hostName=a-host terminal=false interactive=false privileged=false "
          "restartPolicy=unless-stopped restartMaxRetries=0 restartTimeout=0s network=bridge "
          "logDriver=json-file logMaxFiles=2 "
          "logMaxSize=100M logMode=blocking status=Running finishedAt=- exitCode=0 " +
              created + "restartCount=0 manuallyStopped=false startedSuccessfullyBefore=false ");
}

TEST_CASE("secrets are masked in the inventory, references shown", "[protocol]") {
    const auto text = encode(Inventory{"", 0, {busy()}}, {.redact = {"*PASSWORD*", "*KEY*"}});
    CHECK(text.find("hunter2") == text.npos);
    CHECK_THAT(text, ContainsSubstring(R"({"key":"env","value":"DB_PASSWORD=***"})"));
    CHECK_THAT(text, ContainsSubstring(R"({"key":"env","value":"API_KEY=secret:api"})"));
    CHECK_THAT(text, ContainsSubstring(R"({"key":"env","value":"MODE=prod"})"));
}

TEST_CASE("one node a name: no staged, old or second instance", "[UA-52][protocol]") {
    Container web = container("web", "web:1");
    Container staged = container("web", "web:2");
    staged.role = Role::Staged;
    Container old = container("web", "web:0");
    old.role = Role::Old;
    Container lone = container("new", "new:1");
    lone.role = Role::Staged;
    Container newer = container("web", "web:3");
    newer.state.created = "2025-01-01T00:00:00Z";
    const auto version = [](std::vector<Container> all) {
        const auto text = encode(Inventory{"", 0, std::move(all)}, {});
        const auto nodes = nodes_of(text);
        CHECK(nodes.size() == 2);
        CHECK(Node::parse(text).at("payload").at("softwareNodes").size() == 2);
        CHECK(Node::parse(text).at("payload").at("associations").size() == 1);
        return nodes.at("containers:web").at("version").get<std::string>();
    };
    CHECK(version({staged, old, lone, web}) == "1");
    CHECK(version({web, newer}) == "3");
    newer.state.status = Status::Exited;
    CHECK(version({newer, web}) == "1");
    CHECK(version({web, newer}) == "1");
}

TEST_CASE("one instance counts for each name: the running, else the newest", "[UA-52][protocol]") {
    const auto made = [](const std::string& id, const std::string& name, Status status, const char* created) {
        Container container;
        container.spec.id = id;
        container.spec.name = name;
        container.state = {.status = status, .created = created};
        return container;
    };
    std::vector<Container> all = {
        made("1", "web", Status::Exited, "2026"), made("2", "web", Status::Paused, "2024"),
        made("3", "db", Status::Exited, "2024"),  made("4", "db", Status::Exited, "2025"),
        made("5", "db", Status::Exited, "2025"),  made("6", "", Status::Running, "2025"),
        made("7", "api", Status::Running, "2025")};
    all.back().role = Role::Staged;
    const auto ids = [](const std::vector<Container>& given) {
        std::vector<std::string> found;
        for (const auto* container : effective(given))
            found.push_back(container->spec.id);
        return found;
    };
    CHECK(ids(all) == std::vector<std::string>{"4", "2"});
    std::reverse(all.begin(), all.end());
    CHECK(ids(all) == std::vector<std::string>{"4", "2"});
}

// What a Kanto reported of the very containers the Leda sample asks for, node by node.
TEST_CASE("containers of the Leda sample are reported as Kanto did",
          "[UA-20][UA-48][UA-49][UA-50][protocol]") {
    const auto state =
        decode_desired_state(test::golden("desired-state-leda.json"), "containers", Strictness::Lenient);
    REQUIRE(state);
    const auto theirs = nodes_of(test::golden("currentstate-leda.json"));
    Inventory inventory;
    for (const auto& component : state->components) {
        Container made;
        made.spec = component.spec;
        made.state.status = Status::Running;
        for (const auto& pair : theirs.at("containers:" + component.spec.name).at("parameters"))
            if (pair.at("key") == "created") made.state.created = pair.at("value");
        inventory.containers.push_back(made);
    }
    const auto ours = nodes_of(encode(inventory, {}));
    CHECK(ours.size() == 6);
    for (const auto& [id, node] : ours) {
        if (id == "containers-update-agent") continue;
        CHECK(node.dump() == theirs.at(id).dump());
    }
}
