// What a desired state means, key by key, and what is said about one that is wrong.
#include "protocol/desired_state.hpp"

#include <algorithm>
#include <functional>

#include "protocol/document.hpp"
#include "protocol/envelope.hpp"
#include "test/protocol/golden.hpp"
#include "test/support/catch.hpp"

using namespace berth;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string quoted(const std::string& text) {
    std::string json = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') json += '\\';
        if (c == '\n')
            json += "\\n";
        else
            json += c;
    }
    return json + "\"";
}

std::string config(const Pairs& pairs) {
    std::string json;
    for (const auto& [key, value] : pairs)
        json += (json.empty() ? "" : ",") + ("{\"key\":" + quoted(key) + ",\"value\":" + quoted(value) + "}");
    return "[" + json + "]";
}

std::string component(const std::string& id, const Pairs& pairs) {
    return "{\"id\":" + quoted(id) + ",\"version\":\"1.0\",\"config\":" + config(pairs) + "}";
}

std::string message(const std::string& components, const std::string& more_of_domain = "",
                    const std::string& more_of_payload = "") {
    return "{\"activityId\":\"a\",\"payload\":{" + more_of_payload + "\"domains\":[{\"id\":\"containers\"," +
           more_of_domain + "\"components\":[" + components + "]}]}}";
}

Result<DesiredState> decode(const std::string& text, Strictness strictness = Strictness::Lenient) {
    return decode_desired_state(text, "containers", strictness);
}

Result<DesiredState> decode_web(const Pairs& pairs, Strictness strictness = Strictness::Lenient) {
    return decode(message(component("web", pairs)), strictness);
}

// The model of a component "web" with nothing but defaults.
ContainerSpec usual() {
    ContainerSpec spec;
    spec.name = "web";
    spec.image = "web:1.0";
    spec.host_name = "web-host";
    spec.domain_name = "web-domain";
    spec.oci_runtime = "io.containerd.runc.v2";
    return spec;
}

std::string refusal(const Pairs& pairs) {
    const auto state = decode_web(pairs);
    return state ? "accepted" : state.error().message;
}

}  // namespace

TEST_CASE("a component without keys gets every default", "[UA-10][UA-17][CM-02][protocol]") {
    const auto state = decode_web({});
    REQUIRE(state);
    REQUIRE(state->components.size() == 1);
    CHECK(state->components[0].spec == usual());
    CHECK(state->components[0].version == "1.0");
    CHECK(state->warnings.empty());
    CHECK(state->activity_id == "a");
    CHECK(state->timestamp == 0);
    CHECK_FALSE(state->system_containers);
    CHECK(state->baselines.empty());
}

TEST_CASE("every key sets what it names", "[UA-10][UA-12][UA-17][CM-02][protocol]") {
    struct Case {
        std::string name;
        Pairs pairs;
        std::function<void(ContainerSpec&)> change;
        std::vector<std::string> warnings{};
    };
    const std::vector<Case> cases = {
        {"image", {{"image", "reg:5000/a:1"}}, [](auto& s) { s.image = "reg:5000/a:1"; }},
        {"env repeats",
         {{"env", "A=1"}, {"env", "B="}, {"env", "_c"}},
         [](auto& s) { s.env = {"A=1", "B=", "_c"}; }},
        {"env keeps a reference", {{"env", "P=secret:db"}}, [](auto& s) { s.env = {"P=secret:db"}; }},
        {"cmd repeats in order",
         {{"cmd", "b"}, {"cmd", ""}, {"cmd", "a b"}},
         [](auto& s) { s.cmd = {"b", "", "a b"}; }},
        {"terminal", {{"terminal", "T"}}, [](auto& s) { s.io.tty = true; }},
        {"interactive", {{"interactive", "1"}}, [](auto& s) { s.io.open_stdin = true; }},
        {"privileged", {{"privileged", "True"}}, [](auto& s) { s.privileged = true; }},
        {"network", {{"network", "host"}}, [](auto& s) { s.network = "host"; }},
        {"empty words mean the default",
         {{"network", ""}, {"logDriver", ""}, {"logMode", ""}, {"memory", ""}},
         [](auto&) {}},
        {"device repeats",
         {{"device", "/dev/a:/dev/b"}, {"device", "/dev/c::r"}},
         [](auto& s) { s.devices = {{"/dev/a", "/dev/b", "rwm"}, {"/dev/c", "/dev/c", "r"}}; }},
        {"port repeats",
         {{"port", "80:80"}, {"port", "127.0.0.1:5000-5005:81/udp"}},
         [](auto& s) { s.ports = {{"0.0.0.0", 80, 80, 80, "tcp"}, {"127.0.0.1", 5000, 5005, 81, "udp"}}; }},
        {"host repeats, six targets",
         {{"host", "a:1.2.3.4"},
          {"host", "b:fe80::1"},
          {"host", "c:host_ip"},
          {"host", "d:host_ip_eth0"},
          {"host", "e:container_x-host"}},
         [](auto& s) {
             s.extra_hosts = {"a:1.2.3.4", "b:fe80::1", "c:host_ip", "d:host_ip_eth0", "e:container_x-host"};
         }},
        {"mount repeats",
         {{"mount", "/a:/b"}, {"mount", "/c:/d:rshared"}, {"mount", "/e:/f:"}},
         [](auto& s) {
             s.mounts = {{"/a", "/b", "rprivate"}, {"/c", "/d", "rshared"}, {"/e", "/f", "rprivate"}};
         }},
        {"restartPolicy", {{"restartPolicy", "always"}}, [](auto& s) { s.restart.type = "always"; }},
        {"retries with on-failure, whatever the order",
         {{"restartMaxRetries", "+3"}, {"restartPolicy", "on-failure"}},
         [](auto& s) { s.restart = {"on-failure", 3, 0}; }},
        {"retries and timeout are not read otherwise",
         {{"restartMaxRetries", "x"}, {"restartTimeout", "-4"}, {"restartPolicy", "always"}},
         [](auto& s) { s.restart.type = "always"; }},
        {"a restartTimeout is kept and warned about",
         {{"restartPolicy", "on-failure"}, {"restartTimeout", "30"}},
         [](auto& s) { s.restart = {"on-failure", 0, 30}; },
         {"component web, key restartTimeout: stored and reported, but the engine has its own back-off of at "
          "most 1 "
          "minute (value \"30\")"}},
        {"log of a file",
         {{"logDriver", "json-file"}, {"logMaxFiles", "5"}, {"logMaxSize", "1.5 m"}},
         [](auto& s) {
             s.log.max_files = 5;
             s.log.max_size = "1.5 m";
         }},
        {"logMaxFiles 0 is the default", {{"logMaxFiles", "0"}}, [](auto&) {}},
        {"no log: file options are gone, whatever they say",
         {{"logDriver", "none"}, {"logMaxFiles", "x"}, {"logMaxSize", "lots"}},
         [](auto& s) {
             s.log.driver = "none";
             s.log.max_files = 0;
             s.log.max_size = "";
         }},
        {"logMode",
         {{"logMode", "non-blocking"}},
         [](auto& s) {
             s.log.mode = "non-blocking";
             s.log.max_buffer_size = "1M";
         }},
        {"logMaxBufferSize",
         {{"logMode", "non-blocking"}, {"logMaxBufferSize", "4k"}},
         [](auto& s) {
             s.log.mode = "non-blocking";
             s.log.max_buffer_size = "4k";
         }},
        {"logMaxBufferSize is discarded when blocking", {{"logMaxBufferSize", "lots"}}, [](auto&) {}},
        {"logPath is kept, relative ones fail later",
         {{"logPath", "var/log"}},
         [](auto& s) { s.log.root_dir = "var/log"; },
         {"component web, key logPath: stored and reported, but the engine chooses where its logs are (value "
          "\"var/log\")"}},
        {"memory doubles into swap", {{"memory", "64M"}}, [](auto& s) { s.resources = {"64M", "", "128M"}; }},
        {"memory with swap and reservation",
         {{"memory", "64M"}, {"memorySwap", "64m"}, {"memoryReservation", "64M"}},
         [](auto& s) { s.resources = {"64M", "64M", "64m"}; }},
        {"unlimited swap",
         {{"memory", "64M"}, {"memorySwap", "-1"}},
         [](auto& s) { s.resources = {"64M", "", "-1"}; }},
        {"a low memory is kept and raised by the engine",
         {{"memory", "3M"}, {"memoryReservation", "1k"}},
         [](auto& s) { s.resources = {"3M", "1k", "6M"}; },
         {"component web, key memory: raised to 6M, the engine's least (value \"3M\")",
          "component web, key memoryReservation: raised to 6M, the engine's least (value \"1k\")"}},
        {"the last one wins",
         {{"image", "a:1"},
          {"memory", "bad"},
          {"image", "b:2"},
          {"memory", "64M"},
          {"terminal", "1"},
          {"terminal", "0"}},
         [](auto& s) {
             s.image = "b:2";
             s.resources = {"64M", "", "128M"};
         }},
    };
    for (const auto& c : cases) {
        DYNAMIC_SECTION(c.name) {
            const auto state = decode_web(c.pairs);
            INFO((state ? std::string() : state.error().message));
            REQUIRE(state);
            ContainerSpec wanted = usual();
            c.change(wanted);
            CHECK(encode_document(state->components[0].spec) == encode_document(wanted));
            CHECK(state->components[0].spec == wanted);
            CHECK(state->warnings == c.warnings);
            CHECK(bool(validate(wanted)) == (wanted.log.root_dir != "var/log"));  // looked at when it is made
        }
    }
}

TEST_CASE("a bad value that costs only itself is dropped with a warning", "[UA-13][protocol]") {
    struct Case {
        std::string key, value, reason;
    };
    const std::string no_number = "expected a whole number, ";
    const std::vector<Case> cases = {
        {"terminal", "YES", "expected true or false, false is used"},
        {"interactive", "", "expected true or false, false is used"},
        {"privileged", "tRue", "expected true or false, false is used"},
        {"device", "/dev/a", "expected <host path>:<container path>[:<permissions>], dropped"},
        {"device", "/dev/a:/dev/b:x", "permissions must be one to three of the letters r, w and m, dropped"},
        {"port", "80", "expected [<ip>:]<host port>[-<end>]:<container port>[/<proto>], dropped"},
        {"port", "70000:80", "host port must be a number up to 65535, or a range of two, dropped"},
        {"port", "localhost:80:80", "host address must be an IPv4 address, dropped"},
        {"port", "9-8:80", "host port range runs backwards, dropped"},
        {"port", "80:80/icmp", "protocol must be tcp, udp or sctp, dropped"},
        {"port", "80:0", "container port must be one number from 1 to 65535, dropped"},
        {"host", "db", "expected <name>:<address>, dropped"},
        {"host", ":1.2.3.4", "expected <name>:<address>, dropped"},
        {"host", "db:other",
         "the address must be an IP address, host_ip, host_ip_<interface> or container_<host name>, dropped"},
        {"mount", "/a", "expected <source>:<destination>[:<propagation mode>], dropped"},
        {"mount", "/a:/b:ro:x", "expected <source>:<destination>[:<propagation mode>], dropped"},
        {"logMaxFiles", "many", no_number + "2 is used"},
    };
    for (const auto& c : cases) {
        DYNAMIC_SECTION(c.key << " " << c.value) {
            const auto state = decode_web({{c.key, c.value}, {"cmd", "kept"}});
            REQUIRE(state);
            ContainerSpec wanted = usual();
            wanted.cmd = {"kept"};
            CHECK(state->components[0].spec == wanted);
            CHECK(state->warnings == std::vector<std::string>{"component web, key " + c.key + ": " +
                                                              c.reason + " (value \"" + c.value + "\")"});
            const auto strict = decode_web({{c.key, c.value}}, Strictness::Strict);
            REQUIRE_FALSE(strict);
            CHECK(strict.error().code == Errc::Invalid);
            CHECK_THAT(strict.error().message, StartsWith("component web, key " + c.key + ": "));
            CHECK_THAT(strict.error().message, ContainsSubstring("(value \"" + c.value + "\")"));
        }
    }
    const auto retries =
        decode_web({{"restartPolicy", "on-failure"}, {"restartMaxRetries", "3x"}, {"restartTimeout", ""}});
    REQUIRE(retries);
    CHECK(retries->components[0].spec.restart == RestartPolicy{"on-failure", 0, 0});
    CHECK(retries->warnings ==
          std::vector<std::string>{
              "component web, key restartMaxRetries: expected a whole number, 0 is used (value \"3x\")",
              "component web, key restartTimeout: expected a whole number, 0 is used (value \"\")"});
}

TEST_CASE("a bad value that could hurt refuses the whole message",
          "[UA-10][UA-14][UA-16][CM-03][CM-05][protocol]") {
    const std::vector<std::pair<Pairs, std::string>> cases = {
        {{{"image", ""}}, "key image: is empty; expected an image reference (value \"\")"},
        {{{"env", "1A=x"}},
         "key env: expected NAME or NAME=value; a name has letters, digits and _ (value \"1A=***\")"},
        {{{"env", ""}}, "key env: expected NAME"},
        {{{"env", "A-B=x"}}, "key env: expected NAME"},
        {{{"env", "A=x\ny"}}, "key env: a value has no line break"},
        {{{"network", "none"}}, "key network: expected bridge or host (value \"none\")"},
        {{{"mount", ":/b"}}, "key mount: source and destination must both be given"},
        {{{"mount", "/a:"}}, "key mount: source and destination must both be given"},
        {{{"mount", "/a:/b:ro"}}, "key mount: propagation mode must be rprivate, private, rshared"},
        {{{"device", ":/dev/b"}}, "key device: the path on the host must be given"},
        {{{"restartPolicy", ""}},
         "key restartPolicy: expected no, always, on-failure or unless-stopped (value \"\")"},
        {{{"restartPolicy", "never"}},
         "key restartPolicy: expected no, always, on-failure or unless-stopped"},
        {{{"restartPolicy", "on-failure"}, {"restartMaxRetries", "-1"}},
         "key restartMaxRetries: must not be negative"},
        {{{"restartPolicy", "on-failure"}, {"restartTimeout", "-1"}},
         "key restartTimeout: must not be negative"},
        {{{"restartPolicy", "on-failure"}, {"restartTimeout", "9223372037"}},
         "key restartTimeout: is out of range"},
        {{{"logDriver", "syslog"}}, "key logDriver: expected json-file or none (value \"syslog\")"},
        {{{"logMaxFiles", "-1"}}, "key logMaxFiles: must be at least 1"},
        {{{"logMaxSize", "100"}},
         "key logMaxSize: size needs a unit letter k, m or g, like 64M (value \"100\")"},
        {{{"logMode", "async"}}, "key logMode: expected blocking or non-blocking"},
        {{{"logMode", "non-blocking"}, {"logMaxBufferSize", "1"}},
         "key logMaxBufferSize: size needs a unit letter"},
        {{{"memory", "64"}}, "key memory: size needs a unit letter k, m or g, like 64M (value \"64\")"},
        {{{"memory", "2.9M"}}, "key memory: must be at least 3M (value \"2.9M\")"},
        {{{"memory", "1k"}}, "key memory: must be at least 3M"},
        {{{"memorySwap", "64M"}}, "key memorySwap: needs memory as well"},
        {{{"memory", "64M"}, {"memorySwap", "63M"}},
         "key memorySwap: is memory and swap together, so it must not be below memory 64M"},
        {{{"memory", "64M"}, {"memorySwap", "0M"}}, "key memorySwap: is memory and swap together"},
        {{{"memorySwap", "-2"}}, "key memorySwap: expected a number and a unit letter"},
        {{{"memoryReservation", "x"}}, "key memoryReservation: expected a number and a unit letter"},
        {{{"memory", "64M"}, {"memoryReservation", "65M"}},
         "key memoryReservation: must not be above memory 64M"},
    };
    for (const auto& [pairs, reason] : cases)
        DYNAMIC_SECTION(reason) {
            CHECK_THAT(refusal(pairs), StartsWith("component web, " + reason));
        }
    CHECK(refusal({{"memory", "3M"}}) == "accepted");
    CHECK(refusal({{"memory", "0M"}}) == "accepted");
    CHECK(refusal({{"memory", "64M"}, {"memorySwap", "65536k"}, {"memoryReservation", "64M"}}) == "accepted");
}

TEST_CASE("keys that exclude each other refuse the message", "[UA-15][CM-03][protocol]") {
    CHECK_THAT(refusal({{"privileged", "true"}, {"device", "/dev/a:/dev/a"}}),
               StartsWith("component web, key privileged: true cannot be combined with devices"));
    CHECK_THAT(refusal({{"network", "host"}, {"port", "80:80"}}),
               StartsWith("component web, key network: host cannot be combined with ports"));
    for (const std::string target : {"host_ip", "host_ip_eth0", "container_db-host"})
        CHECK_THAT(
            refusal({{"network", "host"}, {"host", "db:" + target}}),
            StartsWith(
                "component web, key host: host_ip, host_ip_<interface> and container_<host name> need"));
    // What was dropped cannot clash.
    CHECK(refusal({{"privileged", "true"}, {"device", "/dev/a"}}) == "accepted");
    CHECK(refusal({{"network", "host"}, {"port", "localhost:80:80"}}) == "accepted");
    CHECK(refusal({{"network", "host"}, {"host", "db:1.2.3.4"}}) == "accepted");
    CHECK(refusal({{"privileged", "false"}, {"device", "/dev/a:/dev/a"}}) == "accepted");
}

TEST_CASE("an update order is read, and refused where no two instances can be side by side",
          "[BX-22][protocol]") {
    CHECK(decode_web({})->components[0].order == UpdateOrder::StopFirst);
    CHECK(decode_web({{"updateOrder", "start-first"}})->components[0].order == UpdateOrder::StartFirst);
    const auto last = decode_web({{"updateOrder", "start-first"}, {"updateOrder", "stop-first"}});
    CHECK(last->components[0].order == UpdateOrder::StopFirst);
    CHECK(last->components[0].spec == usual());
    for (const std::string bad : {"", "Start-First", "both"})
        CHECK(refusal({{"updateOrder", bad}}) ==
              "component web, key updateOrder: expected stop-first or start-first (value \"" + bad + "\")");

    const std::vector<std::pair<Pairs, std::string>> cases = {
        {{{"port", "8080:80"}}, "port 8080:80/tcp"},
        {{{"port", "0:80"}}, "port 0:80/tcp"},
        {{{"device", "/dev/a:/dev/a"}}, "device /dev/a:/dev/a:rwm"},
        {{{"network", "host"}}, "network host"},
    };
    for (const auto& [pairs, what] : cases)
        DYNAMIC_SECTION(what) {
            CHECK(refusal(pairs) == "accepted");
            auto first = pairs;
            first.emplace_back("updateOrder", "start-first");
            CHECK(refusal(first) ==
                  "component web, key updateOrder: start-first cannot be combined with " + what +
                      ", which the old instance has until the new one takes over; use stop-first");
        }
    CHECK(refusal({{"mount", "/a:/b"}, {"privileged", "true"}, {"updateOrder", "start-first"}}) ==
          "accepted");
    const auto linked = decode_web({{"host", "db:container_db-host"}, {"updateOrder", "start-first"}});
    CHECK(linked->warnings ==
          std::vector<std::string>{
              "component web, key updateOrder: until it takes over, the new instance cannot "
              "reach other containers (value \"host db:container_db-host\")"});
}

TEST_CASE("keys that mean nothing here are named, not believed", "[UA-04][protocol]") {
    const auto state = decode_web({{"colour", "red"},
                                   {"livenessProbe", "http://:80;header=T: x"},
                                   {"hostName", "h"},
                                   {"image", "web:1.0"},
                                   {"Image", "x:1"}});
    REQUIRE(state);
    CHECK(state->components[0].spec == usual());
    CHECK(state->warnings ==
          std::vector<std::string>{
              "component web, key colour: unknown key, ignored",
              "component web, key livenessProbe: is not supported by this version and has no effect",
              "component web, key hostName: is only reported, it cannot be set (value \"h\")",
              "component web, key Image: unknown key, ignored; did you mean image?"});
    CHECK(decode_web({{"colour", "red"}}, Strictness::Strict));  // strict is about bad values
    for (const std::string key :
         {"readinessProbe", "healthCheck", "secret", "configMap", "envFrom", "pullSecret", "volume", "tmpfs",
          "imagePin", "activationGate", "dependsOn", "priority"}) {
        const auto with = decode_web({{key, "x"}});
        REQUIRE(with);
        REQUIRE(with->warnings.size() == 1);
        CHECK_THAT(with->warnings[0], ContainsSubstring("not supported by this version"));
    }
}

TEST_CASE("every problem of every component is in one answer", "[UA-14][protocol]") {
    const auto state =
        decode(message(component("web", {{"memory", "64"}, {"network", "x"}}) + "," + component("a b", {}) +
                       ",{\"version\":\"1\"}," + component("cache", {{"logDriver", "x"}})));
    REQUIRE_FALSE(state);
    CHECK(state.error().code == Errc::Invalid);
    CHECK(state.error().message ==
          "component web, key network: expected bridge or host (value \"x\"); "
          "component web, key memory: size needs a unit letter k, m or g, like 64M (value \"64\"); "
          "component a b, key id: expected letters, digits, _ . and -, not beginning with . or - (value \"a "
          "b\"); "
          "$.payload.domains[0].components[2].id: is missing; expected the container's name; "
          "component cache, key logDriver: expected json-file or none (value \"x\")");
}

TEST_CASE("an answer has a bounded size", "[protocol]") {
    Pairs bad;
    for (int i = 0; i < 2000; ++i)
        bad.emplace_back("env", "1" + std::to_string(i));
    const auto refused = decode_web(bad);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.size() <= 4096);
    CHECK_THAT(refused.error().message, ContainsSubstring("; … and "));
    CHECK(refused.error().message.substr(refused.error().message.size() - 5) == " more");

    Pairs unknown;
    for (int i = 0; i < 2000; ++i)
        unknown.emplace_back("key" + std::to_string(i), "");
    const auto warned = decode_web(unknown);
    REQUIRE(warned);
    std::size_t bytes = 0;
    for (const auto& text : warned->warnings)
        bytes += text.size() + 2;
    CHECK(bytes <= 4096);
    CHECK_THAT(warned->warnings.back(), StartsWith("… and "));

    const std::string umlauts = std::string(119, 'x') + "äöü";
    CHECK_THAT(refusal({{"network", umlauts}}),
               ContainsSubstring("(value \"" + std::string(119, 'x') + "…\")"));
}

TEST_CASE("exactly one domain, the configured one", "[UA-09][UA-28][protocol]") {
    const auto refused = [](const std::string& payload) {
        const auto state = decode("{\"activityId\":\"a\",\"payload\":" + payload + "}");
        return state ? "accepted" : state.error().message;
    };
    const std::string none = "$.payload.domains: expected exactly one domain, \"containers\", got 0";
    const std::string nothing = "$.payload: is missing; expected {\"domains\":[{\"id\":\"containers\", …}]}";
    CHECK(refused("null") == nothing);
    CHECK(refused("{}") == none);
    CHECK(refused("{\"domains\":[]}") == none);
    CHECK(decode("{\"activityId\":\"a\"}").error().message == nothing);
    CHECK(refused("{\"domains\":[{\"id\":\"containers\"},{\"id\":\"x\"}]}") ==
          "$.payload.domains: expected exactly one domain, \"containers\", got 2");
    CHECK(refused("{\"domains\":[{\"id\":\"safety\"}],\"baselines\":[{\"title\":\"t\",\"components\":["
                  "\"containers:x\"]}]}") ==
          "$.payload.domains[0].id: expected \"containers\" (value \"safety\")");
    CHECK(refused("{\"domains\":[{}]}") == "$.payload.domains[0].id: is missing; expected \"containers\"");
    CHECK(refused("{\"domains\":{}}") == "$.payload.domains: expected an array, got an object");
    CHECK(refused("{\"domains\":[null]}") == "$.payload.domains[0]: expected an object, got null");
    const auto empty = decode(message(""));
    REQUIRE(empty);
    CHECK(empty->components.empty());
    CHECK(decode_desired_state("{\"payload\":{\"domains\":[{\"id\":\"x\"}]}}", "x", Strictness::Lenient));
}

TEST_CASE("component ids are bare, short, and their own", "[CM-03][protocol]") {
    for (const std::string& id : std::vector<std::string>{"a", "_x", "9", "a.b-c_d", std::string(58, 'x')})
        CHECK(decode(message(component(id, {}))));
    for (const std::string& id : std::vector<std::string>{"", ".a", "-a", "a b", "a/b", "containers:web", "ä",
                                                          "a\nb", std::string(59, 'x')}) {
        CAPTURE(id);
        CHECK_FALSE(decode(message(component(id, {}))));
    }
    CHECK_THAT(decode(message(component("web", {}) + "," + component("web", {}))).error().message,
               StartsWith("component web, key id: two components have this id"));

    std::string many;
    for (int i = 0; i < 256; ++i)
        many += (i == 0 ? "" : ",") + component("c" + std::to_string(i), {});
    CHECK(decode(message(many)));
    CHECK(decode(message(many + "," + component("one", {}))).error().message ==
          "$.payload.domains[0].components: 257 are too many; at most 256 are accepted");
}

TEST_CASE("a misspelt image is no reason to run another one", "[UA-05][protocol]") {
    CHECK_THAT(decode_web({{"imgae", "web:2"}}).error().message,
               StartsWith("component web, key image: is missing; did you mean it with key imgae?"));
    CHECK(decode_web({{"imgae", "web:2"}, {"image", "web:1"}}));
    CHECK(decode_web({{"colour", "red"}}));
}

TEST_CASE("two components that publish one port are warned of", "[UA-04][protocol]") {
    const auto told = [](const std::string& first, const std::string& second) {
        const auto read =
            decode(message(component("web", {{"port", first}}) + "," + component("db", {{"port", second}})));
        REQUIRE(read);
        return read->warnings.empty() ? std::string() : read->warnings.front();
    };
    CHECK_THAT(told("8080:80", "8080:81/tcp"),
               StartsWith("component db, key port: component web publishes 0.0.0.0:8080/tcp as well"));
    CHECK_FALSE(told("8080:80", "127.0.0.1:8080:80").empty());
    CHECK(told("8080:80", "8080:80/udp").empty());
    CHECK(told("127.0.0.1:8080:80", "10.0.0.1:8080:80").empty());
    CHECK(told("8080:80", "8080-8090:80").empty());
    CHECK(told("0:80", "0:80").empty());
}

TEST_CASE("system containers of a message replace the configured ones", "[UA-26][protocol]") {
    const auto with = [](const Pairs& pairs) {
        return decode(message("", "\"config\":" + config(pairs) + ","));
    };
    CHECK_FALSE(with({})->system_containers);
    CHECK(with({{"systemContainers", " sua, agent ,,sua"}})->system_containers ==
          std::set<std::string>{"sua", "agent"});
    CHECK(with({{"systemContainers", ""}})->system_containers == std::set<std::string>{});
    CHECK(with({{"systemContainers", "a"}, {"systemContainers", "b"}})->system_containers ==
          std::set<std::string>{"b"});
    CHECK(with({{"colour", "x"}})->warnings ==
          std::vector<std::string>{"domain containers, key colour: unknown key, ignored"});
}

TEST_CASE("baselines name components of this domain, each once", "[UA-28][protocol]") {
    const auto with = [](const std::string& baselines) {
        return decode(message(component("web", {}) + "," + component("db", {}), "",
                              "\"baselines\":[" + baselines + "],"));
    };
    const auto good = with(
        R"({"title":"shop","description":"d","preconditions":"p","components":["containers:db","safety:x"]},
                              {"title":"containers:db","components":["other:web"]})");
    REQUIRE(good);
    CHECK(good->baselines == std::vector<Baseline>{{"shop", {"db"}}, {"containers:db", {}}});
    CHECK(good->warnings.empty());
    CHECK(
        with(R"({"title":"t","components":["web"]})")->warnings ==
        std::vector<std::string>{"baseline t: an entry is <domain>:<component id>, ignored (value \"web\")"});

    const std::vector<std::pair<std::string, std::string>> bad = {
        {R"({"title":"t","components":["containers:nope"]})",
         "baseline t: no such component (value \"containers:nope\")"},
        {R"({"title":"a","components":["containers:db"]},{"title":"b","components":["containers:db"]})",
         "baseline b: the component is in baseline a already (value \"containers:db\")"},
        {R"({"title":"a","components":["containers:db","containers:db"]})",
         "baseline a: the component is in baseline a already"},
        {R"({"components":[]})", "$.payload.baselines[0].title: is missing; expected a name"},
        {R"({"title":"a"},{"title":"a"})",
         "$.payload.baselines[1].title: another baseline has it, too (value \"a\")"},
        {R"({"title":"containers:remove-components"})", "$.payload.baselines[0].title: is reserved"},
        {R"({"title":"*"})", "$.payload.baselines[0].title: stands for all components"},
        {R"({"title":"containers:web","components":[]})",
         "baseline containers:web: component web has a baseline of this name"},
        {"null", "$.payload.baselines[0]: expected an object, got null"},
        {R"({"title":"a","components":[null]})",
         "$.payload.baselines[0].components[0]: expected a string, got null"},
        {R"({"title":"a","preconditions":5})",
         "$.payload.baselines[0].preconditions: expected a string, got a number"},
    };
    for (const auto& [baselines, reason] : bad)
        DYNAMIC_SECTION(reason) {
            const auto state = with(baselines);
            REQUIRE_FALSE(state);
            CHECK_THAT(state.error().message, StartsWith(reason));
        }
}

TEST_CASE("names match in any case, the last one counts, others are skipped", "[UA-04][protocol]") {
    const auto state =
        decode(R"({"ACTIVITYID":"first","activityid":"last","Timestamp":5,"extra":[[]],"signature":{},
        "payload":{"domains":[]},
        "PayLoad":{"Domains":[{"ID":"containers","cOmponents":[{"iD":"x","id":"web","Version":"2","unknown":null,
            "CONFIG":[{"KEY":"image","Value":"a","value":"b:1","more":1}]}]}],"baselines":null}})");
    INFO((state ? std::string() : state.error().message));
    REQUIRE(state);
    CHECK(state->activity_id == "last");
    CHECK(state->timestamp == 5);
    REQUIRE(state->components.size() == 1);
    CHECK(state->components[0].version == "2");
    CHECK(state->components[0].spec.name == "web");
    CHECK(state->components[0].spec.image == "b:1");
    CHECK(state->warnings.empty());
}

TEST_CASE("the digest is of the content, not of its spelling", "[protocol]") {
    const auto digest = [](const std::string& text) { return decode(text)->digest; };
    const std::string one = digest(R"({"payload":{"domains":[{"id":"containers","components":[]}]}})");
    CHECK(one.size() == 64);
    CHECK(
        digest(
            R"({ "timestamp" : 7, "payload": {"domains":[{"components":[],"ID":"containers"}]},"activityId":"x"})") ==
        one);
    CHECK(digest(R"({"payload":{"domains":[{"id":"containers","config":[],"components":[]}]}})") != one);
    const auto ab = digest(message(component("a", {}) + "," + component("b", {})));
    CHECK(ab != digest(message(component("b", {}) + "," + component("a", {}))));
}

TEST_CASE("the Leda sample is accepted with a warning for each port", "[UA-13][UA-20][protocol]") {
    const auto state = decode(test::golden("desired-state-leda.json"));
    INFO((state ? std::string() : state.error().message));
    REQUIRE(state);
    CHECK(state->activity_id == "activity-id-leda-containers");
    CHECK(state->timestamp == 0);
    CHECK(state->warnings ==
          std::vector<std::string>{
              "component databroker, key port: host address must be an IPv4 address, dropped (value "
              "\"localhost:55555:30555-30555/tcp\")",
              "component seatservice-example, key port: host address must be an IPv4 address, dropped "
              "(value \"localhost:50051:30051-30051/tcp\")"});
    std::string documents;
    for (const auto& c : state->components)
        documents += (documents.empty() ? "" : "\n") + encode_document(c.spec);
    CHECK(test::differs("desired-state-leda.documents", documents) == "");
    CHECK_FALSE(
        decode_desired_state(test::golden("desired-state-leda.json"), "containers", Strictness::Strict));
}

TEST_CASE("a desired state with every key decodes as written down", "[UA-12][protocol]") {
    const auto state = decode(test::golden("desired-state-full.json"));
    INFO((state ? std::string() : state.error().message));
    REQUIRE(state);
    CHECK(state->warnings.empty());
    CHECK(state->baselines == std::vector<Baseline>{{"shop", {"web", "cache"}}});
    CHECK(state->system_containers == std::set<std::string>{"sua", "agent"});
    std::string documents;
    for (const auto& c : state->components)
        documents += (documents.empty() ? "" : "\n") + encode_document(c.spec);
    CHECK(test::differs("desired-state-full.documents", documents) == "");
}

TEST_CASE("commands are five exact words", "[UA-04][protocol]") {
    for (const auto command :
         {Command::Download, Command::Update, Command::Activate, Command::Rollback, Command::Cleanup}) {
        const std::string word(to_string(command));
        const auto got = decode_command("{\"activityId\":\"a\",\"timestamp\":1,\"payload\":{\"command\":\"" +
                                        word + "\",\"baseline\":\"*\"}}");
        REQUIRE(got);
        CHECK(*got == CommandMessage{"a", command, word, "*"});
    }
    for (const auto& line : test::golden_lines("command.jsonl")) {
        CAPTURE(line);
        const auto got = decode_command(line);
        REQUIRE(got);
        CHECK(got->activity_id == "act-1");
        CHECK(got->command);
    }
    for (const std::string payload :
         {"null", "{}", "{\"command\":null}", "{\"command\":\"download\"}", "{\"command\":\"UPDATE \"}"}) {
        const auto got = decode_command("{\"activityId\":\"a\",\"payload\":" + payload + "}");
        REQUIRE(got);
        CHECK_FALSE(got->command);
    }
    CHECK(decode_command("{}")->activity_id.empty());
    CHECK(decode_command(R"({"payload":{"command":5,"baseline":[]},"timestamp":"x"})").error().message ==
          "command: $.timestamp: expected a whole number, got a string; $.payload.command: expected a "
          "string, got a "
          "number; $.payload.baseline: expected a string, got an array");
}
