// Every row of the option table, written down a second time: the names and defaults are a promise to the
// field.
#include <nlohmann/json.hpp>

#include "test/service/config_support.hpp"
#include "test/support/catch.hpp"

namespace berth::service::test {

namespace {

enum class Another { IsSet, IsRefused, HasNoEffect };

struct Row {
    std::string toml;           // Berth's name
    std::string kanto;          // Kanto's JSON path
    std::string flag;           // Kanto's flag
    std::string kanto_default;  // as a flag would give it
    std::string own_default;
    std::string another;  // a further value, as JSON and TOML both write it
    std::string becomes;  // how that reads back
    Another outcome{Another::IsSet};
};

constexpr const char* kSid = "container-management.service.local.v1.service-libnetwork-manager";
constexpr const char* kKantoHome = "/var/lib/container-management";
constexpr const char* kKantoRun = "/var/run/container-management";

const std::vector<Row>& rows() {
    static const std::vector<Row> all = {
        {"log.level", "log.log_level", "log-level", "INFO", "INFO", R"("DEBUG")", "DEBUG"},
        {"log.file", "log.log_file", "log-file", "log/container-management.log", "", R"("/x/y.log")",
         "/x/y.log"},
        {"log.file_size", "log.log_file_size", "log-file-size", "2M", "2M", R"("3M")", "3M"},
        {"log.file_count", "log.log_file_count", "log-file-count", "5", "5", "7", "7"},
        {"log.file_max_age", "log.log_file_max_age", "log-file-max-age", "672h", "672h", R"("48h")", "48h"},
        {"log.syslog", "log.syslog", "log-syslog", "false", "false", "true", "true"},
        {"storage.home_dir", "manager.home_dir", "cm-home-dir", kKantoHome, "/var/lib/berth", R"("/a")",
         "/a"},
        {"storage.run_dir", "manager.exec_root_dir", "cm-exec-root-dir", kKantoRun, "/run/berth", R"("/b")",
         "/b"},
        {"manager.network_manager_sid", "manager.network_manager_sid", "cm-net-sid", kSid, kSid, R"("other")",
         "", Another::IsRefused},
        {"lifecycle.stop_timeout", "manager.default_ctrs_stop_timeout", "cm-deflt-ctrs-stop-timeout", "30s",
         "30s", R"("1m30s")", "1m30s"},
        {"runtime.namespace", "containers.default_ns", "ccl-default-ns", "kanto-cm", "berth", R"("lab")",
         "lab"},
        {"runtime.home_dir", "containers.home_dir", "ccl-home-dir", kKantoHome, "/var/lib/berth", R"("/c")",
         "", Another::IsRefused},
        {"runtime.run_dir", "containers.exec_root_dir", "ccl-exec-root-dir", kKantoRun, "/run/berth",
         R"("/c")", "", Another::IsRefused},
        {"images.insecure_registries", "containers.insecure_registries", "ccl-insecure-registries",
         "localhost", "localhost", R"(["a:5000", "b"])", "a:5000,b"},
        {"images.decrypt_keys", "containers.image_dec_keys", "ccl-image-dec-keys", "", "", R"(["k"])", "k",
         Another::HasNoEffect},
        {"images.decrypt_recipients", "containers.image_dec_recipients", "ccl-image-dec-recipients", "", "",
         R"(["k"])", "k", Another::HasNoEffect},
        {"runtime.oci_runtime", "containers.runc_runtime", "ccl-runc-runtime", "io.containerd.runc.v2",
         "io.containerd.runc.v2", R"("io.containerd.runc.v1")", "io.containerd.runc.v1",
         Another::HasNoEffect},
        {"images.expiry", "containers.image_expiry", "ccl-image-expiry", "744h", "744h", R"("48h")", "",
         Another::IsRefused},
        {"images.expiry_disable", "containers.image_expiry_disable", "ccl-image-expiry-disable", "false",
         "false", "true", "true"},
        {"runtime.lease_id", "containers.lease_id", "ccl-lease-id", "kanto-cm.lease", "kanto-cm.lease",
         R"("l")", "l", Another::HasNoEffect},
        {"images.verifier.type", "containers.image_verifier_type", "ccl-image-verifier-type", "none", "none",
         R"("notation")", "", Another::IsRefused},
        {"network.type", "network.type", "net-type", "bridge", "bridge", R"("host")", "", Another::IsRefused},
        {"network.home_dir", "network.home_dir", "net-home-dir", kKantoHome, "/var/lib/berth", R"("/c")", "",
         Another::IsRefused},
        {"network.run_dir", "network.exec_root_dir", "net-exec-root-dir", kKantoRun, "/run/berth", R"("/c")",
         "", Another::IsRefused},
        {"network.bridge.disable", "network.default_bridge.disable", "net-tbr-disable", "false", "false",
         "true", "true"},
        {"network.bridge.name", "network.default_bridge.name", "net-br-name", "kanto-cm0", "berth0",
         R"("br9")", "br9"},
        {"network.bridge.ip4", "network.default_bridge.ip4", "net-br-ip4", "", "", R"("10.1.0.1/16")",
         "10.1.0.1/16"},
        {"network.bridge.fixed_cidr4", "network.default_bridge.fixed_cidr4", "net-br-fcidr4", "", "",
         R"("10.1.2.0/24")", "10.1.2.0/24"},
        {"network.bridge.gateway4", "network.default_bridge.gwip4", "net-br-gwip4", "", "", R"("10.1.0.1")",
         "10.1.0.1"},
        {"network.bridge.ipv6", "network.default_bridge.enable_ip6", "net-br-enable-ip6", "false", "false",
         "true", "true"},
        {"network.bridge.mtu", "network.default_bridge.mtu", "net-br-mtu", "1500", "1500", "1400", "1400"},
        {"network.bridge.icc", "network.default_bridge.icc", "net-br-icc", "true", "true", "false", "false"},
        {"network.bridge.ip_tables", "network.default_bridge.ip_tables", "net-br-ipt", "true", "true",
         "false", "false", Another::HasNoEffect},
        {"network.bridge.ip_forward", "network.default_bridge.ip_forward", "net-br-ipfw", "true", "true",
         "false", "false", Another::HasNoEffect},
        {"network.bridge.ip_masq", "network.default_bridge.ip_masq", "net-br-ipmasq", "true", "true", "false",
         "false"},
        {"network.bridge.userland_proxy", "network.default_bridge.userland_proxy", "net-br-ulp", "false",
         "false", "true", "true", Another::HasNoEffect},
        {"api.protocol", "grpc_server.protocol", "grpc-serv-netp", "unix", "unix", R"("tcp4")", "",
         Another::IsRefused},
        {"api.address", "grpc_server.address_path", "grpc-serv-ap",
         "/run/container-management/container-management.sock", "", R"("/x.sock")", "", Another::IsRefused},
        {"things.enabled", "things.enable", "things-enable", "true", "true", "false", "false"},
        {"things.home_dir", "things.home_dir", "things-home-dir", kKantoHome, "/var/lib/berth", R"("/c")",
         "/c"},
        {"things.features", "things.features", "things-features",
         "ContainerFactory,SoftwareUpdatable,Metrics", "ContainerFactory,SoftwareUpdatable,Metrics",
         R"(["Metrics"])", "Metrics"},
        {"deployment.enabled", "deployment.enable", "deployment-enable", "true", "true", "false", "false"},
        {"deployment.mode", "deployment.mode", "deployment-mode", "update", "update", R"("init")", "",
         Another::IsRefused},
        {"deployment.home_dir", "deployment.home_dir", "deployment-home-dir", kKantoHome, "/var/lib/berth",
         R"("/c")", "", Another::IsRefused},
        {"deployment.dir", "deployment.ctr_dir", "deployment-ctr-dir", "/etc/container-management/containers",
         "/etc/berth/containers", R"("/c")", "", Another::IsRefused},
        {"update_agent.enabled", "update_agent.enable", "ua-enable", "false", "true", "true", "true"},
        {"update_agent.domain", "update_agent.domain", "ua-domain", "containers", "containers", R"("cabin")",
         "cabin"},
        {"update_agent.system_containers", "update_agent.system_containers", "ua-system-containers", "", "",
         R"(["sua", "agent"])", "sua,agent"},
        {"update_agent.verbose_inventory", "update_agent.verbose_inventory_report",
         "ua-verbose-inventory-report", "false", "false", "true", "true"},
        {"mqtt.url", "connection.broker_url", "conn-broker-url", "tcp://localhost:1883",
         "tcp://localhost:1883", R"("tcp://broker:1884")", "tcp://broker:1884"},
        {"mqtt.keep_alive", "connection.keep_alive", "conn-keep-alive", "20s", "20s", R"("21s")", "21s"},
        {"mqtt.disconnect_timeout", "connection.disconnect_timeout", "conn-disconnect-timeout", "250ms",
         "250ms", R"("300ms")", "300ms"},
        {"mqtt.username", "connection.client_username", "conn-client-username", "", "", R"("u")", "u"},
        {"mqtt.password", "connection.client_password", "conn-client-password", "", "", R"("p")", "p"},
        {"mqtt.connect_timeout", "connection.connect_timeout", "conn-connect-timeout", "30s", "30s",
         R"("31s")", "31s"},
        {"mqtt.ack_timeout", "connection.acknowledge_timeout", "conn-ack-timeout", "15s", "15s", R"("16s")",
         "16s"},
        {"mqtt.subscribe_timeout", "connection.subscribe_timeout", "conn-sub-timeout", "15s", "15s",
         R"("17s")", "17s"},
        {"mqtt.unsubscribe_timeout", "connection.unsubscribe_timeout", "conn-unsub-timeout", "5s", "5s",
         R"("6s")", "6s"},
        {"mqtt.tls.ca_file", "connection.transport.root_ca", "conn-root-ca", "", "", R"("/ca.pem")",
         "/ca.pem"},
    };
    return all;
}

std::string json_with(const std::string& path, const std::string& literal) {
    nlohmann::json root = nlohmann::json::object();
    auto* at = &root;
    for (const auto& level : split_key(path))
        at = &(*at)[level];
    *at = nlohmann::json::parse(literal);
    return root.dump(2);
}

std::string toml_with(const std::string& path, const std::string& literal) {
    const auto dot = path.rfind('.');
    return "[" + path.substr(0, dot) + "]\n" + path.substr(dot + 1) + " = " + literal + "\n";
}

// {"a", "b"} as a flag gives it: a,b
std::string flag_value(const std::string& literal) {
    const auto value = nlohmann::json::parse(literal);
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_array()) return value.dump();
    std::string text;
    for (const auto& item : value)
        text += (text.empty() ? "" : ",") + item.get<std::string>();
    return text;
}

void check_outcome(const Row& row, const Loaded& loaded, const std::string& written) {
    INFO(errors(loaded));
    if (row.outcome == Another::IsRefused) {
        CHECK_THAT(errors(loaded), ContainsSubstring(written + ": "));
        return;
    }
    CHECK(loaded.good());
    CHECK(value_of(loaded, row.toml) == row.becomes);
    const auto remark = written + ": warning: has no effect";
    CHECK((warnings(loaded).find(remark) != std::string::npos) == (row.outcome == Another::HasNoEffect));
}

}  // namespace

TEST_CASE("a Kanto file takes Kanto's defaults, everything else Berth's own", "[CF-02][TW-01][service]") {
    const Folder folder;
    const auto kanto = load_text(folder, "config.json", "{}");
    const auto own_file = load_text(folder, "berth.toml", "");
    const auto none = load_arguments({});
    CHECK((kanto.kanto && kanto.good()));
    CHECK((!own_file.kanto && own_file.good() && own_file.problems.empty()));
    for (const auto& row : rows()) {
        INFO(row.toml);
        CHECK(value_of(kanto, row.toml) == row.kanto_default);
        CHECK(value_of(own_file, row.toml) == row.own_default);
        CHECK(value_of(none, row.toml) == row.own_default);
    }
    CHECK(value_of(kanto, "images.require_qualified") == "true");
    CHECK(value_of(none, "images.require_qualified") == "false");
    CHECK(value_of(kanto, "things.redact_env") == "false");
    CHECK(value_of(none, "things.redact_env") == "true");
}

TEST_CASE("own defaults are those of Config", "[service]") {
    auto loaded = load_arguments({});
    loaded.config.name.clear();
    loaded.config.mqtt.client_id.clear();
    CHECK(loaded.config == Config{});
}

TEST_CASE("every Kanto path is read from JSON, with its key in any case", "[CF-02][TW-01][service]") {
    const Folder folder;
    for (const auto& row : rows())
        DYNAMIC_SECTION(row.kanto) {
            check_outcome(row, load_text(folder, "config.json", json_with(row.kanto, row.another)),
                          row.kanto);
            auto upper = row.kanto;
            std::transform(upper.begin(), upper.end(), upper.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
            check_outcome(row, load_text(folder, "config.json", json_with(upper, row.another)), upper);
        }
}

TEST_CASE("every option is read from TOML by Berth's and by Kanto's name", "[CF-03][service]") {
    const Folder folder;
    for (const auto& row : rows())
        DYNAMIC_SECTION(row.toml) {
            check_outcome(row, load_text(folder, "berth.toml", toml_with(row.toml, row.another)), row.toml);
            check_outcome(row, load_text(folder, "berth.toml", toml_with(row.kanto, row.another)), row.kanto);
        }
}

TEST_CASE("every Kanto flag is accepted and wins over the file", "[CF-04][service]") {
    const Folder folder;
    for (const auto& row : rows())
        DYNAMIC_SECTION("--" << row.flag) {
            const auto flag = "--" + row.flag + "=" + flag_value(row.another);
            check_outcome(row, load_arguments({flag}), "--" + row.flag);
            // The file says the default of the other set; the flag counts.
            const auto file = toml_with(row.toml, row.outcome == Another::IsSet ? row.another : R"("x")");
            if (row.outcome == Another::IsRefused || row.another == row.own_default) continue;
            const auto back = "--" + row.flag + "=" + row.own_default;
            const auto loaded = load_text(folder, "berth.toml", file, {back});
            INFO(errors(loaded));
            CHECK(value_of(loaded, row.toml) == row.own_default);
        }
}

TEST_CASE("the paths and flags that are no plain values", "[CF-02][CF-03][CF-04][service]") {
    const Folder folder;
    const std::string sid = "container-management.service.local.v1.service-containerd-client";
    const auto json = load_text(folder, "a.json", R"({"manager": {"container_client_sid": ")" + sid + R"("},
        "containers": {"address_path": "/run/containerd/containerd.sock", "image_verifier_type": "none",
                       "image_verifier_config": {"configDir": "/a", "libexecDir": "/b"}},
        "connection": {"transport": {"client_cert": "/c", "client_key": "/k"}}})");
    INFO(errors(json));
    CHECK(json.good());
    CHECK(json.config.runtime.type == "auto");
    CHECK(json.config.mqtt.cert_file == "/c");
    CHECK(json.config.mqtt.key_file == "/k");

    const auto toml =
        load_text(folder, "a.toml",
                  "[mqtt.tls]\ncert_file = \"/c\"\nkey_file = \"/k\"\n[runtime]\ntype = \"docker\"\n"
                  "address = \"/d.sock\"\n[images.verifier.config]\nconfigDir = \"/a\"\n");
    INFO(errors(toml));
    CHECK(toml.good());
    CHECK(toml.config.mqtt.cert_file == "/c");
    CHECK(toml.config.mqtt.key_file == "/k");
    CHECK(toml.config.runtime.type == "docker");
    CHECK(toml.config.runtime.address == "/d.sock");

    const auto flags =
        load_arguments({"--cm-cc-sid", sid, "--ccl-ap=/d.sock", "--conn-client-cert=/c", "--conn-client-key",
                        "/k", "--ccl-image-verifier-config", "configDir=/a,libexecDir=/b"});
    INFO(errors(flags));
    CHECK(flags.good());
    CHECK(flags.config.runtime.address == "/d.sock");
    CHECK(flags.config.mqtt.cert_file == "/c");
    CHECK(flags.config.mqtt.key_file == "/k");
    CHECK_FALSE(load_arguments({"--cm-cc-sid", "docker"}).good());
    CHECK_FALSE(
        load_arguments({"--ccl-image-verifier-type=notation", "--ccl-image-verifier-config=a=b"}).good());
}

TEST_CASE("a value that asks for what is not there stops the start and names the key", "[service]") {
    struct Case {
        std::string text, key;
    };
    const std::vector<Case> cases = {
        {"[policy]\nprivileged = false\n", "policy.privileged"},
        {"[policy]\nimages = [\"good/*\"]\n", "policy.images"},
        {"[update_agent]\nrequire_signature = true\n", "update_agent.require_signature"},
        {"[runtime]\nprune_orphans = true\n", "runtime.prune_orphans"},
        {"[care.image_gc]\nhigh_threshold_percent = 90\n", "care.image_gc.high_threshold_percent"},
        {"[companions.agent]\nenabled = true\n", "companions.agent.enabled"},
        {"[offload]\nenabled = true\n", "offload.enabled"},
        {"[requests]\nqueue_length = 64\n", "requests.queue_length"},
        {"[[operation.service]]\nname = \"data\"\n", "operation.service.0.name"},
        {"[runtime]\ntype = \"containerd\"\n", "runtime.type"},
        {"[[registry]]\nhost = \"ghcr.io\"\nca_file = \"/x.crt\"\n", "registry.0.ca_file"},
    };
    const Folder folder;
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.key) {
            CHECK_THAT(errors(load_text(folder, "berth.toml", c.text)),
                       ContainsSubstring(": " + c.key + ": "));
        }
}

TEST_CASE("containers are stopped with berthd only where that is asked for", "[service]") {
    const Folder folder;
    CHECK_FALSE(load_text(folder, "config.json", "{}").config.stop_on_exit);
    CHECK_FALSE(load_text(folder, "berth.toml", "").config.stop_on_exit);
    const auto asked = load_text(folder, "berth.toml", "[lifecycle]\nstop_on_exit = true\n");
    CHECK(asked.good());
    CHECK(asked.config.stop_on_exit);
    REQUIRE(asked.problems.size() == 1);
    CHECK(asked.problems[0].severity == Severity::Note);
    CHECK_THAT(asked.problems[0].reason, ContainsSubstring("TimeoutStopSec=50"));
}

TEST_CASE("what is off, default or part of something switched off is accepted", "[service]") {
    const std::vector<std::string> texts = {
        "[things]\nenabled = false\nfeatures = [\"Metrics\"]\nmax_command_bytes = 1\n",
        "[care]\nenabled = false\nadd_workers = 9\n[care.image_gc]\nscope = \"all\"\n",
        "[operation]\nenabled = false\n[operation.http]\nenabled = true\nlisten = \"127.0.0.1:1\"\n"
        "[[operation.service]]\nname = \"data\"\n[operation.groups]\ncore = [\"data\"]\n",
        "[operation.http]\nlisten = \"127.0.0.1:1\"\n",
        "[offload]\nenabled = false\nsite = \"plant\"\nlabels = { zone = \"hall\" }\n",
        "[companions]\nsite = \"plant\"\n[companions.agent]\nlocation = { lat = 52.5, lon = 13 }\n",
        "[images]\nexpiry = \"48h\"\nexpiry_disable = true\n",
        "[policy]\nregistries = [\"*\"]\nports = \"0-65535\"\n",
        "[runtime]\nhome_dir = \"/d\"\n[storage]\nhome_dir = \"/d\"\n",
    };
    const Folder folder;
    for (const auto& text : texts) {
        const auto loaded = load_text(folder, "berth.toml", text);
        INFO(text << errors(loaded) << warnings(loaded));
        CHECK(loaded.good());
        CHECK_THAT(warnings(loaded), !ContainsSubstring("unknown"));
    }
}

TEST_CASE("the room to stay free is a size, with a default for everybody", "[BX-02][service]") {
    const Folder folder;
    CHECK(value_of(load_arguments({}), "images.reserve") == "256M");
    CHECK(value_of(load_text(folder, "config.json", "{}"), "images.reserve") == "256M");
    for (const auto* size : {"0M", "64M", "2G"}) {
        const auto loaded =
            load_text(folder, "berth.toml", std::string{"[images]\nreserve = \""} + size + "\"\n");
        INFO(errors(loaded));
        CHECK(loaded.good());
    }
    CHECK(load_text(folder, "berth.toml", "[images]\nreserve = \"2G\"\n").config.images.reserve_bytes ==
          std::int64_t{2} << 30);
    for (const auto* wrong : {"reserve = \"64\"", "reserve = 64", "reserve = \"-1M\"", "reserve = true"})
        CHECK_FALSE(load_text(folder, "berth.toml", std::string{"[images]\n"} + wrong + "\n").good());
}

TEST_CASE("where metrics come from, go to and keep still", "[BX-13][service]") {
    const Folder folder;
    CHECK(load_arguments({}).config.metrics == MetricsConfig{});
    CHECK(load_text(folder, "config.json", "{}").config.metrics == MetricsConfig{});
    const auto loaded = load_text(
        folder, "berth.toml", "[metrics]\nsource = \"Kernel\"\ntextfile = \"/x/berth.prom\"\nchange = 5\n");
    INFO(errors(loaded));
    CHECK(loaded.good());
    CHECK(loaded.config.metrics.source == "kernel");
    CHECK(loaded.config.metrics.textfile == "/x/berth.prom");
    CHECK(loaded.config.metrics.change == 5);
    for (const auto* wrong : {"source = \"docker\"", "textfile = \"berth.prom\"", "textfile = \"/x/\"",
                              "textfile = \"/etc/passwd\"", "change = -1", "change = 101", "change = \"5%\""})
        CHECK_FALSE(load_text(folder, "berth.toml", std::string{"[metrics]\n"} + wrong + "\n").good());
}

TEST_CASE("the update agent's options and their defaults", "[UA-59][service]") {
    struct Case {
        std::string key, own, kanto, another;
    };
    const std::vector<Case> cases = {
        {"update_agent.enabled", "true", "false", ""},
        {"update_agent.domain", "containers", "containers", "\"cabin\""},
        {"update_agent.system_containers", "", "", "[\"sua\"]"},
        {"update_agent.verbose_inventory", "false", "false", "true"},
        {"update_agent.apply_mode", "hybrid", "hybrid", "\"command\""},
        {"update_agent.standalone_grace", "0s", "0s", "\"10s\""},
        {"update_agent.parallel", "4", "4", "16"},
        {"update_agent.feedback_interval", "1s", "1s", "\"0s\""},
        {"update_agent.current_state_delay", "5s", "5s", "\"0s\""},
        {"update_agent.abandon_after", "45m", "45m", "\"0s\""},
        {"update_agent.strict_config", "false", "false", "true"},
        {"update_agent.redact_env", "true", "false", ""},
    };
    const Folder folder;
    const auto own = load_arguments({});
    const auto kanto = load_text(folder, "config.json", "{}");
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.key) {
            CHECK(value_of(own, c.key) == c.own);
            CHECK(value_of(kanto, c.key) == c.kanto);
            if (c.another.empty()) continue;
            const auto loaded = load_text(folder, "berth.toml", toml_with(c.key, c.another));
            INFO(errors(loaded));
            CHECK(loaded.good());
            CHECK(value_of(loaded, c.key) == flag_value(c.another));
        }
    for (const auto* wrong :
         {"apply_mode = \"never\"", "parallel = 0", "parallel = 17", "feedback_interval = \"-1s\"",
          "domain = \"a/b\"", "domain = \"\"", "standalone_grace = 5"})
        CHECK_FALSE(load_text(folder, "berth.toml", std::string{"[update_agent]\n"} + wrong + "\n").good());
}

}  // namespace berth::service::test
