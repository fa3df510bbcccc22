#include "runtime/docker/encode.hpp"

#include <nlohmann/json.hpp>

#include "test/runtime/builders.hpp"
#include "test/runtime/golden.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::runtime;
using namespace berth::runtime::docker;
using berth::test::check_golden;
using berth::test::make_spec;
using nlohmann::json;

namespace {

const std::string kId = "1a2b3c4d-0000-4000-8000-000000000000";

Surroundings around() {
    return {.document = "{\"container_id\":\"…\"}",
            .replaces = {},
            .gateway = "172.18.0.1",
            .address_of = [](const std::string& name) {
                return name == "eth0" ? std::optional<std::string>("192.0.2.7") : std::nullopt;
            }};
}

ContainerSpec full_spec() {
    auto spec = make_spec("app", kId, "ghcr.io/acme/app:1.2");
    spec.env = {"A=1", "B=", "C"};
    spec.cmd = {"--run", "fast"};
    spec.extra_capabilities = {"CAP_NET_ADMIN"};
    spec.devices = {{"/dev/ttyACM0", "/dev/ttyUSB0", "rw"}};
    spec.mounts = {{"/data", "/data", "rslave"}};
    spec.extra_hosts = {"ctrhost:host_ip", "gw:host_ip_eth0", "cache:10.0.0.5", "v6:fe80::1",
                        "db:container_db-host"};
    spec.ports = {
        {"0.0.0.0", 5000, 5005, 80, "tcp"}, {"127.0.0.1", 53, 53, 53, "udp"}, {"0.0.0.0", 0, 0, 80, "tcp"}};
    spec.restart = {"on-failure", 5, 30};
    spec.log = {"json-file", 3, "5M", "", "non-blocking", "2M"};
    spec.resources = {"200M", "100M", "400M"};
    spec.io = {.attach_stderr = false,
               .attach_stdin = true,
               .attach_stdout = false,
               .open_stdin = true,
               .stdin_once = true,
               .tty = true};
    return spec;
}

json body_of(const ContainerSpec& spec, const DockerOptions& options = {}) {
    const auto body = encode_create(spec, options, around());
    INFO((body ? "" : body.error().message));
    REQUIRE(body);
    return json::parse(body->json);
}

json at(const json& body, const std::string& pointer) {
    const json::json_pointer place(pointer);
    return body.contains(place) ? body.at(place) : json();
}

}  // namespace

TEST_CASE("the create body is the one of the specification", "[UA-11][CM-12][runtime]") {
    check_golden("create_full", encode_create(full_spec(), {}, around())->json);
    check_golden("create_small", encode_create(make_spec("web", kId), {}, around())->json);

    auto host = make_spec("agent", kId);
    host.network = "host";
    host.privileged = true;
    DockerOptions options{.name_space = "edge", .cgroup_parent = "/berth", .no_new_privileges = false};
    auto staged = around();
    staged.replaces = "7f000000-0000-4000-8000-000000000000";
    check_golden("create_host", encode_create(host, options, staged)->json);
}

TEST_CASE("every value reaches its field of the engine", "[UA-11][runtime]") {
    struct Case {
        std::string name;
        std::function<void(ContainerSpec&)> change;
        std::string pointer;
        json expected;
    };
    const std::vector<Case> cases = {
        {"image", [](auto& s) { s.image = "reg:5000/app:1"; }, "/Image", "reg:5000/app:1"},
        {"no cmd keeps the image's", [](auto&) {}, "/Cmd", nullptr},
        {"no entrypoint ever", [](auto& s) { s.cmd = {"x"}; }, "/Entrypoint", nullptr},
        {"no stop signal ever", [](auto&) {}, "/StopSignal", nullptr},
        {"tty", [](auto& s) { s.io.tty = true; }, "/Tty", true},
        {"stdin", [](auto& s) { s.io.open_stdin = true; }, "/OpenStdin", true},
        {"host name", [](auto&) {}, "/Hostname", "web-host"},
        {"domain name", [](auto&) {}, "/Domainname", "web-domain"},
        {"bridge", [](auto&) {}, "/HostConfig/NetworkMode", "berth0"},
        {"alias", [](auto&) {}, "/NetworkingConfig/EndpointsConfig/berth0/Aliases",
         json::array({"web-host"})},
        {"host network", [](auto& s) { s.network = "host"; }, "/HostConfig/NetworkMode", "host"},
        {"host network has no name of its own", [](auto& s) { s.network = "host"; }, "/Hostname", nullptr},
        {"host network has no endpoint", [](auto& s) { s.network = "host"; }, "/NetworkingConfig", nullptr},
        {"privileged", [](auto& s) { s.privileged = true; }, "/HostConfig/Privileged", true},
        {"device in the same place",
         [](auto& s) { s.devices = {{"/dev/a", "", "r"}}; },
         "/HostConfig/Devices/0",
         {{"PathOnHost", "/dev/a"}, {"PathInContainer", "/dev/a"}, {"CgroupPermissions", "r"}}},
        {"policy", [](auto&) {}, "/HostConfig/RestartPolicy", {{"Name", "unless-stopped"}}},
        {"retries",
         [](auto& s) { s.restart = {"on-failure", 3, 0}; },
         "/HostConfig/RestartPolicy",
         {{"Name", "on-failure"}, {"MaximumRetryCount", 3}}},
        {"retries of another policy",
         [](auto& s) { s.restart = {"always", 3, 0}; },
         "/HostConfig/RestartPolicy",
         {{"Name", "always"}}},
        {"runc is the engine's default", [](auto& s) { s.oci_runtime = "io.containerd.runc.v2"; },
         "/HostConfig/Runtime", nullptr},
        {"another runtime is named", [](auto& s) { s.oci_runtime = "io.containerd.kata.v2"; },
         "/HostConfig/Runtime", "io.containerd.kata.v2"},
        {"never Binds", [](auto& s) { s.mounts = {{"/a", "/b", "shared"}}; }, "/HostConfig/Binds", nullptr},
        {"no-new-privileges", [](auto&) {}, "/HostConfig/SecurityOpt",
         json::array({"no-new-privileges:true"})},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.name) {
            auto spec = make_spec("web", kId);
            c.change(spec);
            CHECK(at(body_of(spec), c.pointer) == c.expected);
        }
}

TEST_CASE("the six propagation modes are sent as they are", "[CM-11][runtime]") {
    for (const std::string mode : {"rprivate", "private", "rshared", "shared", "rslave", "slave"}) {
        auto spec = make_spec("web", kId);
        spec.mounts = {{"/a", "/b", mode}};
        CHECK(at(body_of(spec), "/HostConfig/Mounts/0") == json({{"Type", "bind"},
                                                                 {"Source", "/a"},
                                                                 {"Target", "/b"},
                                                                 {"BindOptions", {{"Propagation", mode}}}}));
    }
}

TEST_CASE("ports reach the engine with their address, range and protocol", "[CM-09][UA-11][runtime]") {
    struct Case {
        Port port;
        std::string key;
        json binding;
    };
    const std::vector<Case> cases = {
        {{"0.0.0.0", 8080, 8080, 80, "tcp"}, "80/tcp", {{"HostIp", "0.0.0.0"}, {"HostPort", "8080"}}},
        {{"127.0.0.1", 53, 53, 53, "udp"}, "53/udp", {{"HostIp", "127.0.0.1"}, {"HostPort", "53"}}},
        {{"0.0.0.0", 5000, 5005, 80, "tcp"}, "80/tcp", {{"HostIp", "0.0.0.0"}, {"HostPort", "5000-5005"}}},
        {{"0.0.0.0", 0, 0, 80, "sctp"}, "80/sctp", {{"HostIp", "0.0.0.0"}, {"HostPort", "0"}}},
        {{"localhost", 81, 81, 80, "tcp"}, "80/tcp", {{"HostIp", "127.0.0.1"}, {"HostPort", "81"}}},
        {{"::1", 81, 81, 80, "tcp"}, "80/tcp", {{"HostIp", "::1"}, {"HostPort", "81"}}},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.port.host_ip << " " << c.key) {
            auto spec = make_spec("web", kId);
            spec.ports = {c.port};
            const auto body = body_of(spec);
            CHECK(body["ExposedPorts"] == json({{c.key, json::object()}}));
            CHECK(body["HostConfig"]["PortBindings"] == json({{c.key, json::array({c.binding})}}));
        }
}

TEST_CASE("a port bound to a name is refused, as the engine would open it everywhere", "[CM-09][runtime]") {
    auto spec = make_spec("web", kId);
    spec.ports = {{"myhost", 80, 80, 80, "tcp"}};
    const auto body = encode_create(spec, {}, around());
    REQUIRE_FALSE(body);
    CHECK(body.error() == Error{Errc::Invalid, "port: 'myhost' is no IP address"});
}

TEST_CASE("host entries are resolved at create or become links", "[CM-10][UA-19][runtime]") {
    struct Case {
        std::string entry;
        json hosts;
        json links;
        std::size_t warnings;
    };
    const std::vector<Case> cases = {
        {"a:10.0.0.5", {"a:10.0.0.5"}, nullptr, 0},         {"a:fe80::1", {"a:fe80::1"}, nullptr, 0},
        {"a:host_ip", {"a:172.18.0.1"}, nullptr, 0},        {"a:host_ip_eth0", {"a:192.0.2.7"}, nullptr, 0},
        {"a:host_ip_wlan9", nullptr, nullptr, 1},           {"a:host_ip_", nullptr, nullptr, 1},
        {"a:container_db-host", nullptr, {"db-host:a"}, 0}, {"a:container_", nullptr, nullptr, 1},
        {"a:host_ipx", {"a:host_ipx"}, nullptr, 0},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.entry) {
            auto spec = make_spec("web", kId);
            spec.extra_hosts = {c.entry};
            const auto result = encode_create(spec, {}, around());
            REQUIRE(result);
            const auto body = json::parse(result->json);
            CHECK(at(body, "/HostConfig/ExtraHosts") == c.hosts);
            CHECK(at(body, "/NetworkingConfig/EndpointsConfig/berth0/Links") == c.links);
            CHECK(result->warnings.size() == c.warnings);
        }
}

TEST_CASE("an unknown gateway leaves the entry out and the rest alone", "[CM-10][UA-19][runtime]") {
    auto spec = make_spec("web", kId);
    spec.extra_hosts = {"a:host_ip", "b:10.0.0.5"};
    CHECK(needs_gateway(spec));
    auto without = around();
    without.gateway.clear();
    const auto result = encode_create(spec, {}, without);
    REQUIRE(result);
    CHECK(json::parse(result->json)["HostConfig"]["ExtraHosts"] == json({"b:10.0.0.5"}));
    CHECK(result->warnings ==
          std::vector<std::string>{"host 'a:host_ip' cannot be resolved now and is left out"});
}

TEST_CASE("what cannot be had is refused before the engine is asked", "[CM-38][runtime]") {
    struct Case {
        std::string name;
        std::function<void(ContainerSpec&, DockerOptions&)> change;
        std::string message;
    };
    const std::vector<Case> cases = {
        {"bridge disabled", [](auto&, auto& o) { o.bridge.disable = true; },
         "network: the bridge network is disabled on this device"},
        {"host_ip in host mode",
         [](auto& s, auto&) {
             s.network = "host";
             s.extra_hosts = {"a:host_ip"};
         },
         "host: 'a:host_ip' needs network bridge"},
        {"container in host mode",
         [](auto& s, auto&) {
             s.network = "host";
             s.extra_hosts = {"a:container_b-host"};
         },
         "host: 'a:container_b-host' needs network bridge"},
        {"no colon", [](auto& s, auto&) { s.extra_hosts = {"a"}; }, "host: 'a' has no colon"},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.name) {
            auto spec = make_spec("web", kId);
            DockerOptions options;
            c.change(spec, options);
            const auto body = encode_create(spec, options, around());
            REQUIRE_FALSE(body);
            CHECK(body.error() == Error{Errc::Invalid, c.message});
        }
}

TEST_CASE("log sizes are sent as bytes, the buffer only if it is used", "[UA-18][runtime]") {
    struct Case {
        std::string name;
        LogConfig log;
        json expected;
    };
    const std::vector<Case> cases = {
        {"default",
         {},
         {{"Type", "json-file"},
          {"Config", {{"max-size", "104857600"}, {"max-file", "2"}, {"mode", "blocking"}}}}},
        {"buffer of a blocking log",
         {"json-file", 1, "1k", "", "blocking", "4M"},
         {{"Type", "json-file"},
          {"Config", {{"max-size", "1024"}, {"max-file", "1"}, {"mode", "blocking"}}}}},
        {"non-blocking",
         {"json-file", 2, "1.5G", "", "non-blocking", "64k"},
         {{"Type", "json-file"},
          {"Config",
           {{"max-size", "1610612736"},
            {"max-file", "2"},
            {"mode", "non-blocking"},
            {"max-buffer-size", "65536"}}}}},
        {"non-blocking by default",
         {"json-file", 2, "1M", "", "non-blocking", ""},
         {{"Type", "json-file"},
          {"Config",
           {{"max-size", "1048576"},
            {"max-file", "2"},
            {"mode", "non-blocking"},
            {"max-buffer-size", "1048576"}}}}},
        {"none",
         {"none", 0, "", "/logs", "non-blocking", "1M"},
         {{"Type", "none"}, {"Config", json::object()}}},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.name) {
            auto spec = make_spec("web", kId);
            spec.log = c.log;
            CHECK(body_of(spec)["HostConfig"]["LogConfig"] == c.expected);
        }
}

TEST_CASE("memory limits are sent as bytes, not below the engine's minimum", "[CM-06][runtime]") {
    struct Case {
        std::string name;
        Resources given;
        std::int64_t memory;
        std::int64_t swap;
        std::int64_t reservation;
        std::size_t warnings;
    };
    constexpr std::int64_t kMiB = 1024 * 1024;
    const std::vector<Case> cases = {
        {"none", {}, 0, 0, 0, 0},
        {"memory alone", {"200M", "", ""}, 200 * kMiB, 400 * kMiB, 0, 0},
        {"all", {"200M", "100M", "300M"}, 200 * kMiB, 300 * kMiB, 100 * kMiB, 0},
        {"unlimited swap", {"200M", "", "-1"}, 200 * kMiB, -1, 0, 0},
        {"below the minimum", {"3M", "3M", "3M"}, 6 * kMiB, 6 * kMiB, 6 * kMiB, 2},
        {"below the minimum, swap above", {"4M", "", "8M"}, 6 * kMiB, 8 * kMiB, 0, 1},
        {"just there", {"6M", "", "6M"}, 6 * kMiB, 6 * kMiB, 0, 0},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.name) {
            auto spec = make_spec("web", kId);
            spec.resources = c.given;
            const auto result = encode_create(spec, {}, around());
            REQUIRE(result);
            const auto host = json::parse(result->json)["HostConfig"];
            CHECK(host["Memory"] == c.memory);
            CHECK(host["MemorySwap"] == c.swap);
            CHECK(host["MemoryReservation"] == c.reservation);
            CHECK(result->warnings.size() == c.warnings);
        }
}

TEST_CASE("an update sends the three memory numbers together and lifts what the engine can lift",
          "[CM-20][runtime]") {
    constexpr std::int64_t kMiB = 1024 * 1024;
    constexpr MachineMemory kMachine{4096 * kMiB, 1024 * kMiB};
    constexpr std::int64_t kAll = 5120 * kMiB;
    struct Case {
        std::string name;
        UpdateOptions options;
        Limits now;
        json expected;
    };
    const auto memory = [](std::int64_t limit, std::int64_t swap, std::int64_t reservation) {
        return json{{"Memory", limit}, {"MemorySwap", swap}, {"MemoryReservation", reservation}};
    };
    const std::vector<Case> cases = {
        {"raised",
         {.resources = Resources{"64M", "", "128M"}},
         {32 * kMiB, 0},
         memory(64 * kMiB, 128 * kMiB, 0)},
        {"a limit becomes the machine's memory",
         {.resources = Resources{}},
         {32 * kMiB, 0},
         memory(kMachine.ram, kAll, 0)},
        {"no limit before and after", {.resources = Resources{}}, {0, 0}, memory(0, 0, 0)},
        {"a reservation is lifted",
         {.resources = Resources{"64M", "", "-1"}},
         {64 * kMiB, 32 * kMiB},
         memory(64 * kMiB, kAll, -1)},
        {"policy alone",
         {.restart = RestartPolicy{"no", 0, 0}},
         {32 * kMiB, 0},
         {{"RestartPolicy", {{"Name", "no"}}}}},
        {"policy with retries",
         {.restart = RestartPolicy{"on-failure", 4, 0}},
         {0, 0},
         {{"RestartPolicy", {{"Name", "on-failure"}, {"MaximumRetryCount", 4}}}}},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.name) {
            const auto body = encode_update(c.options, c.now, kMachine);
            REQUIRE(body);
            CHECK(json::parse(body->json) == c.expected);
        }
}

TEST_CASE("the bridge network is made with its options", "[CM-38][runtime]") {
    check_golden("network_default", *encode_network({}, "berth"));
    check_golden("network_full", *encode_network({.name = "kanto-cm0",
                                                  .ip4 = "172.20.5.1/16",
                                                  .fixed_cidr4 = "172.20.128.0/17",
                                                  .gateway4 = "172.20.0.9",
                                                  .ipv6 = true,
                                                  .mtu = 1400,
                                                  .icc = false,
                                                  .ip_masq = false},
                                                 "berth"));
    const auto address = json::parse(*encode_network({.ip4 = "172.20.5.1/16"}, "berth"))["IPAM"]["Config"][0];
    CHECK(address == json({{"Subnet", "172.20.0.0/16"}, {"Gateway", "172.20.5.1"}}));
    const auto subnet = json::parse(*encode_network({.ip4 = "172.20.0.0/16"}, "berth"))["IPAM"]["Config"][0];
    CHECK(subnet == json({{"Subnet", "172.20.0.0/16"}}));
    for (const std::string bad : {"172.20.0.1", "172.20.0.1/33", "x/16", "172.20.0.1/16x", "/"}) {
        const auto refused = encode_network({.ip4 = bad}, "berth");
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Errc::Invalid);
    }
}

TEST_CASE("a container comes to a network under its name and with its links", "[BX-22][CM-10][runtime]") {
    CHECK(encode_member("e1") == R"({"Container":"e1"})");
    CHECK(encode_member("e1", make_spec("web", kId)) ==
          R"({"Container":"e1","EndpointConfig":{"Aliases":["web-host"]}})");
    CHECK(encode_member("e1", full_spec()) ==
          R"({"Container":"e1","EndpointConfig":{"Aliases":["app-host"],"Links":["db-host:db"]}})");

    CHECK(apart_network({.name = "kanto-cm0"}, kId) == "kanto-cm0-apart-1a2b3c4d");
    CHECK(is_apart_network({.name = "kanto-cm0"}, "kanto-cm0-apart-1a2b3c4d"));
    CHECK_FALSE(is_apart_network({.name = "kanto-cm0"}, "kanto-cm0"));
    CHECK_FALSE(is_apart_network({.name = "kanto-cm0"}, "kanto-cm1-apart-1a2b3c4d"));
    CHECK(encode_network_filter("berth0") == R"({"network":["berth0"]})");
    const auto apart = json::parse(encode_apart_network({.ip4 = "172.20.5.1/16", .mtu = 1400}, kId, "edge"));
    CHECK(apart == json({{"Name", "berth0-apart-1a2b3c4d"},
                         {"CheckDuplicate", true},
                         {"Driver", "bridge"},
                         {"Options",
                          {{"com.docker.network.bridge.enable_ip_masquerade", "true"},
                           {"com.docker.network.driver.mtu", "1400"}}},
                         {"Labels", {{"io.berth.managed", "true"}, {"io.berth.namespace", "edge"}}}}));
}

TEST_CASE("filters name the namespace", "[CM-12][runtime]") {
    CHECK(encode_filters("edge") == R"({"label":["io.berth.managed=true","io.berth.namespace=edge"]})");
    CHECK(encode_filters("edge", "i1") ==
          R"({"label":["io.berth.managed=true","io.berth.namespace=edge","io.berth.id=i1"]})");
    CHECK(encode_event_filters("edge") ==
          R"({"type":["container"],"label":["io.berth.managed=true","io.berth.namespace=edge"]})");
}
