// Commands of a cloud: the envelope step by step, the arguments, the answers.
#include <nlohmann/json.hpp>

#include "protocol/document.hpp"
#include "protocol/envelope.hpp"
#include "protocol/twin/arguments.hpp"
#include "protocol/twin/envelope.hpp"
#include "protocol/twin/metrics.hpp"
#include "protocol/twin/software.hpp"
#include "test/protocol/golden.hpp"
#include "test/protocol/twin_support.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::test;
using nlohmann::json;
using twin::Code;
using twin::Stage;

namespace {

constexpr const char* kTopic = "acme.fleet/gw:truck-7:edge:containers/things/live/messages/start";
constexpr const char* kPath = "/features/Container:nav-7/inbox/messages/start";

twin::Incoming arrived(const std::string& text, std::size_t most = kMaxMessageBytes) {
    return twin::decode_command(text, nav_thing(), most);
}

json headers() {
    return {{"correlation-id", "c-1"}, {"response-required", true}};
}

std::string message(const json& with) {
    json whole = {{"topic", kTopic}, {"headers", headers()}, {"path", kPath}};
    whole.merge_patch(with);  // null removes
    return whole.dump();
}

std::string with_headers(const json& given) {
    json whole = {{"topic", kTopic}, {"path", kPath}};
    whole["headers"] = given;
    return whole.dump();
}

twin::Refusal refusal_of(const std::string& text) {
    const auto incoming = arrived(text);
    INFO(text);
    REQUIRE(std::holds_alternative<twin::Refusal>(incoming.content));
    return std::get<twin::Refusal>(incoming.content);
}

bool accepted(const std::string& text) {
    return std::holds_alternative<twin::Command>(arrived(text).content);
}

twin::Create create(const std::string& value) {
    auto created = twin::decode_create(value, twin::Shape::ImageAndConfig);
    INFO(value);
    REQUIRE(created);
    return *created;
}

bool is_unreadable(const std::string& value) {
    const auto created = twin::decode_create(value, twin::Shape::ImageAndConfig);
    return !created && created.error().code == Errc::Invalid;
}

}  // namespace

TEST_CASE("recorded commands are understood", "[TW-17][TW-19][protocol]") {
    struct Expected {
        std::string feature, operation, correlation;
    };
    const std::vector<Expected> expected = {
        {"ContainerFactory", "create", "c-100"},         {"ContainerFactory", "createWithConfig", "c-101"},
        {"Container:nav-7", "stopWithOptions", "c-102"}, {"SoftwareUpdatable", "install", "c-105"},
        {"SoftwareUpdatable", "remove", "c-106"},        {"Metrics", "request", "c-107"}};
    const auto lines = golden_lines("twin-commands.jsonl");
    REQUIRE(lines.size() == expected.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto incoming = arrived(lines[i]);
        INFO(lines[i]);
        REQUIRE(std::holds_alternative<twin::Command>(incoming.content));
        const auto& command = std::get<twin::Command>(incoming.content);
        CHECK(command.feature == expected[i].feature);
        CHECK(command.operation == expected[i].operation);
        CHECK(incoming.sender.correlation_id == expected[i].correlation);
        CHECK(incoming.sender.wants_answer);
        CHECK(json::parse(command.value) == json::parse(lines[i])["value"]);
    }
}

TEST_CASE("recorded commands to a container are understood", "[TW-17][TW-19][protocol]") {
    const std::vector<std::string> expected = {"start",  "stop",   "pause", "resume",
                                               "rename", "update", "remove"};
    const auto lines = golden_lines("twin-container-commands.jsonl");
    REQUIRE(lines.size() == expected.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto incoming = arrived(lines[i]);
        INFO(lines[i]);
        REQUIRE(std::holds_alternative<twin::Command>(incoming.content));
        const auto& command = std::get<twin::Command>(incoming.content);
        CHECK(command.feature == "Container:nav-7");
        CHECK(command.operation == expected[i]);
        CHECK(incoming.sender.correlation_id == "c-11" + std::to_string(i));
        CHECK(incoming.sender.wants_answer);
        const auto value = command.value.empty() ? json() : json::parse(command.value);
        CHECK(value == json::parse(lines[i])["value"]);
    }
}

// The rest is decided where the features are: twin_test gives these commands to all of Berth.
TEST_CASE("answers are as recorded", "[TW-16][TW-19][TW-22][TW-23][TW-27][TW-29][protocol]") {
    const auto commands = golden_lines("twin-commands.jsonl");
    const auto others = golden_lines("twin-container-commands.jsonl");
    const auto faulty = golden_lines("twin-faulty-commands.jsonl");
    REQUIRE(faulty.size() == 6);
    const auto late = [](const std::string& text, Code code, const std::string& message) {
        return "\n" + twin::encode_refusal(arrived(text).sender, {Stage::Late, code, message});
    };
    const auto found_by_decoder = [](const std::string& text) {
        return "\n" + twin::encode_refusal(arrived(text).sender, refusal_of(text));
    };
    std::string all = twin::encode_text(arrived(commands[0]).sender, "nav-7");
    all += "\n" + twin::encode_done(arrived(commands[2]).sender);
    for (const std::size_t which : {1U, 2U, 3U})  // stop, pause, resume
        all += "\n" + twin::encode_done(arrived(others.at(which)).sender);
    all += late(others[0], Code::ExecutionFailed, "container nav is already running");
    all += "\n" + twin::encode_refusal(arrived(faulty[0]).sender,
                                       {Stage::Early, Code::ParameterInvalid,
                                        "feature Container:none not found; the twin lists those that are "
                                        "there"});
    all += late(faulty[1], Code::SubjectNotFound, "Container:nav-7 has no operation restart");
    all += found_by_decoder(faulty[2]);
    all += found_by_decoder(faulty[3]);
    const auto renamed = twin::decode_rename(std::get<twin::Command>(arrived(faulty[4]).content).value);
    REQUIRE_FALSE(renamed);
    all += late(faulty[4], Code::ParameterInvalid, renamed.error().message);
    all += found_by_decoder(faulty[5]);
    INFO(differs("twin-answers.jsonl", all));
    CHECK(differs("twin-answers.jsonl", all).empty());
    CHECK(twin::status_of(Code::ParameterInvalid) == 400);
    CHECK(twin::status_of(Code::SubjectNotFound) == 404);
    CHECK(twin::status_of(Code::ExecutionFailed) == 500);
}

TEST_CASE("what is no envelope is a protocol error", "[TW-21][protocol]") {
    for (const std::string& text :
         {std::string(), std::string("{"), std::string("null"), std::string("[]"), std::string("1"),
          std::string("{} x"), std::string("\xff"), message({{"topic", nullptr}}), message({{"topic", ""}}),
          message({{"topic", 7}}), message({{"topic", "a/b"}}), message({{"path", nullptr}}),
          message({{"path", ""}}), message({{"path", json::array()}})}) {
        const auto refused = refusal_of(text);
        CHECK(refused.stage == Stage::Protocol);
        CHECK(refused.code == Code::ParameterInvalid);
        CHECK_FALSE(refused.message.empty());
    }
}

TEST_CASE("headers are checked one by one", "[TW-22][TW-77][protocol]") {
    const json value = {{"value", {{"force", true}}}};
    const auto early = [](const std::string& text) {
        const auto refused = refusal_of(text);
        CHECK(refused.stage == Stage::Early);
        CHECK(refused.code == Code::ParameterInvalid);
        return refused.message;
    };
    CHECK(accepted(message(json::object())));
    CHECK(accepted(message({{"headers", {{"content-type", "application/json"}}}, {"value", 1}})));
    CHECK(accepted(message({{"headers", {{"content-type", "application/json"}}}, {"value", false}})));
    CHECK_THAT(early(message(value)), ContainsSubstring("content-type"));
    CHECK_THAT(
        early(message({{"headers", {{"content-type", "application/json; charset=utf-8"}}}, {"value", 1}})),
        ContainsSubstring("application/json"));
    CHECK_THAT(early(message({{"headers", {{"content-type", "application/json"}}}})),
               ContainsSubstring("no value"));
    CHECK_THAT(early(with_headers({{"response-required", true}})), ContainsSubstring("correlation-id"));
    CHECK_THAT(early(with_headers({{"correlation-id", ""}})), ContainsSubstring("correlation-id"));
    for (const json& wrong :
         {json({{"correlation-id", 5}}), json({{"correlation-id", "c"}, {"content-type", 1}}),
          json({{"correlation-id", "c"}, {"response-required", 1}}), json::array(), json("x")})
        early(with_headers(wrong));
    CHECK_FALSE(
        arrived(with_headers({{"correlation-id", 5}, {"response-required", true}})).sender.correlation_id);
    CHECK(arrived(with_headers({{"correlation-id", 5}, {"response-required", true}})).sender.wants_answer);
}

TEST_CASE("headers that nobody acts on are accepted and not repeated", "[TW-19][protocol]") {
    const auto incoming = arrived(with_headers({{"correlation-id", "c-9"},
                                                {"response-required", true},
                                                {"timeout", "10"},
                                                {"version", 2},
                                                {"ditto-originator", "x"},
                                                {"reply-to", "y"},
                                                {"If-Match", "*"},
                                                {"x-things-parameter-order", "[]"}}));
    REQUIRE(std::holds_alternative<twin::Command>(incoming.content));
    CHECK(json::parse(twin::encode_done(incoming.sender))["headers"] == json({{"correlation-id", "c-9"}}));
}

TEST_CASE("an answer is wanted only by a header that says so", "[TW-26][TW-77][protocol]") {
    const std::vector<std::pair<json, bool>> cases = {
        {nullptr, false}, {false, false}, {"false", false}, {true, true}, {"true", true}};
    for (const auto& [given, wanted] : cases) {
        json all = {{"correlation-id", "c"}};
        if (!given.is_null()) all["response-required"] = given;
        CHECK(arrived(with_headers(all)).sender.wants_answer == wanted);
        CHECK(accepted(with_headers(all)));
    }
}

TEST_CASE("another thing is not found", "[TW-23][TW-66][protocol]") {
    for (const char* topic : {"acme.fleet/other:edge:containers/things/live/messages/start",
                              "acme/gw:truck-7:edge:containers/things/live/messages/start"}) {
        const auto refused = refusal_of(message({{"topic", topic}}));
        CHECK(refused.stage == Stage::Early);
        CHECK(refused.code == Code::SubjectNotFound);
    }
    CHECK(accepted(message({{"topic", "acme.fleet/gw:truck-7:edge:containers/whatever"}})));
    CHECK(accepted(message({{"topic", "acme.fleet:gw/truck-7:edge:containers/things/live/messages/start"}})));
    const auto seed = twin::thing_of(nav_device(), twin::TopicForm::Tenant);
    for (const char* topic :
         {"acme.fleet/gw:truck-7:edge:containers/things", "acme/gw:truck-7:edge:containers/t"}) {
        const auto incoming = twin::decode_command(message({{"topic", topic}}), seed, kMaxMessageBytes);
        CHECK(std::holds_alternative<twin::Command>(incoming.content));
    }
}

TEST_CASE("paths lead to a feature's operation or nowhere", "[TW-24][protocol]") {
    const std::vector<std::pair<std::string, Code>> cases = {
        {"/inbox/messages/start", Code::SubjectNotFound},
        {"/", Code::ParameterInvalid},
        {"/features", Code::ParameterInvalid},
        {"/features/X", Code::ParameterInvalid},
        {"/features/X/outbox/messages/a", Code::ParameterInvalid},
        {"/features/X/inbox/messages/", Code::ParameterInvalid},
        {"/features/X/inbox/messages/a/b", Code::ParameterInvalid},
        {"/features//inbox/messages/a", Code::ParameterInvalid},
        {"/features/X/Y/inbox/messages/a", Code::ParameterInvalid},
        {"features/X/inbox/messages/a", Code::ParameterInvalid},
    };
    for (const auto& [path, code] : cases) {
        const auto refused = refusal_of(message({{"path", path}}));
        INFO(path);
        CHECK(refused.stage == Stage::Early);
        CHECK(refused.code == code);
    }
}

TEST_CASE("names count in any case, the exact one first", "[TW-78][protocol]") {
    CHECK(create(R"({"ImageRef":"a:1","START":true})").spec.image == "a:1");
    CHECK(create(R"({"imageRef":"exact:1","ImageRef":"other:1"})").spec.image == "exact:1");
    CHECK(create(R"({"imageRef":"a:1","config":{"ENV":["A=1"]}})").spec.env ==
          std::vector<std::string>{"A=1"});
    const std::string shouted = R"({"TOPIC":")" + std::string(kTopic) + R"(","Path":")" + kPath +
                                R"(","Headers":{"Correlation-Id":"c","Response-Required":true}})";
    CHECK(accepted(shouted));
    CHECK(arrived(shouted).sender.correlation_id == "c");
}

TEST_CASE("large and deep payloads are refused before a tree is built", "[TW-81][protocol]") {
    const auto fine = message(json::object());
    CHECK(std::holds_alternative<twin::Command>(arrived(fine, fine.size()).content));
    const auto too_large = std::get<twin::Refusal>(arrived(fine, fine.size() - 1).content);
    CHECK(too_large.stage == Stage::Protocol);
    CHECK(too_large.code == Code::ParameterInvalid);
    CHECK_THAT(too_large.message, ContainsSubstring("too many"));
    CHECK(twin::refusal_of_size(fine.size(), fine.size() - 1) == too_large);
    const auto deep = refusal_of("{\"value\":" + std::string(100'000, '['));
    CHECK(deep.stage == Stage::Protocol);
    CHECK_THAT(deep.message, ContainsSubstring("nested too deeply"));
}

TEST_CASE("the sender of a text that is cut short is found", "[TW-79][protocol]") {
    const auto whole = golden_lines("twin-commands.jsonl")[0];
    const auto sender = twin::peek_sender(whole.substr(0, whole.size() - 5));
    CHECK(sender.topic == "acme.fleet/gw:truck-7:edge:containers/things/live/messages/create");
    CHECK(sender.path == "/features/ContainerFactory/inbox/messages/create");
    CHECK(sender.correlation_id == "c-100");
    CHECK(sender.wants_answer);
    CHECK(twin::peek_sender("\xff{").topic.empty());

    // Headers that are gone may have asked for an answer, those that are there say it themselves.
    CHECK(twin::peek_sender(R"({"value":"aaaa)").wants_answer);
    CHECK(twin::peek_sender(R"({"topic":"a/b/c","headers":{"correlation-id":"c-1","timeo)").wants_answer);
    CHECK_FALSE(twin::peek_sender(R"({"headers":{"correlation-id":"c-1"},"value":"aa)").wants_answer);
    CHECK_FALSE(twin::peek_sender(R"({"topic":"a/b/c","path":"/p"})").wants_answer);
}

TEST_CASE("create reads its arguments", "[TW-25][TW-31][TW-32][TW-33][protocol]") {
    const auto small = twin::decode_create(R"({"imageRef":"a:1","name":"ignored"})", twin::Shape::Image);
    REQUIRE(small);
    CHECK(small->spec.image == "a:1");
    CHECK(small->spec.name.empty());
    CHECK_FALSE(small->start);
    for (const char* without : {R"({"name":"nav","start":true})", "{}", "null", ""})
        CHECK(create(without).spec.image.empty());  // refused later, as a failure
    CHECK(create(R"({"imageRef":"a:1","name":"nav","start":true})").start);
    for (const char* unreadable :
         {"1", "[]", "\"a:1\"", R"({"imageRef":1})", R"({"imageRef":"a","start":1})",
          R"({"imageRef":"a","config":[]})", R"({"imageRef":"a","config":{"env":"A=1"}})"}) {
        INFO(unreadable);
        CHECK(is_unreadable(unreadable));
    }
}

TEST_CASE("numbers out of range cannot be read", "[TW-25][TW-39][protocol]") {
    const auto port = [](const std::string& member, const std::string& number) {
        return R"({"imageRef":"a","config":{"portMappings":[{"hostPort":1,"containerPort":1,")" + member +
               "\":" + number + "}]}}";
    };
    for (const char* member : {"hostPort", "containerPort", "hostPortEnd"})
        for (const char* number : {"70000", "-1", "80.5", "1e99", "\"80\"", "99999999999999999999"})
            CHECK(is_unreadable(port(member, number)));
    CHECK(create(port("hostPort", "65535")).spec.ports[0].host_port == 65535);
    CHECK(is_unreadable(R"({"imageRef":"a","config":{"log":{"maxFiles":1.5}}})"));
}

TEST_CASE("enumerations are read in both spellings", "[TW-37][protocol]") {
    for (const auto& [network, policy, log, mode] :
         {std::array{"BRIDGE", "ON_FAILURE", "JSON_FILE", "NON_BLOCKING"},
          std::array{"bridge", "on-failure", "json-file", "non-blocking"}}) {
        const json config = {{"networkMode", network},
                             {"restartPolicy", {{"type", policy}, {"retryTimeout", 2.9}}},
                             {"log", {{"type", log}, {"mode", mode}}}};
        const auto read = create(json({{"imageRef", "a"}, {"config", config}}).dump()).spec;
        CHECK(read.network == "bridge");
        CHECK(read.restart.type == "on-failure");
        CHECK(read.restart.retry_timeout_s == 2);
        CHECK(read.log.driver == "json-file");
        CHECK(read.log.mode == "non-blocking");
    }
    for (const char* config : {R"({"networkMode":"Mesh"})", R"({"restartPolicy":{"type":"MAYBE"}})",
                               R"({"log":{"type":"SYSLOG"}})", R"({"log":{"mode":"SOMETIMES"}})"}) {
        auto spec = create(R"({"imageRef":"a","name":"n","config":)" + std::string(config) + "}").spec;
        fill_defaults(spec);
        CHECK_FALSE(validate(spec));
    }
}

TEST_CASE("an unknown propagation is the private one", "[TW-37][protocol]") {
    const auto mount = [](const std::string& mode) {
        return create(
            R"({"imageRef":"a","config":{"mountPoints":[{"source":"/s","destination":"/d","propagationMode":")" +
            mode + "\"}]}}");
    };
    CHECK(mount("RSHARED").spec.mounts[0].propagation == "rshared");
    CHECK(mount("slave").spec.mounts[0].propagation == "slave");
    CHECK(mount("SLAVE").warnings.empty());
    CHECK(mount("odd").spec.mounts[0].propagation == "rprivate");
    CHECK(mount("odd").warnings.size() == 1);
}

TEST_CASE("privileged containers need no capabilities, and keys are asked for", "[TW-36][TW-38][protocol]") {
    CHECK(create(R"({"imageRef":"a","config":{"privileged":true,"extraCapabilities":["NET_ADMIN"]}})")
              .spec.extra_capabilities.empty());
    CHECK(create(R"({"imageRef":"a","config":{"decryption":{"keys":["/k:password"]}}})").encrypted);
    CHECK(create(R"({"imageRef":"a","config":{"decryption":{"recipients":["r"]}}})").encrypted);
    CHECK_FALSE(create(R"({"imageRef":"a","config":{"decryption":{}}})").encrypted);
}

TEST_CASE("resources and ports are checked against each other", "[TW-39][protocol]") {
    for (const char* config :
         {R"({"resources":{"memory":"2M"}})", R"({"resources":{"memory":"64"}})",
          R"({"resources":{"memory":"64M","memorySwap":"32M"}})", R"({"resources":{"memorySwap":"32M"}})",
          R"({"resources":{"memory":"64M","memoryReservation":"128M"}})",
          R"({"networkMode":"HOST","portMappings":[{"hostPort":1,"containerPort":1}]})",
          R"({"networkMode":"HOST","extraHosts":["a:host_ip"]})",
          R"({"privileged":true,"devices":[{"pathOnHost":"/dev/a","pathInContainer":"/dev/a"}]})"}) {
        auto spec = create(R"({"imageRef":"a","name":"n","config":)" + std::string(config) + "}").spec;
        fill_defaults(spec);
        INFO(config);
        CHECK_FALSE(validate(spec));
    }
}

TEST_CASE("the operations of a container read their arguments",
          "[TW-25][TW-42][TW-44][TW-45][TW-46][protocol]") {
    CHECK(*twin::decode_stop("") == twin::Stop{});
    CHECK(*twin::decode_stop(R"({"timeout":8,"force":true,"signal":"SIGINT"})") ==
          twin::Stop{8, true, "SIGINT"});
    CHECK_FALSE(twin::decode_stop("[]"));
    CHECK_FALSE(twin::decode_stop(R"({"timeout":1.5})"));
    for (const char* signal : {"SIGINT", "SIGRTMIN+3", "1", "255"})
        CHECK(twin::fault_of({0, false, signal}).empty());
    for (const char* signal : {"INT", "SIG", "0", "256", "-1", "sigint", "SIG INT"})
        CHECK_FALSE(twin::fault_of({0, false, signal}).empty());
    CHECK_FALSE(twin::fault_of({-1, false, ""}).empty());

    CHECK(*twin::decode_rename("\"nav-eu\"") == "nav-eu");
    CHECK(twin::decode_rename("")->empty());
    CHECK_FALSE(twin::decode_rename("7"));
    CHECK(*twin::decode_remove("true"));
    CHECK_FALSE(*twin::decode_remove("false"));
    CHECK_FALSE(*twin::decode_remove(""));
    CHECK_FALSE(twin::decode_remove("\"true\""));

    const auto update =
        twin::decode_update(R"({"restartPolicy":{"type":"ALWAYS"},"resources":{"memory":"128M"}})");
    REQUIRE(update);
    CHECK(update->restart == RestartPolicy{"always", 0, 0});
    CHECK(update->resources == Resources{"128M", "", ""});
    CHECK(twin::decode_update("{}")->restart == std::nullopt);
    CHECK(twin::decode_update(R"({"resources":{}})")->resources == Resources{});
    CHECK_FALSE(twin::decode_update("1"));
}

TEST_CASE("install and remove name what they lack", "[TW-49][TW-52][TW-55][protocol]") {
    const auto lines = golden_lines("twin-commands.jsonl");
    const auto install = twin::decode_install(json::parse(lines[3])["value"].dump());
    REQUIRE(install);
    CHECK(install->correlation_id == "roll-7");
    REQUIRE(install->modules.size() == 1);
    CHECK(install->modules[0].module == twin::Module{"nav", "2.4.1"});
    CHECK(install->modules[0].artifacts.at(0).url == "https://repo.acme.example/nav.json");
    CHECK(install->modules[0].artifacts.at(0).checksums.sha256.size() == 64);
    for (const char* bad :
         {"{}", R"({"softwareModules":[]})", R"({"softwareModules":[{"artifacts":[{}]}]})",
          R"({"softwareModules":[{"softwareModule":{"name":"a"},"artifacts":[]}]})",
          R"({"softwareModules":[{"softwareModule":{"name":"a"}}]})", R"({"softwareModules":[null]})", "[]",
          R"({"softwareModules":[{"softwareModule":{},"artifacts":[{"size":-1}]}]})"}) {
        INFO(bad);
        CHECK_FALSE(twin::decode_install(bad));
    }
    const auto preferred = twin::decode_install(
        R"({"softwareModules":[{"softwareModule":{"name":"a"},"artifacts":[{"download":{"HTTPS":{"url":"s"},"HTTP":{"url":"h"}}}]}]})");
    REQUIRE(preferred);
    CHECK(preferred->modules[0].artifacts[0].url == "h");

    const auto remove = twin::decode_remove_software(json::parse(lines[4])["value"].dump());
    REQUIRE(remove);
    CHECK(*remove == twin::RemoveSoftware{"roll-8", {{"", "nav-7", "2.4.1", ""}}, false});
    CHECK_FALSE(twin::decode_remove_software(R"({"software":[]})"));
    CHECK_FALSE(twin::decode_remove_software("{}"));
}

TEST_CASE("install and remove are about a thousand things at most", "[TW-25][TW-49][protocol]") {
    const json module = {{"softwareModule", {{"name", "a"}}}, {"artifacts", {json::object()}}};
    const auto list = [](std::size_t count, const json& one) {
        json all = json::array();
        for (std::size_t i = 0; i < count; ++i)
            all.push_back(one);
        return all;
    };
    for (const std::size_t count : {twin::kMostSoftware, twin::kMostSoftware + 1}) {
        const bool fits = count == twin::kMostSoftware;
        auto many = module;
        many["artifacts"] = list(count, json::object());
        CHECK(bool(twin::decode_install(json({{"softwareModules", list(count, module)}}).dump())) == fits);
        CHECK(bool(twin::decode_install(json({{"softwareModules", json::array({many})}}).dump())) == fits);
        CHECK(bool(twin::decode_remove_software(json({{"software", list(count, {{"name", "a"}})}}).dump())) ==
              fits);
    }
}

TEST_CASE("frequencies are durations or seconds", "[TW-59][protocol]") {
    using namespace std::chrono_literals;
    const std::vector<std::pair<std::string, std::chrono::nanoseconds>> cases = {
        {R"({"frequency":"5s"})", 5s},
        {R"({"frequency":"1m30s"})", 90s},
        {R"({"frequency":"1.5h"})", 90min},
        {R"({"frequency":"300ms"})", 1s},
        {R"({"frequency":2.9})", 2s},
        {R"({"frequency":0.5})", 0s},
        {R"({"frequency":"0s"})", 0s},
        {R"({"frequency":"0"})", 0s},
        {R"({"frequency":"-1s"})", 0s},
        {R"({"frequency":-3})", 0s},
        {"{}", 0s},
        {"", 0s},
        {R"({"Frequency":"7s"})", 7s},
        {R"({"frequency":"2562047h"})", 24h * 365},  // the clock goes no further
        {R"({"frequency":8e9})", 24h * 365},
    };
    for (const auto& [text, wanted] : cases) {
        const auto request = twin::decode_metrics_request(text);
        INFO(text);
        REQUIRE(request);
        CHECK(request->frequency == wanted);
    }
    for (const char* bad :
         {R"({"frequency":"soon"})", R"({"frequency":null})", R"({"frequency":true})", R"({"frequency":{}})",
          R"({"frequency":""})", "[]", "1", R"({"frequency":"5s","filter":1})"}) {
        INFO(bad);
        CHECK_FALSE(twin::decode_metrics_request(bad));
    }
}

TEST_CASE("filters are prefixes, and one is enough", "[TW-60][protocol]") {
    const auto wants = [](const std::string& filter, std::string_view originator, std::string_view metric) {
        const auto request = twin::decode_metrics_request(R"({"frequency":1,"filter":)" + filter + "}");
        REQUIRE(request);
        return request->wants(originator, metric);
    };
    for (const char* all : {"[]", "null", "[{}]", R"([{"id":null}])", R"([{"id":[]}])", R"([{"id":["*"]}])",
                            R"([{"id":[""]}])", R"([{"originator":""}])"})
        CHECK(wants(all, "Container:a", "cpu.utilization"));
    for (const char* cpu :
         {R"([{"id":["cpu.*"]}])", R"([{"id":["cpu"]}])", R"([{"id":["*cpu.utilization"]}])"}) {
        CHECK(wants(cpu, "Container:a", "cpu.utilization"));
        CHECK_FALSE(wants(cpu, "Container:a", "memory.used"));
    }
    CHECK(wants(R"([{"id":["memory.u"]}])", "Container:a", "memory.utilization"));
    CHECK_FALSE(wants(R"([{"id":["utilization"]}])", "Container:a", "cpu.utilization"));
    const std::string two = R"([{"originator":"Container:a","id":["pids"]},{"originator":"Container:b"}])";
    CHECK(wants(two, "Container:a", "pids"));
    CHECK_FALSE(wants(two, "Container:a", "cpu.utilization"));
    CHECK(wants(two, "Container:b", "cpu.utilization"));
    CHECK_FALSE(wants(two, "Container:abc", "pids"));
    const auto many = [](std::size_t filters, std::size_t ids) {
        json all = json::array();
        for (std::size_t i = 0; i < filters; ++i)
            all.push_back({{"originator", "Container:a"}});
        for (std::size_t i = 0; i < ids; ++i)
            all[0]["id"].push_back("pids");
        return bool(twin::decode_metrics_request(json({{"frequency", 1}, {"filter", all}}).dump()));
    };
    CHECK(many(twin::kMostFilters, twin::kMostFilters));
    CHECK_FALSE(many(twin::kMostFilters + 1, 1));
    CHECK_FALSE(many(1, twin::kMostFilters + 1));
}

TEST_CASE("what is kept of an action on software is read again", "[TW-50][protocol]") {
    twin::OperationStatus failed{};
    failed.correlation_id = "one";
    failed.status = twin::Progress::FinishedError;
    failed.module = twin::Module{"nav", ""};
    failed.message = "no";
    const twin::KeptAction all{.thing = "acme:one",
                               .correlation_id = "one",
                               .modules = {{"map", "2"}},
                               .software = {{"g", "a", "1", "t"}, {"", "b", "", ""}},
                               .removed = {{"", "c", "", ""}},
                               .ends = {failed, failed}};
    CHECK(*twin::decode_kept(twin::encode_kept(all)) == all);
    CHECK(*twin::decode_kept(twin::encode_kept({})) == twin::KeptAction{});
    for (const char* damaged : {"", "{", R"({"ends":1})", R"({"ends":[{"message":"no status"}]})"})
        CHECK_FALSE(twin::decode_kept(damaged));
}

TEST_CASE("arguments may be as large as the envelope that was accepted", "[TW-81][protocol]") {
    const std::string padding = R"("padding":")" + std::string(kMaxMessageBytes, 'x') + '"';
    CHECK(twin::decode_create("{" + padding + R"(,"imageRef":"app:1"})", twin::Shape::Image));
    CHECK(twin::decode_stop("{" + padding + "}"));
    CHECK(twin::decode_metrics_request("{" + padding + "}"));
    CHECK(twin::decode_remove_software("{" + padding + R"(,"software":[{"name":"a"}]})"));
    CHECK(twin::decode_install("{" + padding +
                               R"(,"softwareModules":[{"softwareModule":{"name":"a"},"artifacts":[{}]}]})"));
}
