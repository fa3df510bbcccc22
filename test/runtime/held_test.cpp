// What the engine says of an instance against what it was sent.
#include "runtime/docker/held.hpp"

#include <functional>
#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "runtime/docker/encode.hpp"
#include "test/runtime/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/varied_spec.hpp"

using namespace berth;
using namespace berth::runtime::docker;
using berth::test::make_spec;
using nlohmann::json;

namespace {

constexpr std::int64_t kGiB = 1024 * 1024 * 1024;
constexpr MachineMemory kTestMachine{4 * kGiB, 2 * kGiB};

// As an engine repeats what it was sent, with what it and the image add.
json inspection_of(const ContainerSpec& spec) {
    const auto body = encode_create(spec, {}, {.gateway = "172.18.0.1"});
    INFO((body ? "" : body.error().message));
    REQUIRE(body);
    auto config = json::parse(body->json);
    auto host = config["HostConfig"];
    config.erase("HostConfig");
    config.erase("NetworkingConfig");
    config["Env"].push_back("PATH=/bin");
    config["Entrypoint"] = {"/entry"};
    if (!config.contains("Cmd")) config["Cmd"] = {"the image's"};
    if (!config.contains("Hostname")) config["Hostname"] = "machine";
    for (const auto* key : {"Devices", "ExtraHosts", "CapAdd"})
        if (!host.contains(key)) host[key] = nullptr;
    if (!host.contains("PortBindings")) host["PortBindings"] = json::object();
    auto& policy = host["RestartPolicy"];
    if (!policy.contains("MaximumRetryCount")) policy["MaximumRetryCount"] = 0;
    host["CgroupnsMode"] = "private";
    return {{"Id", "02d4"}, {"Config", config}, {"HostConfig", host}};
}

ContainerSpec as_held(const ContainerSpec& asked, const json& inspection) {
    const auto found = held_by_engine(asked, inspection.dump(), {}, kTestMachine);
    INFO((found ? "" : found.error().message));
    REQUIRE(found);
    return *found;
}

ContainerSpec rich_spec() {
    auto spec = make_spec("web", "w1");
    spec.env = {"A=1", "PASSWORD=secret:db", "GONE"};
    spec.cmd = {"serve"};
    spec.devices = {{"/dev/a", "/dev/b", "rw"}};
    spec.mounts = {{"/a", "/b", "rprivate"}};
    spec.extra_hosts = {"cache:10.0.0.5", "machine:host_ip", "db:container_db-host"};
    spec.extra_capabilities = {"NET_ADMIN"};
    spec.ports = {{"localhost", 5000, 5005, 80, "tcp"}, {"0.0.0.0", 0, 0, 81, "udp"}};
    spec.resources = {"64M", "32M", "128M"};
    return spec;
}

}  // namespace

TEST_CASE("what the engine holds as it was sent counts as asked, whatever stands beside it",
          "[BX-03][runtime]") {
    std::mt19937 rng(11);
    for (int i = 0; i < 500; ++i) {
        const auto asked = berth::test::varied_spec(rng, "web");
        auto seen = inspection_of(asked);
        if (i % 2 == 0) seen["Config"]["Env"].push_back("PASSWORD=hunter2");
        REQUIRE((as_held(asked, seen) == asked));
    }
    auto seen = inspection_of(rich_spec());
    seen["HostConfig"]["CapAdd"] = {"CAP_NET_ADMIN"};
    seen["HostConfig"]["ExtraHosts"].push_back("machine:172.18.0.1");
    CHECK((as_held(rich_spec(), seen) == rich_spec()));
    // An engine that says less is no engine that does less.
    CHECK((as_held(rich_spec(), json::object()) == rich_spec()));
}

TEST_CASE("each field that the engine holds otherwise is the engine's", "[BX-03][runtime]") {
    struct Case {
        std::string name;
        std::function<void(json& config, json& host)> by_engine;
        std::function<void(ContainerSpec&)> expected;
    };
    const std::vector<Case> cases = {
        {"image", [](json& c, json&) { c["Image"] = "x"; }, [](auto& s) { s.image = "x"; }},
        {"host name", [](json& c, json&) { c["Hostname"] = "x"; }, [](auto& s) { s.host_name = "x"; }},
        {"domain name", [](json& c, json&) { c["Domainname"] = ""; }, [](auto& s) { s.domain_name = ""; }},
        {"env value", [](json& c, json&) { c["Env"][0] = "A=2"; }, [](auto& s) { s.env[0] = "A=2"; }},
        {"env gone", [](json& c, json&) { c["Env"] = {"PATH=/bin"}; },
         [](auto& s) { s.env = {"PASSWORD=secret:db"}; }},  // nobody here knows the secret
        {"cmd", [](json& c, json&) { c["Cmd"] = {"serve", "x"}; }, [](auto& s) { s.cmd = {"serve", "x"}; }},
        {"terminal", [](json& c, json&) { c["Tty"] = true; }, [](auto& s) { s.io.tty = true; }},
        {"interactive", [](json& c, json&) { c["OpenStdin"] = true; },
         [](auto& s) { s.io.open_stdin = true; }},
        {"privileged", [](json&, json& h) { h["Privileged"] = true; }, [](auto& s) { s.privileged = true; }},
        {"network", [](json&, json& h) { h["NetworkMode"] = "host"; }, [](auto& s) { s.network = "host"; }},
        {"device", [](json&, json& h) { h["Devices"] = nullptr; }, [](auto& s) { s.devices.clear(); }},
        {"mount", [](json&, json& h) { h["Mounts"][0]["BindOptions"]["Propagation"] = "shared"; },
         [](auto& s) { s.mounts[0].propagation = "shared"; }},
        {"host", [](json&, json& h) { h["ExtraHosts"] = {"cache:10.0.0.6"}; },
         [](auto& s) { s.extra_hosts[0] = "cache:10.0.0.6"; }},
        {"capabilities", [](json&, json& h) { h["CapAdd"] = nullptr; },
         [](auto& s) { s.extra_capabilities.clear(); }},
        {"port", [](json&, json& h) { h["PortBindings"].erase("80/tcp"); },
         [](auto& s) { s.ports.erase(s.ports.begin()); }},
        {"port range",
         [](json&, json& h) {
             h["PortBindings"].erase("81/udp");
             h["PortBindings"]["80/tcp"][0]["HostIp"] = "::";
             h["PortBindings"]["80/tcp"][0]["HostPort"] = "7-9";
         },
         [](auto& s) { s.ports = {{"::", 7, 9, 80, "tcp"}}; }},
        {"log driver", [](json&, json& h) { h["LogConfig"]["Type"] = "journald"; },
         [](auto& s) { s.log.driver = "journald"; }},
        {"log options",
         [](json&, json& h) {
             h["LogConfig"]["Config"] = json::object();
             h["LogConfig"]["Config"]["max-file"] = "9";
         },
         [](auto& s) { s.log.max_files = 9, s.log.max_size = "", s.log.mode = ""; }},
        {"policy", [](json&, json& h) { h["RestartPolicy"] = {{"Name", ""}, {"MaximumRetryCount", 2}}; },
         [](auto& s) { s.restart = {"no", 2, 0}; }},
        {"limits",
         [](json&, json& h) { h["Memory"] = kGiB, h["MemorySwap"] = -1, h["MemoryReservation"] = 0; },
         [](auto& s) { s.resources = {"1G", "", "-1"}; }},
        {"odd limits",
         [](json&, json& h) { h["Memory"] = 1536, h["MemorySwap"] = 0, h["MemoryReservation"] = -1; },
         [](auto& s) { s.resources = {"1.5K", "", ""}; }},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.name) {
            auto seen = inspection_of(rich_spec());
            c.by_engine(seen["Config"], seen["HostConfig"]);
            auto expected = rich_spec();
            c.expected(expected);
            CHECK((as_held(rich_spec(), seen) == expected));
        }
}

TEST_CASE("a limit that an update has lifted is what was asked for", "[BX-03][runtime]") {
    auto unlimited = make_spec("web", "w1");
    auto seen = inspection_of(unlimited);
    auto& host = seen["HostConfig"];
    host["Memory"] = 4 * kGiB;
    host["MemorySwap"] = 6 * kGiB;
    host["MemoryReservation"] = -1;
    CHECK((as_held(unlimited, seen) == unlimited));
    auto no_swap_limit = unlimited;
    no_swap_limit.resources = {"64M", "", "-1"};
    seen = inspection_of(no_swap_limit);
    seen["HostConfig"]["MemorySwap"] = 6 * kGiB;
    CHECK((as_held(no_swap_limit, seen) == no_swap_limit));
}

TEST_CASE("what the machine has is no limit, whatever was asked for", "[CM-27][runtime]") {
    auto limited = make_spec("web", "w1");
    limited.resources = {"64M", "32M", "128M"};
    auto seen = inspection_of(limited);
    auto& host = seen["HostConfig"];
    host["Memory"] = 4 * kGiB;
    host["MemorySwap"] = 6 * kGiB;
    host["MemoryReservation"] = -1;
    CHECK((as_held(limited, seen).resources == Resources{}));
    limited.resources = {"4G", "", "8G"};  // asked for
    seen = inspection_of(limited);
    CHECK((as_held(limited, seen) == limited));
}

TEST_CASE("what is no inspection is an error", "[runtime]") {
    for (const std::string text : {"", "[]", "null", "{"}) {
        const auto found = held_by_engine(rich_spec(), text, {}, kTestMachine);
        REQUIRE_FALSE(found);
        CHECK(found.error().code == Errc::Internal);
    }
}
