// Messages nobody should send: each is refused with a reason, and none does harm.
#include <random>

#include "protocol/desired_state.hpp"
#include "protocol/document.hpp"
#include "protocol/envelope.hpp"
#include "protocol/feedback.hpp"
#include "test/protocol/golden.hpp"
#include "test/support/catch.hpp"
#include "test/support/rounds.hpp"

using namespace berth;

namespace {

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    all.reserve(text.size() * times);
    for (std::size_t i = 0; i < times; ++i)
        all += text;
    return all;
}

Result<DesiredState> read(const std::string& text) {
    return decode_desired_state(text, "containers", Strictness::Lenient);
}

struct Broken {
    std::string name;
    std::string text;
    std::optional<std::string> activity_id;
    std::string reason;  // how the refusal of peek begins; empty: peek finds nothing wrong
    Errc code{Errc::Invalid};
};

std::vector<Broken> broken_messages() {
    const std::string head = R"({"activityId":"a","payload":)";
    return {
        {"empty", "", std::nullopt, "$: not JSON at byte 1: "},
        {"blank", "  \n", std::nullopt, "$: not JSON at byte "},
        {"word", "hello", std::nullopt,
         "$: not JSON at byte 1: syntax error while parsing value - invalid literal; expected"},
        {"number", "5", std::nullopt, "$: expected one JSON object"},
        {"null", "null", std::nullopt, "$: expected one JSON object"},
        {"string", "\"activityId\"", std::nullopt, "$: expected one JSON object"},
        {"array", R"([{"activityId":"a"}])", std::nullopt, "$: expected one JSON object"},
        {"cut", head + R"({"domains":[{"id":"cont)", "a",
         "$: not JSON at byte 52: syntax error while parsing value - invalid string: missing closing quote"},
        {"cut before the id", R"({"timestamp":5,"activ)", std::nullopt, "$: not JSON at byte "},
        {"trailing comma", head + "{},}", "a",
         "$: not JSON at byte 32: syntax error while parsing object key - unexpected '}'"},
        {"two objects", head + "{}} {}", "a", "$: not JSON at byte "},
        {"comment", head + "{} /* x */ }", "a", "$: not JSON at byte "},
        {"single quotes", "{'activityId':'a'}", std::nullopt, "$: not JSON at byte 2: "},
        {"bad UTF-8", head + "{\"x\":\"\xff\"}}", "a",
         "$: not JSON at byte 35: syntax error while parsing value - invalid string: ill-formed UTF-8 byte"},
        {"bad UTF-8 as id", "{\"activityId\":\"\xc0\xaf\"}", std::nullopt, "$: not JSON at byte "},
        {"zero byte", head + std::string("{\0}}", 4), "a", "$: not JSON at byte "},
        {"lone surrogate", head + "\"\\ud800\"}", "a", "$: not JSON at byte "},
        {"huge number", head + "1e999}", "a", "$: not JSON at byte 33: number out of range"},
        {"33 levels", head + repeated("[", 32) + repeated("]", 32) + "}", "a",
         "$: nested too deeply at byte 60; at most 32 levels"},
        {"33 levels, id behind",
         "{\"x\":" + repeated("[", 32) + repeated("]", 32) + ",\"ActivityID\":\"late\"}", "late",
         "$: nested too deeply"},
        {"100000 brackets", head + repeated("[", 100'000), "a",
         "$: nested too deeply at byte 60; at most 32 levels"},
        {"100000 closed brackets", head + repeated("[", 100'000) + repeated("]", 100'000) + "}", "a",
         "$: nested too deeply"},
        {"100000 objects", repeated("{\"a\":", 100'000), std::nullopt, "$: nested too deeply at byte 161"},
        {"2 MiB", head + "\"" + repeated("x", 2 << 20) + "\"}", "a",
         "$: 2097183 bytes are too many; at most 1048576", Errc::TooLarge},
        {"id behind the limit", "{\"x\":\"" + repeated("x", 2 << 20) + R"(","activityId":"a"})", std::nullopt,
         "$: ", Errc::TooLarge},
        {"id is a number", R"({"activityId":5,"payload":{"activityId":"inner"}})", std::nullopt, ""},
        {"payload is an array", head + "[]}", "a", ""},
        {"timestamp is a text", R"({"activityId":"a","timestamp":"5","payload":{}})", "a", ""},
        {"timestamp has a fraction", R"({"activityId":"a","timestamp":1.5,"payload":{}})", "a", ""},
        {"timestamp is too large", R"({"activityId":"a","timestamp":18446744073709551615,"payload":{}})", "a",
         ""},
        {"null component", head + R"({"domains":[{"id":"containers","components":[null]}]}})", "a", ""},
        {"null pair",
         head + R"({"domains":[{"id":"containers","components":[{"id":"w","config":[null]}]}]}})", "a", ""},
        {"value is a number",
         head +
             R"({"domains":[{"id":"containers","components":[{"id":"w","config":[{"key":"memory","value":64}]}]}]}})",
         "a", ""},
        {"components is an object", head + R"({"domains":[{"id":"containers","components":{}}]}})", "a", ""},
        {"half a million nulls", head + "{\"domains\":[" + repeated("null,", 200'000) + "null]}}", "a", ""},
    };
}

}  // namespace

TEST_CASE("a broken message is refused with a reason and its activityId is found",
          "[BX-01][UA-05][UA-09][protocol]") {
    static const auto messages = broken_messages();  // once: the case is entered anew for every section
    for (const auto& c : messages) {
        DYNAMIC_SECTION(c.name) {
            const Peek found = peek(c.text);
            CHECK(found.activity_id == c.activity_id);
            CHECK(found.refused.has_value() == !c.reason.empty());
            if (found.refused) {
                CHECK_THAT(found.refused->message, StartsWith(c.reason));
                CHECK(found.refused->code == c.code);
            }
            CHECK(decode_get(c.text) == c.activity_id.value_or(""));
            const auto state = read(c.text);
            REQUIRE_FALSE(state);
            CHECK(state.error().code == c.code);
            CHECK_FALSE(state.error().message.empty());
            CHECK(state.error().message.size() <= 4096);
        }
    }
}

TEST_CASE("what was wrong comes with its path and with what would be right", "[BX-01][UA-05][protocol]") {
    const auto refusal = [](const std::string& text) { return read(text).error().message; };
    CHECK(
        refusal(R"({"activityId":5,"timestamp":"x","payload":{"domains":[{"id":7}]}})") ==
        "$.activityId: expected a string, got a number; $.timestamp: expected a whole number, got a string; "
        "$.payload.domains[0].id: expected a string, got a number");
    CHECK(
        refusal(
            R"({"payload":{"domains":[{"id":"containers","components":[{"id":"w","version":1,"config":[5,{"key":"env","value":true}]}]}]}})") ==
        "$.payload.domains[0].components[0].version: expected a string, got a number; "
        "$.payload.domains[0].components[0].config[0]: expected an object, got a number; "
        "component w, key env: expected a JSON string, got a boolean");
    CHECK(refusal(R"({"activityId":"a"})") ==
          "$.payload: is missing; expected {\"domains\":[{\"id\":\"containers\", …}]}");
    CHECK(refusal(R"({"payload":{"domains":[{}]}})") ==
          "$.payload.domains[0].id: is missing; expected \"containers\"");
    CHECK(refusal(R"({"payload":{"domains":[{"id":"containers","components":[{},{"id":""},{"id":5}]}]}})") ==
          "$.payload.domains[0].components[0].id: is missing; expected the container's name; "
          "$.payload.domains[0].components[1].id: is empty; expected the container's name; "
          "$.payload.domains[0].components[2].id: expected a string, got a number");
    CHECK(refusal(R"({"payload":{"domains":[{"id":"containers","components":[{"id":"web"}]}]}})") ==
          "component web, key image: is missing, and there is no version to make <id>:<version> of; expected "
          "an "
          "image reference");
    CHECK(refusal("[]") == "$: expected one JSON object, got an array");
    // The text itself, which may hold a secret, is not quoted.
    CHECK(refusal(R"({"payload":{"env":"PASSWORD=hunter2)").find("hunter2") == std::string::npos);
}

TEST_CASE("a misspelt member is refused where its absence would mean something else",
          "[BX-01][UA-05][protocol]") {
    const auto of = [](const std::string& envelope, const std::string& payload, const std::string& domain,
                       const std::string& component) {
        return read("{" + envelope + R"("payload":{)" + payload + R"("domains":[{"id":"containers",)" +
                    domain + R"("components":[{"id":"web","version":"1")" + component + "}]}]}}");
    };
    const auto says = [](const Result<DesiredState>& state, const std::string& path,
                         const std::string& meant) {
        INFO(path);
        REQUIRE_FALSE(state);
        CHECK_THAT(state.error().message,
                   StartsWith(path + ": unknown; did you mean " + meant + "? Without"));
    };
    says(of(R"("timestmp":5,)", "", "", ""), "$.timestmp", "timestamp");
    says(of("", "", "", R"(,"confg":[])"), "$.payload.domains[0].components[0].confg", "config");
    says(of("", "", R"("Confg":[],)", ""), "$.payload.domains[0].confg", "config");
    says(of("", R"("baseline":[],)", "", ""), "$.payload.baseline", "baselines");
    says(of("", R"("baselines":[{"titel":"a","components":[]}],)", "", ""), "$.payload.baselines[0].titel",
         "title");
    says(of("", R"("baselines":[{"title":"a","component":[]}],)", "", ""), "$.payload.baselines[0].component",
         "components");
    says(read(R"({"paylod":{}})"), "$.paylod", "payload");
    says(read(R"({"payload":{"domain":[]}})"), "$.payload.domain", "domains");
    CHECK(of(R"("timestamp":5,"timestmp":6,)", R"("more":1,)", R"("name":"x",)", R"(,"comment":"c")"));
    CHECK(read(R"({"payload":{"domains":[{"id":"containers"}],"baselines":[{"components":[]}]}})")
              .error()
              .message == "$.payload.baselines[0].title: is missing; expected a name");
}

TEST_CASE("a misspelt list of components removes nothing", "[UA-05][protocol]") {
    const auto of = [](const std::string& members) {
        return read(R"({"payload":{"domains":[{"id":"containers")" + members + "}]}}");
    };
    for (const std::string name : {"component", "Componets", "components_"}) {
        CAPTURE(name);
        const auto state = of(",\"" + name + R"(":[{"id":"web","version":"1"}])");
        REQUIRE_FALSE(state);
        CHECK_THAT(state.error().message, ContainsSubstring("unknown; did you mean components?"));
    }
    // Senders leave out what is empty; null is absent.
    for (const std::string members : {"", ",\"components\":null", ",\"components\":[]", ",\"x\":[]"}) {
        CAPTURE(members);
        REQUIRE(of(members));
        CHECK(of(members)->components.empty());
    }
}

TEST_CASE("a refusal names what would have been dropped, too", "[UA-05][protocol]") {
    const auto state =
        read(R"({"payload":{"domains":[{"id":"containers","components":[{"id":"w","version":"1","config":[)"
             R"({"key":"memory","value":"64"},{"key":"port","value":"x"},{"value":"lost"}]}]}]}})");
    REQUIRE_FALSE(state);
    CHECK_THAT(
        state.error().message,
        StartsWith("component w, key memory: ") &&
            ContainsSubstring("; warning: $.payload.domains[0].components[0].config[2].key: is missing; the "
                              "pair is ignored") &&
            ContainsSubstring("; warning: component w, key port: "));
}

TEST_CASE("a good message passes the first look", "[UA-04][protocol]") {
    for (const std::string text : {R"({"activityId":"a"})", R"({"ACTIVITYID":"x","activityId":"a"})",
                                   R"({"payload":{"activityId":"b"},"activityid":"a"})",
                                   R"({"x":[{"activityId":"b"}],"activityId":"a","y":{"activityId":"c"}})",
                                   "\xef\xbb\xbf{\"activityId\":\"a\"}"}) {
        CAPTURE(text);
        CHECK_FALSE(peek(text).refused);
        CHECK(peek(text).activity_id == "a");
        CHECK(decode_get(text) == "a");
    }
    CHECK(peek("{}").activity_id == std::nullopt);
    CHECK_FALSE(peek("{}").refused);
    CHECK(peek(R"({"activityId":"a","activityId":"b"})").activity_id == "b");
    CHECK(peek("{\"activityId\":\"a\",\"payload\":" + repeated("[", 31) + repeated("]", 31) + "}").refused ==
          std::nullopt);
    CHECK(peek(R"({"activityId":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"[[["})").refused == std::nullopt);
}

// Samples with bytes changed, cut, doubled and mixed. Every decoder must answer each with a value or a
// reason.
TEST_CASE("mutated messages are decoded or refused, never worse", "[UA-05][protocol]") {
    std::vector<std::string> corpus = test::golden_lines("feedback.jsonl");
    for (const auto& line : test::golden_lines("command.jsonl"))
        corpus.push_back(line);
    for (const std::string file :
         {"desired-state-full.json", "kanto-config.json", "manifest-databroker.json", "document-full.json"})
        corpus.push_back(test::golden(file));
    const std::vector<std::string> pieces = {"null",
                                             "[]",
                                             "{}",
                                             "\"",
                                             "\\",
                                             "[",
                                             "{",
                                             "]",
                                             "}",
                                             ",",
                                             ":",
                                             "-1",
                                             "1e999",
                                             "true",
                                             "18446744073709551616",
                                             "\"id\":",
                                             "\xff",
                                             "\\u0000",
                                             "\"containers\"",
                                             "70000"};
    std::mt19937 random(20240610);
    const auto pick = [&random](std::size_t below) {
        return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
    };
    std::size_t good = 0;
    const auto judge = [&good](const auto& result, const std::string& text) {
        if (result) {
            ++good;
        } else if (result.error().message.empty() || result.error().message.size() > 4200 ||
                   result.error().code != Errc::Invalid) {
            FAIL("refused as " << to_string(result.error().code) << " '" << result.error().message
                               << "': " << text);
        }
    };
    for (int i = 0; i < test::rounds(4000); ++i) {
        std::string text = corpus[pick(corpus.size())];
        for (std::size_t n = 1 + pick(4); n > 0 && !text.empty(); --n) {
            const auto at = pick(text.size());
            switch (pick(5)) {
                case 0: text[at] = static_cast<char>(pick(256)); break;
                case 1: text.erase(at, 1 + pick(20)); break;
                case 2: text.insert(at, pieces[pick(pieces.size())]); break;
                case 3: text.insert(at, text.substr(pick(text.size()), pick(60))); break;
                default: text.replace(at, 1, pieces[pick(pieces.size())]); break;
            }
        }
        const Peek found = peek(text);
        const auto state = read(text);
        if (found.refused && state) FAIL("refused by the first look, then decoded: " << text);
        judge(state, text);
        judge(decode_command(text), text);
        judge(decode_feedback(text, "containers"), text);
        const auto document = decode_document(text);
        judge(document, text);
        if (document) {
            const auto again = decode_document(encode_document(*document));
            if (!again || !(*again == *document)) FAIL("does not read back: " << text);
        }
        judge(decode_record(text), text);
    }
    // The mutations leave enough alive to be worth something.
    CHECK(good > static_cast<std::size_t>(test::rounds(1000)));
}
