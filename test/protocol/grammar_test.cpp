// The small grammars: sizes, numbers, durations, compact forms, topics, patterns.
#include <limits>

#include "protocol/container.hpp"
#include "protocol/current_state.hpp"
#include "protocol/forms.hpp"
#include "protocol/redact.hpp"
#include "protocol/result.hpp"
#include "protocol/sizes.hpp"
#include "protocol/topics.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace std::chrono_literals;

TEST_CASE("a size is 1024-based and its unit letter is mandatory", "[CM-04][protocol]") {
    const std::vector<std::pair<std::string, std::int64_t>> good = {
        {"64M", 64LL << 20}, {"1k", 1024},          {"1K", 1024},        {"2g", 2LL << 30},
        {"2G", 2LL << 30},   {"1.5 g", 1610612736}, {"0M", 0},           {"0.5k", 512},
        {"1.1M", 1153433},   {"007m", 7LL << 20},   {"100 M", 100 << 20}};
    for (const auto& [text, bytes] : good) {
        CAPTURE(text);
        const auto size = parse_size(text);
        REQUIRE(size);
        CHECK(*size == bytes);
    }
    for (const std::string text :
         {"",     "100", "M",   " 1M",  "1M ", "1  M", "1.M",  ".5M",  "1.2.3M",
          "-1M",  "+1M", "1MB", "100B", "1t",  "1e3k", "0x1M", "1,5M", "99999999999999999999G",
          "nanM", "infM"}) {
        CAPTURE(text);
        const auto size = parse_size(text);
        REQUIRE_FALSE(size);
        CHECK(size.error().code == Errc::Invalid);
        CHECK_FALSE(size.error().message.empty());
    }
    CHECK(parse_size("64").error().message == "size needs a unit letter k, m or g, like 64M");
}

TEST_CASE("a number of bytes is written as a size that is read as the same number", "[CM-04][protocol]") {
    const std::vector<std::pair<std::int64_t, std::string>> cases = {
        {64LL << 20, "64M"},     {2LL << 30, "2G"},
        {1536LL << 20, "1536M"}, {1024, "1K"},
        {1536, "1.5K"},          {1, "0.0009765625K"},
        {6 << 20, "6M"},         {(64LL << 20) + 1, "65536.0009765625K"}};
    for (const auto& [bytes, text] : cases) {
        CHECK(format_size(bytes) == text);
        CHECK(*parse_size(text) == bytes);
    }
}

TEST_CASE("booleans and whole numbers are read strictly", "[UA-13][protocol]") {
    for (const std::string text : {"1", "t", "T", "TRUE", "true", "True"})
        CHECK(*parse_bool(text));
    for (const std::string text : {"0", "f", "F", "FALSE", "false", "False"})
        CHECK_FALSE(*parse_bool(text));
    for (const std::string text : {"", "YES", "yes", "tRUE", " true", "on", "2"})
        CHECK_FALSE(parse_bool(text));

    CHECK(*parse_int("0") == 0);
    CHECK(*parse_int("+7") == 7);
    CHECK(*parse_int("-7") == -7);
    CHECK(*parse_int("007") == 7);
    CHECK(*parse_int("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
    for (const std::string text :
         {"", "+", "-", "+-7", "--7", "7 ", " 7", "7a", "0x7", "7.0", "9223372036854775808"})
        CHECK_FALSE(parse_int(text));
}

TEST_CASE("durations follow Go's syntax both ways", "[UA-49][protocol]") {
    const std::vector<std::tuple<std::string, std::chrono::nanoseconds, std::string>> good = {
        {"30s", 30s, "30s"},
        {"1m30s", 90s, "1m30s"},
        {"180s", 180s, "3m0s"},
        {"250ms", 250ms, "250ms"},
        {"1h2m3s5ms", 3723005ms, "1h2m3.005s"},
        {"0", 0ns, "0s"},
        {"0s", 0ns, "0s"},
        {"1.5h", 90min, "1h30m0s"},
        {".5s", 500ms, "500ms"},
        {"1.s", 1s, "1s"},
        {"-90s", -90s, "-1m30s"},
        {"+2us", 2us, "2µs"},
        {"1500µs", 1500us, "1.5ms"},
        {"7ns", 7ns, "7ns"}};
    for (const auto& [text, value, printed] : good) {
        CAPTURE(text);
        const auto duration = parse_duration(text);
        REQUIRE(duration);
        CHECK(duration->count() == value.count());
        CHECK(format_duration(value) == printed);
    }
    for (const std::string text :
         {"", "30", "s", "-", "1x", "1m30", "1 s", ".s", "1d", "99999999999h", "1.2.3s"})
        CHECK_FALSE(parse_duration(text));
    CHECK(format_duration(std::chrono::nanoseconds::min()) == "-2562047h47m16.854775808s");
}

TEST_CASE("devices and mounts have a compact form", "[CM-08][UA-13][protocol]") {
    CHECK(*parse_device(" /dev/a:/dev/b ") == Device{"/dev/a", "/dev/b", "rwm"});
    CHECK(*parse_device("/dev/a:/dev/b:rw") == Device{"/dev/a", "/dev/b", "rw"});
    CHECK(*parse_device("/dev/a:") == Device{"/dev/a", "/dev/a", "rwm"});
    CHECK(parse_device(":/dev/b")->on_host.empty());  // refused by the check of the model
    for (const std::string text :
         {"", "/dev/a", "/dev/a:/dev/b:", "/dev/a:/dev/b:rwmr", "/dev/a:/dev/b:x", "a:b:r:w"})
        CHECK_FALSE(parse_device(text));

    CHECK(*parse_mount("/a:/b") == Mount{"/a", "/b", "rprivate"});
    CHECK(*parse_mount(" /a:/b:rshared ") == Mount{"/a", "/b", "rshared"});
    CHECK(*parse_mount("/a:/b:") == Mount{"/a", "/b", "rprivate"});
    CHECK(parse_mount("/a:/b:ro")->propagation == "ro");  // refused by the check of the model
    for (const std::string text : {"", "/a", "/a:/b:private:x"})
        CHECK_FALSE(parse_mount(text));

    for (const std::string text : {"/dev/a:/dev/b:r", "/dev/a:/dev/b:rwm"})
        CHECK(format(*parse_device(text)) == text);
    for (const std::string text : {"/a:/b:slave", "/a:/b:rprivate"})
        CHECK(format(*parse_mount(text)) == text);
}

TEST_CASE("ports are never cut to 16 bits, reversed or opened by mistake",
          "[CM-08][CM-09][UA-13][protocol]") {
    const std::vector<std::tuple<std::string, Port, std::string>> good = {
        {"8080:80", {"0.0.0.0", 8080, 8080, 80, "tcp"}, "8080:80/tcp"},
        {" 8080:80/udp ", {"0.0.0.0", 8080, 8080, 80, "udp"}, "8080:80/udp"},
        {"5000-5005:80/sctp", {"0.0.0.0", 5000, 5005, 80, "sctp"}, "5000-5005:80/sctp"},
        {"127.0.0.1:1:65535", {"127.0.0.1", 1, 1, 65535, "tcp"}, "127.0.0.1:1:65535/tcp"},
        {"0.0.0.0:80-80:80/tcp", {"0.0.0.0", 80, 80, 80, "tcp"}, "80:80/tcp"},
        {"0:80", {"0.0.0.0", 0, 0, 80, "tcp"}, "0:80/tcp"}};
    for (const auto& [text, port, printed] : good) {
        CAPTURE(text);
        REQUIRE(parse_port(text));
        CHECK(*parse_port(text) == port);
        CHECK(format(port) == printed);
        CHECK(*parse_port(printed) == port);
    }
    for (const std::string text : {"",
                                   "80",
                                   ":80",
                                   "80:",
                                   "a:80",
                                   "80:a",
                                   "80:0",
                                   "70000:80",
                                   "80:70000",
                                   "-1:80",
                                   "80:-1",
                                   "+80:80",
                                   "5005-5000:80",
                                   "0-5:80",
                                   "1-2-3:80",
                                   "80:80-81",
                                   "80:80/",
                                   "80:80/TCP",
                                   "80:80/icmp",
                                   "80:80/tcp/udp",
                                   "localhost:80:80",
                                   "::1:80:80",
                                   "1.2.3:80:80",
                                   "1.2.3.4.5:80:80",
                                   "1.2.3.256:80:80",
                                   "localhost:55555:30555-30555/tcp",
                                   "1.2.3.4:80:80:80",
                                   "8 0:80"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_port(text));
    }
}

TEST_CASE("topics come from the domain", "[UA-01][protocol]") {
    CHECK(update_prefix("containers") == "containersupdate");
    CHECK(update_prefix("self-update") == "selfupdate");
    CHECK(update_prefix("a-b-c") == "abcupdate");
    CHECK(update_prefix("update") == "update");
    CHECK(update_prefix("up-date") == "update");
    const UpdateTopics topics("containers");
    CHECK(topics.desired_state == "containersupdate/desiredstate");
    CHECK(topics.desired_state_command == "containersupdate/desiredstate/command");
    CHECK(topics.desired_state_plan == "containersupdate/desiredstate/plan");
    CHECK(topics.desired_state_plan_result == "containersupdate/desiredstate/plan/result");
    CHECK(topics.desired_state_export == "containersupdate/desiredstate/export");
    CHECK(topics.desired_state_export_result == "containersupdate/desiredstate/export/result");
    CHECK(topics.desired_state_feedback == "containersupdate/desiredstatefeedback");
    CHECK(topics.current_state == "containersupdate/currentstate");
    CHECK(topics.current_state_get == "containersupdate/currentstate/get");
}

TEST_CASE("a topic filter matches as the broker does", "[protocol]") {
    for (const auto& [filter, topic] : std::vector<std::pair<std::string, std::string>>{{"a/b", "a/b"},
                                                                                        {"a/+", "a/b"},
                                                                                        {"+/b", "a/b"},
                                                                                        {"a/#", "a"},
                                                                                        {"a/#", "a/b/c"},
                                                                                        {"#", "a/b"},
                                                                                        {"+", "a"},
                                                                                        {"a/+/c", "a//c"},
                                                                                        {"+/+", "/a"},
                                                                                        {"/+", "/a"},
                                                                                        {"$SYS/#", "$SYS/x"}})
        CHECK(topic_matches(filter, topic));
    for (const auto& [filter, topic] : std::vector<std::pair<std::string, std::string>>{{"a/b", "a/c"},
                                                                                        {"a", "a/b"},
                                                                                        {"a/b", "a"},
                                                                                        {"+", "a/b"},
                                                                                        {"a/+", "a"},
                                                                                        {"a/+", "a/b/c"},
                                                                                        {"#", "$SYS/x"},
                                                                                        {"+/x", "$SYS/x"},
                                                                                        {"a/#/b", "a/x/b"},
                                                                                        {"a+", "ab"},
                                                                                        {"A/b", "a/b"}})
        CHECK_FALSE(topic_matches(filter, topic));
}

TEST_CASE("values of secret names are masked, references are not", "[protocol]") {
    const std::vector<std::string> patterns = {"*PASSWORD*", "*TOKEN*", "*KEY"};
    CHECK(redact_env("DB_PASSWORD=x", patterns) == "DB_PASSWORD=***");
    CHECK(redact_env("password=", patterns) == "password=***");
    CHECK(redact_env("my_Token_1=a=b", patterns) == "my_Token_1=***");
    CHECK(redact_env("KEYS=x", patterns) == "KEYS=x");
    CHECK(redact_env("MODE=password", patterns) == "MODE=password");
    CHECK(redact_env("DB_PASSWORD", patterns) == "DB_PASSWORD");
    CHECK(redact_env("DB_PASSWORD=secret:db", patterns) == "DB_PASSWORD=secret:db");
    CHECK(redact_env("DB_PASSWORD=x", {}) == "DB_PASSWORD=x");

    CHECK(glob_matches("", ""));
    CHECK(glob_matches("*", ""));
    CHECK(glob_matches("a*b*c", "aXbXbc"));
    CHECK_FALSE(glob_matches("a*b*c", "aXbXb"));
    CHECK_FALSE(glob_matches("a", "ab"));
    CHECK_FALSE(glob_matches("a?", "ab"));
    const std::string many(20'000, 'a');  // must not take a time that grows with the number of stars
    CHECK_FALSE(glob_matches("*a*a*a*a*a*a*a*a*b", many));
}

TEST_CASE("the version of a container comes from its image", "[UA-50][protocol]") {
    for (const auto& [image, version] :
         std::vector<std::pair<std::string, std::string>>{{"reg:8080/app:v1", "v1"},
                                                          {"app:br:12", "br:12"},
                                                          {"app:1@sha256:ab", "sha256:ab"},
                                                          {"app", "n/a"},
                                                          {"app:", "n/a"},
                                                          {"", "n/a"},
                                                          {"reg:8080/app", "n/a"},
                                                          {"app@sha256:ab", "sha256:ab"},
                                                          {"a/b:1/c", "n/a"}})
        CHECK(version_of_image(image) == version);
}

TEST_CASE("every word of the wire reads back", "[protocol]") {
    for (int i = 0; i <= static_cast<int>(Status::Unknown); ++i) {
        const auto status = static_cast<Status>(i);
        CHECK(parse_status(to_string(status)) == status);
    }
    CHECK_FALSE(parse_status("running"));
    CHECK(fail(fail(Errc::NotFound, "image app:2: not found"), "create web") ==
          Error{Errc::NotFound, "create web: image app:2: not found"});
}

TEST_CASE("a qualified image names registry and tag or digest", "[CM-31][protocol]") {
    for (const auto* good :
         {"ghcr.io/acme/app:1", "localhost/app:1", "localhost:5000/app:1", "reg:5000/a/b@sha256:ab"})
        CHECK(is_qualified_image(good));
    for (const auto* bad : {"", "invalid", "busybox:1", "acme/app:1", "ghcr.io/acme/app",
                            "ghcr.io/app:", "/app:1", "ghcr.io/:1"})
        CHECK_FALSE(is_qualified_image(bad));
}
