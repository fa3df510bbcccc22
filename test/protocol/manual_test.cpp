// protocol/README.md, the reference of the wire, is held against the golden files and the code.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/component_keys.hpp"
#include "protocol/desired_state.hpp"
#include "protocol/document.hpp"
#include "protocol/envelope.hpp"
#include "protocol/feedback.hpp"
#include "protocol/topics.hpp"
#include "protocol/twin/arguments.hpp"
#include "protocol/twin/envelope.hpp"
#include "protocol/twin/identity.hpp"
#include "protocol/twin/metrics.hpp"
#include "protocol/twin/software.hpp"
#include "test/protocol/golden.hpp"
#include "test/protocol/twin_support.hpp"
#include "test/support/catch.hpp"

namespace berth::manual {
namespace {

using Ordered = nlohmann::ordered_json;

std::string page(const std::string& file) {
    std::ifstream stream(std::string(BERTH_SOURCE_DIR) + "/" + file, std::ios::binary);
    REQUIRE(stream.is_open());
    return {std::istreambuf_iterator<char>(stream), {}};
}

// The JSON values that stand one after the other in a text, each compact, with its members in their order.
std::vector<std::string> values_in(const std::string& text) {
    std::vector<std::string> values;
    std::istringstream stream(text);
    while (stream >> std::ws && stream.peek() != std::char_traits<char>::eof()) {
        Ordered value;
        stream >> value;
        values.push_back(value.dump());
    }
    return values;
}

struct Example {
    std::string file{};     // of test/golden; empty: it names none
    std::string pointer{};  // to the part of that file that is shown; empty: all of it
    std::vector<std::string> values{};
};

// A block of JSON after a line <!-- golden: FILE [POINTER] -->
std::vector<Example> examples() {
    constexpr std::string_view kMark = "<!-- golden: ";
    std::vector<Example> found;
    std::istringstream lines(page("protocol/README.md"));
    std::string before;
    for (std::string line; std::getline(lines, line); before = line) {
        if (line != "```json") continue;
        Example example;
        if (before.starts_with(kMark)) {
            std::istringstream words(before.substr(kMark.size()));
            words >> example.file >> example.pointer;
            if (example.pointer == "-->") example.pointer.clear();
        }
        std::string block;
        while (std::getline(lines, line) && line != "```")
            block += line + "\n";
        example.values = values_in(block);
        found.push_back(example);
    }
    REQUIRE_FALSE(found.empty());
    return found;
}

std::vector<std::string> content_of(const Example& example) {
    auto values = values_in(test::golden(example.file));
    if (example.pointer.empty()) return values;
    REQUIRE(values.size() == 1);
    const auto whole = Ordered::parse(values.front());
    return {whole.at(Ordered::json_pointer(example.pointer)).dump()};
}

template <class T>
std::string reason_of(const Result<T>& decoded) {
    return decoded ? std::string() : decoded.error().message;
}

std::string fault_of_operation(const twin::Command& command) {
    const auto& [feature, operation, value] = command;
    if (operation == "create") return reason_of(twin::decode_create(value, twin::Shape::Image));
    if (operation == "createWithConfig")
        return reason_of(twin::decode_create(value, twin::Shape::ImageAndConfig));
    if (operation == "install") return reason_of(twin::decode_install(value));
    if (operation == "request") return reason_of(twin::decode_metrics_request(value));
    if (operation == "rename") return reason_of(twin::decode_rename(value));
    if (operation == "update") return reason_of(twin::decode_update(value));
    static const std::set<std::string> kWithout = {"start", "stop", "pause", "resume"};
    if (kWithout.contains(operation)) return value;  // which has none
    if (operation == "remove" && feature == "SoftwareUpdatable")
        return reason_of(twin::decode_remove_software(value));
    if (operation == "remove") return reason_of(twin::decode_remove(value));
    if (operation != "stopWithOptions") return "no operation " + operation;
    const auto stop = twin::decode_stop(value);
    return stop ? twin::fault_of(*stop) : stop.error().message;
}

std::string fault_of_twin_command(const std::string& text) {
    const auto incoming = twin::decode_command(text, test::nav_thing(), kMaxMessageBytes);
    if (const auto* refusal = std::get_if<twin::Refusal>(&incoming.content)) return refusal->message;
    return fault_of_operation(std::get<twin::Command>(incoming.content));
}

// Topic and message of each mosquitto_pub that has one.
std::vector<std::pair<std::string, std::string>> published(const std::string& text) {
    constexpr std::string_view kTopic = "mosquitto_pub -t ";
    constexpr std::string_view kMessage = " -m '";
    std::vector<std::pair<std::string, std::string>> found;
    for (auto at = text.find(kTopic); at != text.npos; at = text.find(kTopic, at)) {
        at += kTopic.size();
        const auto topic = text.substr(at, text.find_first_of(" \n", at) - at);
        at += topic.size();
        if (text.compare(at, kMessage.size(), kMessage) != 0) continue;
        at += kMessage.size();
        found.emplace_back(topic, text.substr(at, text.find('\'', at) - at));
    }
    return found;
}

// What the decoder says of a message that is sent to Berth; empty: nothing, or nobody sends it.
std::string fault_of(const std::string& file, const std::string& text) {
    static const std::set<std::string> kOurs = {"currentstate-brief.json", "export.jsonl",
                                                "plan-result.jsonl", "twin-answers.jsonl", "twin-sent.jsonl"};
    if (kOurs.contains(file)) return {};
    if (file == "desired-state-full.json")
        return reason_of(decode_desired_state(text, "containers", Strictness::Strict));
    if (file == "command.jsonl") {
        const auto command = decode_command(text);
        return command && !command->command ? "no such command" : reason_of(command);
    }
    if (file == "feedback.jsonl") return reason_of(decode_feedback(text, "containers"));
    if (file == "get.jsonl") {
        const auto refused = peek(text).refused;
        return refused ? refused->message : std::string();
    }
    if (file == "document-full.json") return reason_of(decode_document(text));
    if (file == "twin-handshake.jsonl")
        return text == twin::encode_edge_request() ? "" : reason_of(twin::decode_edge_response(text));
    if (file == "twin-notices.jsonl")
        return twin::decode_notice(text, kMaxMessageBytes) ? "" : "no notification";
    if (file == "twin-commands.jsonl" || file == "twin-container-commands.jsonl")
        return fault_of_twin_command(text);
    return "nothing is known of messages in " + file;
}

}  // namespace

TEST_CASE("every example of the manual is what a golden file says", "[protocol]") {
    for (const auto& example : examples()) {
        REQUIRE_FALSE(example.values.empty());
        INFO(example.file << ' ' << example.pointer << ": " << example.values.front());
        REQUIRE_FALSE(example.file.empty());
        const auto wanted = content_of(example);
        for (const auto& value : example.values) {
            INFO(value);
            CHECK(std::find(wanted.begin(), wanted.end(), value) != wanted.end());
            if (example.pointer.empty()) CHECK(fault_of(example.file, value) == "");
        }
    }
}

TEST_CASE("the manual shows every message", "[protocol]") {
    // Of these the manual shows the same message with other content, or a part.
    const std::set<std::string> variants = {"currentstate-leda.json",  "currentstate-verbose.json",
                                            "desired-state-leda.json", "feedback-recorded.jsonl",
                                            "kanto-config.json",       "manifest-databroker.json",
                                            "record-full.json",        "twin-faulty-commands.jsonl"};
    std::map<std::string, std::set<std::string>> shown;
    for (const auto& example : examples())
        if (example.pointer.empty()) shown[example.file].insert(example.values.begin(), example.values.end());
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(BERTH_SOURCE_DIR) + "/test/golden")) {
        const auto file = entry.path().filename().string();
        const auto kind = entry.path().extension().string();
        if ((kind != ".json" && kind != ".jsonl") || variants.contains(file)) continue;
        for (const auto& value : values_in(test::golden(file))) {
            INFO(file << ": " << value);
            CHECK(shown[file].contains(value));
        }
    }
    for (const auto& file : variants) {
        INFO(file);
        CHECK_NOTHROW(test::golden(file));
    }
}

TEST_CASE("the manual names every topic", "[protocol]") {
    const auto manual = page("protocol/README.md");
    const UpdateTopics update("containers");
    // One topic more does not compile here.
    const auto& [state, command, plan, plan_result, ask_export, export_result, feedback, inventory, get] =
        update;
    const auto thing = twin::thing_of({"<namespace>:<name>", "<tenant>", ""});
    const auto in_words = [&thing](std::string topic) {
        if (const auto at = topic.find(thing.id); at != topic.npos)
            topic.replace(at, thing.id.size(), "<thing>");
        return topic;
    };
    auto answer = twin::response_topic({"<thing>", "<request>", "<subject>"}, 204);
    answer.replace(answer.size() - 3, 3, "<status>");
    for (const auto& topic :
         {state, command, plan, plan_result, ask_export, export_result, feedback, inventory, get,
          std::string(twin::kEdgeRequest), std::string(twin::kEdgeResponse), in_words(thing.event_topic),
          in_words(thing.command_filter), answer}) {
        INFO(topic);
        CHECK(manual.find("`" + topic + "`") != manual.npos);
    }
}

TEST_CASE("the manual explains every key and every word", "[protocol]") {
    const auto manual = page("protocol/README.md");
    for (const auto key : component_keys()) {
        INFO(key);
        CHECK(manual.find("\n| `" + std::string(key) + "`") != manual.npos);
    }
    for (int i = 0; i <= static_cast<int>(Word::Superseded); ++i) {
        const std::string word(to_string(static_cast<Word>(i)));
        INFO(word);
        CHECK(manual.find("`" + word + "`") != manual.npos);
    }
}

TEST_CASE("requests without content and notifications are read as the manual says", "[protocol]") {
    std::vector<std::string> names;
    for (const auto& line : test::golden_lines("get.jsonl"))
        names.push_back(decode_get(line));
    CHECK(names == std::vector<std::string>{"get-1", "get-2", ""});
    std::vector<std::string> notices;
    for (const auto& line : test::golden_lines("twin-notices.jsonl")) {
        const auto notice = twin::decode_notice(line, kMaxMessageBytes);
        REQUIRE(notice);
        REQUIRE(notice->topic.starts_with(test::nav_thing().topic_prefix + "/things/twin/"));
        notices.push_back(notice->topic.substr(notice->topic.rfind('/') + 1) + " " + notice->path + " " +
                          std::to_string(notice->status));
    }
    const std::string state = "/features/Container:nav-7/properties/status/state";
    CHECK(notices == std::vector<std::string>{"modified /features/Metrics 0", "merged " + state + " 0",
                                              "deleted / 0", "created / 0", "errors " + state + " 404"});
}

TEST_CASE("what the first page sends is understood", "[protocol]") {
    const auto all = published(page("README.md"));
    CHECK_FALSE(all.empty());
    for (const auto& [topic, message] : all) {
        INFO(message);
        CHECK(topic == UpdateTopics("containers").desired_state);
        CHECK(reason_of(decode_desired_state(message, "containers", Strictness::Strict)) == "");
    }
}

TEST_CASE("what the manual sends by hand is understood, and answered as it shows", "[protocol]") {
    const auto manual = page("protocol/README.md");
    const auto all = published(manual);
    REQUIRE(all.size() == 2);
    CHECK(all[0].first == twin::kEdgeResponse);
    const auto device = twin::decode_edge_response(all[0].second);
    REQUIRE(device);
    const auto thing = twin::thing_of(*device);
    const auto topic = twin::parse_command_topic(all[1].first);
    REQUIRE(topic);
    CHECK(topic->thing_id == thing.id);
    const auto incoming = twin::decode_command(all[1].second, thing, kMaxMessageBytes);
    REQUIRE(std::holds_alternative<twin::Command>(incoming.content));
    CHECK(fault_of_operation(std::get<twin::Command>(incoming.content)) == "");
    CHECK(incoming.sender.wants_answer);

    const auto answer = twin::response_topic(*topic, 200) + " ";
    const auto at = manual.find("\n" + answer);
    REQUIRE(at != manual.npos);
    const auto begin = at + 1 + answer.size();
    const auto shown = manual.substr(begin, manual.find('\n', begin) - begin);
    CHECK(shown == twin::encode_text(incoming.sender, Ordered::parse(shown)["value"].get<std::string>()));
}

}  // namespace berth::manual
