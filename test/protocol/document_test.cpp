// The container document and the store's record.
#include "protocol/document.hpp"

#include <functional>

#include "test/protocol/golden.hpp"
#include "test/support/catch.hpp"

using namespace berth;

namespace {

// Every member away from its default.
ContainerSpec full() {
    return {.id = "0b2ff2a5-6f3c-4b7d-9c5e-0d9a4f1e7c11",
            .name = "web",
            .image = "reg.example:5000/web:1.0",
            .domain_name = "shop",
            .host_name = "front",
            .mounts = {{"/data", "/var/data", "rslave"}, {"/etc/a", "/etc/b", "rprivate"}},
            .hooks = {{"/bin/hook", {"a", "b"}, {"X=1"}, 5, 1}},
            .env = {"A=1", "B=", "C"},
            .cmd = {"--run", ""},
            .devices = {{"/dev/a", "/dev/b", "rw"}},
            .network = "host",
            .privileged = true,
            .restart = {"on-failure", 3, 30},
            .oci_runtime = "io.containerd.kata.v2",
            .extra_hosts = {"db:1.2.3.4"},
            .extra_capabilities = {"CAP_NET_ADMIN"},
            .ports = {{"127.0.0.1", 5000, 5005, 80, "udp"}},
            .log = {"json-file", 4, "10M", "/var/log/x", "non-blocking", "2M"},
            .resources = {"64M", "32M", "-1"},
            .io = {true, true, true, true, true, true}};
}

Container running() {
    Container container;
    container.spec = full();
    container.state = {.status = Status::Running,
                       .pid = 4711,
                       .exit_code = 0,
                       .oom_killed = false,
                       .restarting = false,
                       .error = "",
                       .created = "2024-06-10T06:13:32.000000001Z",
                       .started_at = "2024-06-10T06:13:33.5Z",
                       .finished_at = "",
                       .restart_count = 2};
    container.replaces = "old-id";
    container.role = Role::Staged;
    container.manually_stopped = true;
    container.started_before = true;
    return container;
}

ContainerSpec decoded(const std::string& text) {
    auto spec = decode_document(text);
    INFO(text << "\n" << (spec ? std::string() : spec.error().message));
    REQUIRE(spec);
    return *spec;
}

std::string refusal(const std::string& text) {
    const auto spec = decode_document(text);
    return spec ? "accepted" : spec.error().message;
}

}  // namespace

TEST_CASE("a document and a record read back as they were", "[CM-01][CM-42][protocol]") {
    CHECK(test::differs("document-full.json", encode_document(full())) == "");
    CHECK(decoded(encode_document(full())) == full());
    CHECK(test::differs("record-full.json", encode_record(running())) == "");
    const auto record = decode_record(encode_record(running()));
    REQUIRE(record);
    CHECK(*record == running());

    ContainerSpec plain;
    plain.name = "db";
    plain.image = "db:1";
    fill_defaults(plain);
    CHECK(decoded(encode_document(plain)) == plain);
    for (const auto status : {Status::Creating, Status::Created, Status::Running, Status::Stopped,
                              Status::Paused, Status::Exited, Status::Dead, Status::Unknown}) {
        Container container = running();
        container.state.status = status;
        container.state.error = "it's \"gone\"";
        container.role = Role::Old;
        CHECK(*decode_record(encode_record(container)) == container);
    }
    for (const auto role : {Role::Plain, Role::Staged, Role::Old, Role::Discarded}) {
        Container container = running();
        container.role = role;
        CHECK(*decode_record(encode_record(container)) == container);
    }
}

TEST_CASE("Leda's manifest and Kanto's stored container are read as they are",
          "[CM-01][CM-02][CM-09][protocol]") {
    const auto manifest = decoded(test::golden("manifest-databroker.json"));
    CHECK(manifest.id == "databroker");
    CHECK(manifest.ports == std::vector<Port>{{"127.0.0.1", 30555, 30555, 55555, "tcp"}});
    CHECK(manifest.log.max_size == "1M");
    CHECK(manifest.env.size() == 2);
    CHECK(manifest.host_name == "databroker-host");
    CHECK(validate(manifest));

    const auto stored = decode_record(test::golden("kanto-config.json"));
    INFO((stored ? std::string() : stored.error().message));
    REQUIRE(stored);
    CHECK(stored->spec.name == "web");
    CHECK(stored->spec.restart == RestartPolicy{"on-failure", 3, 30});
    CHECK(stored->spec.resources == Resources{"64M", "", "-1"});  // stored without swap: it was unlimited
    CHECK(stored->state.status == Status::Exited);
    CHECK(stored->state.exit_code == 137);
    CHECK(stored->state.oom_killed);
    CHECK(stored->state.finished_at == "2024-06-10T07:00:00.123456789Z");
    CHECK(stored->state.created == "2024-06-10T06:13:32.000000001Z");
    CHECK(stored->state.restart_count == 3);
    CHECK(stored->started_before);
    CHECK_FALSE(stored->manually_stopped);
    CHECK(stored->role == Role::Plain);
}

TEST_CASE("unknown keys, other cases, nulls, doubles and aliases", "[CM-01][protocol]") {
    const auto spec =
        decoded(R"({"ID":"x1","Container_Name":"a","container_name":"web","image":{"name":"w:1","more":[1]},
        "mounts":[{"source":"/a","destination":"/b"}],"config":null,"hooks":null,"nonsense":{"a":[{}]},
        "host_config":{"privileged":null,"port_mappings":[{"protocol":"udp","container_port":80}],"resources":null,
                       "Network_Mode":"host"},"network_settings":{"x":1}})");
    CHECK(spec.id == "x1");
    CHECK(spec.name == "web");
    CHECK(spec.mounts == std::vector<Mount>{{"/a", "/b", "rprivate"}});
    CHECK(spec.ports == std::vector<Port>{{"0.0.0.0", 0, 0, 80, "udp"}});
    CHECK(spec.network == "host");
    CHECK(decoded(R"({"name":"alias","image":{"name":"w:1"}})").name == "alias");
    CHECK(decoded(R"({"id":"a","container_id":"b","image":{"name":"w:1"}})").id == "b");
    CHECK(
        decoded(R"({"host_config":{"port_mappings":[{"proto":"sctp","protocol":"udp","container_port":8}]}})")
            .ports[0]
            .protocol == "sctp");
}

TEST_CASE("a document without settings gets every default", "[CM-02][CM-05][protocol]") {
    const auto spec = decoded(R"({"container_id":"web","image":{"name":"w:1"},
        "mount_points":[{"source":"/a","destination":"/b","propagation_mode":""}],
        "host_config":{"devices":[{"path_on_host":"/dev/a"}],"port_mappings":[{"container_port":80,"host_port":8080}],
                       "resources":{"memory":"1.5 g"}}})");
    ContainerSpec wanted;
    wanted.id = "web";
    wanted.name = "web";
    wanted.image = "w:1";
    wanted.domain_name = "web-domain";
    wanted.host_name = "web-host";
    wanted.mounts = {{"/a", "/b", "rprivate"}};
    wanted.devices = {{"/dev/a", "/dev/a", "rwm"}};
    wanted.network = "bridge";
    wanted.restart = {"unless-stopped", 0, 0};
    wanted.oci_runtime = "io.containerd.runc.v2";
    wanted.ports = {{"0.0.0.0", 8080, 8080, 80, "tcp"}};
    wanted.log = {"json-file", 2, "100M", "", "blocking", ""};
    wanted.resources = {"1.5 g", "", "3g"};
    CHECK(spec == wanted);

    const auto swap = [](const std::string& memory, const std::string& given = "") {
        ContainerSpec model;
        model.resources = {memory, "", given};
        fill_defaults(model);
        return model.resources.memory_swap;
    };
    CHECK(swap("64M") == "128M");
    CHECK(swap("1.00005G") == "2.0001G");
    CHECK(swap("0.12344k") == "0.2469k");
    CHECK(swap("").empty());
    CHECK(swap("64").empty());
    CHECK(swap("64M", "-1") == "-1");
    CHECK(swap("64M", "65M") == "65M");
    const auto none = decoded(
        R"({"host_config":{"log_config":{"driver_config":{"type":"none","max_size":"5M","root_dir":"/l"},
        "mode_config":{"mode":"non-blocking"}}}})");
    CHECK(none.log == LogConfig{"none", 0, "", "/l", "non-blocking", "1M"});
}

TEST_CASE("what does not act is said once", "[CM-07][CM-42][protocol]") {
    const auto warned = [](const std::string& host_config, const std::string& more = "") {
        std::vector<std::string> warnings;
        const auto spec = decode_document("{\"host_config\":" + host_config + more + "}", &warnings);
        REQUIRE(spec);
        return std::pair{spec->restart.retry_timeout_s, warnings};
    };
    const std::string ignored =
        "key host_config.restart_policy.retry_timeout: stored and reported, but the engine has its "
        "own back-off of at most 1 minute";
    CHECK(warned(R"({"restart_policy":{"type":"always","retry_timeout":30000000000}})") ==
          std::pair{std::int64_t{30}, std::vector{ignored + " (value \"30\")"}});
    const auto [seconds, warnings] = warned(R"({"restart_policy":{"type":"always","retry_timeout":45}})");
    CHECK(seconds == 45);
    REQUIRE(warnings.size() == 2);
    CHECK_THAT(warnings[0], StartsWith("$.host_config.restart_policy.retry_timeout: read as seconds"));
    CHECK(warned(R"({"restart_policy":{"type":"always","retry_timeout":0}})").second.empty());
    CHECK(warned("{}", R"(,"hooks":[{"path":"/x","type":0},{"path":"/y","type":9}])").second ==
          std::vector<std::string>{"key hooks: stored and reported, but never run (value \"2\")"});
}

TEST_CASE("a document says every wrong type and number with its path", "[CM-03][CM-09][protocol]") {
    CHECK(refusal("[]") == "document: $: expected one JSON object, got an array");
    CHECK(
        refusal(
            R"({"container_id":5,"config":{"env":["A=1",null]},"mount_points":[null,{"source":1}],"image":"x"})") ==
        "document: $.container_id: expected a string, got a number; $.image: expected an object, got a "
        "string; "
        "$.mount_points[0]: expected an object, got null; $.mount_points[1].source: expected a string, got a "
        "number; "
        "$.config.env[1]: expected a string, got null");
    const auto port = [](const std::string& members) {
        return refusal("{\"host_config\":{\"port_mappings\":[{" + members + "}]}}");
    };
    const std::string at = "document: $.host_config.port_mappings[0].";
    CHECK(port("") == at + "container_port: expected 1 to 65535 (value \"0\")");
    CHECK(port(R"("container_port":70000)") == at + "container_port: expected 1 to 65535 (value \"70000\")");
    CHECK(port(R"("container_port":80,"host_port":-1)") ==
          at + "host_port: expected 0 to 65535 (value \"-1\")");
    CHECK(port(R"("container_port":80,"host_port_end":65536)") ==
          at + "host_port_end: expected 0 to 65535 (value \"65536\")");
    CHECK(port(R"("container_port":80.5)").find(at + "container_port: expected a whole number") == 0);
    CHECK(port(R"("container_port":80,"host_ip":"myhost")") ==
          at + "host_ip: expected an IP address or localhost (value \"myhost\")");
    CHECK(port(R"("container_port":80,"host_ip":"::1")") == "accepted");
    CHECK(refusal(R"({"image":{"name":"a","decrypt_config":{"keys":["k"]}}})") ==
          "document: $.image.decrypt_config: encrypted images are not supported; leave it out");
    CHECK(refusal(R"({"image":{"name":"a","decrypt_config":{}}})") == "accepted");
    CHECK(refusal(R"({"host_config":{"privileged":"true"}})") ==
          "document: $.host_config.privileged: expected true or false, got a string");
    CHECK_FALSE(decode_record(R"({"state":{"status":8}})"));
    CHECK_FALSE(decode_record(R"({"berth":{"role":"boss"}})"));
}

TEST_CASE("a model is checked in the order of the document", "[CM-03][CM-05][CM-07][CM-09][protocol]") {
    ContainerSpec good;
    good.name = "web";
    good.image = "w:1";
    fill_defaults(good);
    REQUIRE(validate(good));
    struct Case {
        std::string message;
        std::function<void(ContainerSpec&)> change;
    };
    const std::vector<Case> cases = {
        {"key container_id: ", [](auto& s) { s.id = "a..b"; }},
        {"key container_id: ", [](auto& s) { s.id = "../x"; }},
        {"key container_id: ", [](auto& s) { s.id = "-a"; }},
        {"key container_id: ", [](auto& s) { s.id = std::string(77, 'a'); }},
        {"key image.name: is empty",
         [](auto& s) {
             s.image.clear();
             s.name = "a b";
         }},
        {"key container_name: ",
         [](auto& s) {
             s.name = "a b";
             s.mounts = {{"", "", ""}};
         }},
        {"key host_name: ", [](auto& s) { s.host_name = std::string(64, 'a'); }},
        {"key mount_points: source and destination",
         [](auto& s) {
             s.mounts = {{"", "/b", "private"}};
             s.network = "x";
         }},
        {"key mount_points: propagation mode", [](auto& s) { s.mounts = {{"/a", "/b", "ro"}}; }},
        {"key host_config.privileged: true cannot be combined with devices",
         [](auto& s) {
             s.privileged = true;
             s.devices = {{"/a", "/a", "r"}};
             s.network = "x";
         }},
        {"key host_config.privileged: true cannot be combined with extra capabilities",
         [](auto& s) {
             s.privileged = true;
             s.extra_capabilities = {"CAP_KILL"};
         }},
        {"key host_config.network_mode: expected bridge or host", [](auto& s) { s.network = "none"; }},
        {"key host_config.network_mode: host cannot be combined with ports",
         [](auto& s) {
             s.network = "host";
             s.ports = {{"0.0.0.0", 1, 1, 1, "tcp"}};
         }},
        {"key host_config.extra_hosts: host_ip, ",
         [](auto& s) {
             s.network = "host";
             s.extra_hosts = {"a:host_ip_x"};
         }},
        {"key host_config.extra_hosts: expected <name>:<address>", [](auto& s) { s.extra_hosts = {"a"}; }},
        {"key host_config.port_mappings: container port",
         [](auto& s) { s.ports = {{"0.0.0.0", 1, 1, 0, "tcp"}}; }},
        {"key host_config.port_mappings: host port range",
         [](auto& s) { s.ports = {{"0.0.0.0", 5, 4, 1, "tcp"}}; }},
        {"key host_config.port_mappings: protocol",
         [](auto& s) { s.ports = {{"0.0.0.0", 5, 5, 1, "icmp"}}; }},
        {"key host_config.port_mappings: host address",
         [](auto& s) { s.ports = {{"localhost", 5, 5, 1, "tcp"}}; }},
        {"key host_config.devices: the path", [](auto& s) { s.devices = {{"", "/a", "r"}}; }},
        {"key host_config.devices: permissions",
         [](auto& s) {
             s.devices = {{"/a", "/a", "zzz"}};
             s.log.driver = "x";
         }},
        {"key host_config.log_config.driver_config.type",
         [](auto& s) {
             s.log.driver = "x";
             s.restart.type = "x";
         }},
        {"key host_config.log_config.driver_config.max_files", [](auto& s) { s.log.max_files = 0; }},
        {"key host_config.log_config.driver_config.max_size: is missing",
         [](auto& s) { s.log.max_size.clear(); }},
        {"key host_config.log_config.driver_config.max_size: size needs",
         [](auto& s) { s.log.max_size = "5"; }},
        {"key host_config.log_config.driver_config.root_dir", [](auto& s) { s.log.root_dir = "l"; }},
        {"key host_config.log_config.mode_config.mode", [](auto& s) { s.log.mode = "x"; }},
        {"key host_config.log_config.mode_config.max_buffer_size",
         [](auto& s) {
             s.log.mode = "non-blocking";
             s.log.max_buffer_size = "1";
         }},
        {"key host_config.restart_policy.type",
         [](auto& s) {
             s.restart.type = "";
             s.resources.memory = "1";
         }},
        {"key host_config.restart_policy.maximum_retry_count: needs",
         [](auto& s) { s.restart = {"always", 1, 0}; }},
        {"key host_config.restart_policy.maximum_retry_count: must not",
         [](auto& s) { s.restart = {"on-failure", -1, 0}; }},
        {"key host_config.restart_policy.retry_timeout", [](auto& s) { s.restart = {"on-failure", 0, -1}; }},
        {"key host_config.resources.memory:",
         [](auto& s) {
             s.resources.memory = "2M";
             s.env = {"1"};
         }},
        {"key host_config.resources.memory_swap: needs", [](auto& s) { s.resources.memory_swap = "1G"; }},
        {"key host_config.resources.memory_swap: is", [](auto& s) { s.resources = {"64M", "", "63M"}; }},
        {"key host_config.resources.memory_reservation", [](auto& s) { s.resources = {"64M", "65M", "-1"}; }},
        {"key config.env", [](auto& s) { s.env = {"A=1", "a.b=2"}; }},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.message) {
            ContainerSpec bad = good;
            c.change(bad);
            const auto result = validate(bad);
            REQUIRE_FALSE(result);
            CHECK(result.error().code == Errc::Invalid);
            CHECK_THAT(result.error().message, StartsWith(c.message));
        }
    for (const std::string id : {"", "a", "0b2ff2a5-6f3c-4b7d-9c5e-0d9a4f1e7c11", "a.b_c-d"}) {
        good.id = id;
        CHECK(validate(good));
    }
    good.restart = {"always", 0, -1};  // only on-failure minds
    CHECK(validate(good));
}

TEST_CASE("filling defaults twice changes nothing", "[CM-02][protocol]") {
    for (ContainerSpec spec :
         {full(), ContainerSpec{}, ContainerSpec{.name = "x", .resources = {"64M", "", ""}}}) {
        fill_defaults(spec);
        const ContainerSpec once = spec;
        fill_defaults(spec);
        CHECK(spec == once);
    }
    ContainerSpec spec = full();
    fill_defaults(spec);
    CHECK(spec == full());
}
