#include "service/config_load.hpp"

#include "test/service/config_support.hpp"
#include "test/support/catch.hpp"

namespace berth::service::test {

TEST_CASE("the file is searched in the order of the manual", "[CF-01][service]") {
    const Folder folder;
    const auto found = [&](std::vector<std::string> arguments, const std::string& environment = "") {
        std::vector<const char*> argv = {"berthd"};
        for (const auto& argument : arguments)
            argv.push_back(argument.c_str());
        auto request = parse_command_line(static_cast<int>(argv.size()), argv.data()).request;
        request.etc = folder.path();
        request.environment = environment;
        return load(request).file;
    };
    CHECK(found({}).empty());
    const auto json = folder.write("container-management/config.json", "{}");
    CHECK(found({}) == json);
    const auto toml = folder.write("container-management/config.toml", "");
    CHECK(found({}) == toml);
    const auto own = folder.write("berth/berth.toml", "");
    CHECK(found({}) == own);
    const auto named = folder.write("elsewhere.toml", "");
    CHECK(found({}, named) == named);
    const auto flag = folder.write("flag.toml", "");
    CHECK(found({"--config", flag}, named) == flag);
}

TEST_CASE("the format is told by the extension, else by the first character", "[CF-01][service]") {
    const Folder folder;
    CHECK(load_text(folder, "config", "\n  {\"log\": {\"log_level\": \"WARN\"}}").config.log.level == "WARN");
    CHECK(load_text(folder, "settings.conf", "[log]\nlevel = \"WARN\"").config.log.level == "WARN");
    CHECK_FALSE(load_text(folder, "a.json", "[log]\nlevel = \"WARN\"").good());
    CHECK_FALSE(load_text(folder, "a.toml", "{\"log\": {}}").good());
}

TEST_CASE("what makes a Kanto file", "[CF-02][service]") {
    const Folder folder;
    CHECK(load_text(folder, "a.json", "{}").kanto);
    CHECK_FALSE(load_text(folder, "a.toml", "[update_agent]\nenable = true\n").kanto);
    for (const auto* section : {"manager", "containers", "connection", "grpc_server"}) {
        const auto text = std::string{"["} + section + "]\nx = 1\n";
        CHECK(load_text(folder, "a.toml", text).kanto);
    }
    folder.write("container-management/config.toml", "");
    CHECK(load_arguments({}, folder.path()).kanto);
}

TEST_CASE("the flags --config and --cfg-file work at any position", "[CF-05][service]") {
    const Folder folder;
    const auto file = folder.write("a.toml", "[berth]\nname = \"van\"\n");
    for (const std::string flag : {"--cfg-file", "--config"}) {
        CHECK(load_arguments({flag, file, "--log-level", "WARN"}).config.name == "van");
        CHECK(load_arguments({"--log-level", "WARN", "--ua-enable", flag, file}).config.name == "van");
        CHECK(load_arguments({"--log-level=WARN", flag + "=" + file, "--log-syslog"}).config.name == "van");
    }
}

TEST_CASE("flags: lists are comma separated and repeated, booleans take =false, values can be empty",
          "[CF-04][service]") {
    const auto loaded =
        load_arguments({"--ua-system-containers", "a,b", "--log-file=", "--ua-system-containers=c",
                        "--ua-enable=false", "--log-syslog", "--log-level", "ERROR"});
    INFO(errors(loaded));
    CHECK(loaded.config.update_agent.system_containers == std::vector<std::string>{"a", "b", "c"});
    CHECK_FALSE(loaded.config.update_agent.enabled);
    CHECK(loaded.config.log.file.empty());
    CHECK(loaded.config.log.syslog);
    CHECK(loaded.config.log.level == "ERROR");
}

TEST_CASE("bad usage ends with 2, help and version with 0", "[CF-04][service]") {
    const auto status = [](std::vector<const char*> arguments) {
        arguments.insert(arguments.begin(), "berthd");
        return parse_command_line(static_cast<int>(arguments.size()), arguments.data()).status;
    };
    CHECK(status({"--nope"}) == 2);
    CHECK(status({"stray"}) == 2);
    CHECK(status({"--log-level"}) == 2);
    CHECK(status({"--ccl-image-verifier-config", "configDir="}) == 2);
    CHECK(status({"--help"}) == 0);
    CHECK(status({"--version"}) == 0);
}

TEST_CASE("an unknown flag is named, with the one that was probably meant", "[service]") {
    const auto refusal = [](std::vector<const char*> arguments) {
        arguments.insert(arguments.begin(), "berthd");
        return parse_command_line(static_cast<int>(arguments.size()), arguments.data()).text;
    };
    CHECK_THAT(refusal({"--log-levl", "DEBUG"}),
               StartsWith("berthd: --log-levl is no flag; did you mean --log-level?\n"));
    CHECK_THAT(refusal({"--ua-enable", "--check-confg"}), ContainsSubstring("did you mean --check-config?"));
    const auto secret = refusal({"--conn-client-pasword=hidden"});
    CHECK_THAT(secret, ContainsSubstring("did you mean --conn-client-password?"));
    CHECK_THAT(secret, !ContainsSubstring("hidden"));
    CHECK_THAT(refusal({"--nope"}), StartsWith("berthd: --nope is no flag\n"));
    CHECK_THAT(refusal({"stray"}), StartsWith("berthd: stray is no flag\n"));
}

TEST_CASE("things.enable and things.enabled are the same", "[CF-06][TW-01][service]") {
    const Folder folder;
    for (const std::string name : {"enable", "enabled"}) {
        CHECK(value_of(load_text(folder, "a.json", "{\"things\": {\"" + name + "\": false}}"),
                       "things.enabled") == "false");
        CHECK(value_of(load_text(folder, "a.toml", "[things]\n" + name + " = false\n"), "things.enabled") ==
              "false");
    }
}

TEST_CASE("of two spellings Berth's counts, and a warning names both", "[CF-03][service]") {
    const Folder folder;
    for (const auto* text : {"[update_agent]\nenable = true\nenabled = false\n",
                             "[update_agent]\nenabled = false\nenable = true\n"}) {
        const auto loaded = load_text(folder, "a.toml", text);
        CHECK_FALSE(loaded.config.update_agent.enabled);
        CHECK_THAT(warnings(loaded),
                   ContainsSubstring("update_agent.enabled: warning: update_agent.enable says"));
    }
}

TEST_CASE("the older layout's milliseconds count while connection is absent", "[CF-07][service]") {
    const Folder folder;
    const std::string older = R"("things": {"connection": {"broker_url": "tcp://old:1", "keep_alive": 21000,
        "disconnect_timeout": 251, "connect_timeout": "31000", "acknowledge_timeout": 16000,
        "subscribe_timeout": 17000, "unsubscribe_timeout": 6000, "client_username": "1000",
        "transport": {"root_ca": "/x"}}})";
    const auto old = load_text(folder, "a.json", "{" + older + "}");
    INFO(errors(old));
    CHECK(old.good());
    CHECK(old.config.mqtt.url == "tcp://old:1");
    CHECK(old.config.mqtt.keep_alive == 21s);
    CHECK(old.config.mqtt.disconnect_timeout == 251ms);
    CHECK(old.config.mqtt.connect_timeout == 31s);
    CHECK(old.config.mqtt.ack_timeout == 16s);
    CHECK(old.config.mqtt.subscribe_timeout == 17s);
    CHECK(old.config.mqtt.unsubscribe_timeout == 6s);
    CHECK(old.config.mqtt.username == "1000");
    CHECK(old.config.mqtt.ca_file == "/x");
    CHECK_THAT(warnings(old), ContainsSubstring("things.connection: warning: is of an older layout"));

    const auto both =
        load_text(folder, "a.json", "{" + older + R"(, "connection": {"broker_url": "tcp://new:1"}})");
    CHECK(both.config.mqtt.url == "tcp://new:1");
    CHECK(both.config.mqtt.keep_alive == 20s);
    CHECK_THAT(warnings(both), ContainsSubstring("things.connection: warning: "));
}

TEST_CASE("files that are missing, empty, folders, broken or have null sections", "[CF-08][service]") {
    const Folder folder;
    CHECK_THAT(errors(load_arguments({"--config", folder.path("nothing.toml")})),
               ContainsSubstring("no such file"));
    CHECK_THAT(errors(load_arguments({"--config", folder.path()})), ContainsSubstring("is a directory"));
    const auto empty = load_text(folder, "a.json", " \n");
    CHECK((empty.good() && empty.kanto));
    CHECK_THAT(warnings(empty), ContainsSubstring("is empty"));
    CHECK_THAT(errors(load_text(folder, "a.json", "{\n\"log\": {\n\"log_level\": }}")),
               ContainsSubstring("a.json:3: JSON: "));
    CHECK_THAT(errors(load_text(folder, "a.json", "[]")), ContainsSubstring("must hold an object"));
    CHECK_THAT(errors(load_text(folder, "a.json", "7")), ContainsSubstring("must hold an object"));
    CHECK_THAT(errors(load_text(folder, "a.toml", "\n[log\n")), ContainsSubstring("a.toml:2: TOML: "));
    const auto null = load_text(
        folder, "a.json", R"({"log": null, "manager": null, "things": {"features": null}, "x": [null]})");
    INFO(errors(null));
    CHECK(null.good());
    CHECK(null.config.stop_timeout == 30s);
    CHECK_FALSE(load_text(folder, "a.json", R"({"log": {"log_file_count": [1]}})").good());
    CHECK_THAT(errors(load_text(folder, "a.json", R"({"log": 5})")), ContainsSubstring("log: is a section"));
    CHECK_THAT(errors(load_text(folder, "a.json", R"({"log": {"log_level": {"x": 1}}})")),
               ContainsSubstring("is a value, not a section"));
}

TEST_CASE("the stop timeout is a duration, a number or digits", "[CF-09][service]") {
    struct Case {
        std::string literal;
        milliseconds expected;
        bool good{true};
    };
    const std::vector<Case> cases = {
        {"\"1m\"", 1min},      {"5", 5s},      {"\"7\"", 7s},      {"0", 30s},
        {"\"0s\"", 0s},        {"\"x\"", 30s}, {"-1", 30s, false}, {"\"-1s\"", 30s, false},
        {"\"-3\"", 30s, false}};
    const Folder folder;
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.literal) {
            const auto json = load_text(folder, "a.json",
                                        "{\"manager\": {\"default_ctrs_stop_timeout\": " + c.literal + "}}");
            const auto toml =
                load_text(folder, "a.toml", "[manager]\ndefault_ctrs_stop_timeout = " + c.literal + "\n");
            for (const auto& loaded : {json, toml}) {
                INFO(errors(loaded));
                CHECK(loaded.good() == c.good);
                CHECK(loaded.config.stop_timeout == c.expected);
            }
        }
    CHECK_THAT(warnings(load_text(folder, "a.toml", "[lifecycle]\nstop_timeout = \"soon\"\n")),
               ContainsSubstring("a.toml:2: lifecycle.stop_timeout: warning: "));
}

TEST_CASE("the image expiry is a string with a unit", "[CF-10][service]") {
    const Folder folder;
    const auto with = [&](const std::string& literal) {
        return load_text(
            folder, "a.json",
            "{\"containers\": {\"image_expiry_disable\": true, \"image_expiry\": " + literal + "}}");
    };
    CHECK(value_of(with("\"48h\""), "images.expiry") == "48h");
    CHECK_THAT(errors(with("48")), ContainsSubstring("containers.image_expiry: must be a duration"));
    CHECK_THAT(errors(with("\"48\"")), ContainsSubstring("containers.image_expiry: must be a duration"));
}

TEST_CASE("registries from either spelling, their passwords never in a dump", "[CF-11][service]") {
    const Folder folder;
    const auto secret = folder.write("token", "from-file\n");
    const auto kanto = load_text(folder, "a.json", R"({"containers": {"insecure_registries": ["a:5000"],
        "registry_configurations": {"ghcr.io": {"credentials": {"user_id": "me", "password": "hidden-1"}},
                                    "": {"credentials": {"user_id": "nobody"}}}},
        "connection": {"client_username": "u", "client_password": "hidden-2"}})");
    INFO(errors(kanto));
    REQUIRE(kanto.config.registries.size() == 1);
    CHECK(kanto.config.registries[0] ==
          RegistryConfig{.host = "ghcr.io", .username = "me", .password = "hidden-1"});
    CHECK(kanto.config.images.insecure_registries == std::vector<std::string>{"a:5000"});
    CHECK_THAT(warnings(kanto), ContainsSubstring("without a host"));
    CHECK_THAT(dump(kanto), !ContainsSubstring("hidden"));
    CHECK_THAT(dump(kanto), ContainsSubstring("# password ="));

    const auto own = load_text(folder, "a.toml",
                               "[[registry]]\nhost = \"ghcr.io\"\nusername = \"me\"\npassword_file = \"" +
                                   secret + "\"\n[[registry]]\nhost = \"b:5000\"\ninsecure = true\n");
    INFO(errors(own));
    REQUIRE(own.config.registries.size() == 2);
    CHECK(own.config.registries[0].password == "from-file");
    CHECK(own.config.images.insecure_registries == std::vector<std::string>{"localhost", "b:5000"});
    CHECK_THAT(dump(own), ContainsSubstring("password_file = \"" + secret + "\""));
    CHECK_THAT(dump(own), !ContainsSubstring("from-file"));

    CHECK_FALSE(load_text(folder, "a.toml", "[[registry]]\nusername = \"me\"\n").good());
    CHECK_FALSE(load_text(folder, "a.toml", "[registry]\nhost = \"a\"\n").good());
    CHECK_FALSE(load_text(folder, "a.toml", "[[registry]]\nhost = \"https://a\"\n").good());
    CHECK_FALSE(
        load_text(folder, "a.toml", "[[registry]]\nhost = \"a\"\n[[registry]]\nhost = \"a\"\n").good());
    CHECK(load_text(folder, "a.toml", "registry = []\n").problems.empty());
}

TEST_CASE("a file with secrets that everybody can read is warned about", "[CF-11][service]") {
    const Folder folder;
    const std::string text = "[mqtt]\nusername = \"u\"\npassword = \"p\"\n";
    CHECK(load_text(folder, "a.toml", text).problems.empty());
    const auto open = folder.write("open.toml", text, 0644);
    const auto told = warnings(load_arguments({"--config", open}));
    CHECK_THAT(told, ContainsSubstring("open.toml:3: mqtt.password: warning: "));
    CHECK_THAT(told, ContainsSubstring("can read this file"));

    const auto password = folder.write("pw", "secret\nmore", 0644);
    const auto loaded =
        load_text(folder, "a.toml", "[mqtt]\nusername = \"u\"\npassword_file = \"" + password + "\"\n");
    CHECK(loaded.config.mqtt.password == "secret");
    CHECK_THAT(warnings(loaded), ContainsSubstring("mqtt.password_file: warning: "));
    CHECK(load_text(folder, "a.toml", "[mqtt]\npassword_file = \"" + password + "\"\n",
                    {"--conn-client-password=flag", "--conn-client-username=u"})
              .config.mqtt.password == "flag");
    CHECK_FALSE(
        load_text(folder, "a.toml", "[mqtt]\npassword = \"p\"\npassword_file = \"" + password + "\"\n")
            .good());
    CHECK_FALSE(load_text(folder, "a.toml", "[mqtt]\npassword_file = \"/nowhere/pw\"\n").good());
}

TEST_CASE("JSON tolerates booleans, numbers and durations written as strings", "[CF-12][service]") {
    const Folder folder;
    const auto loaded = load_text(folder, "a.json", R"({"update_agent": {"enable": "true"},
        "log": {"log_file_size": "3", "log_file_count": "7", "log_file_max_age": "2", "syslog": "false"},
        "network": {"default_bridge": {"mtu": "1400", "icc": "False"}},
        "connection": {"keep_alive": 25, "connect_timeout": "12"}})");
    INFO(errors(loaded));
    CHECK(loaded.good());
    CHECK(loaded.config.update_agent.enabled);
    CHECK(loaded.config.log.file_size == 3 * 1024 * 1024);
    CHECK(loaded.config.log.file_count == 7);
    CHECK(loaded.config.log.file_max_age == 48h);
    CHECK(loaded.config.bridge.mtu == 1400);
    CHECK_FALSE(loaded.config.bridge.icc);
    CHECK(loaded.config.mqtt.keep_alive == 25s);
    CHECK(loaded.config.mqtt.connect_timeout == 12s);
    CHECK_FALSE(load_text(folder, "a.json", R"({"update_agent": {"enable": "yes"}})").good());
    CHECK_FALSE(load_text(folder, "a.json", R"({"network": {"default_bridge": {"mtu": "1400x"}}})").good());
    CHECK_FALSE(load_text(folder, "a.toml", "[network.bridge]\nmtu = \"1400\"\n").good());
    CHECK_FALSE(load_text(folder, "a.toml", "[mqtt]\nkeep_alive = 25\n").good());
}

TEST_CASE("an unknown key is silent in JSON, a warning in TOML, an error under --strict",
          "[CF-13][service]") {
    const Folder folder;
    const auto json = load_text(folder, "a.json", R"({"manager": {"colour": 1}, "extra": {"a": {"b": [1]}}})",
                                {"--strict"});
    CHECK(json.good());
    CHECK(warnings(json).empty());
    const std::string text =
        "[log]\nlevel = \"WARN\"\n\n[mqtt]\nurll = \"tcp://a:1\"\nca_file = \"x\"\nzebra = 1\n";
    const auto toml = load_text(folder, "a.toml", text);
    CHECK(toml.good());
    CHECK_THAT(warnings(toml),
               ContainsSubstring("a.toml:5: mqtt.urll: warning: unknown; did you mean mqtt.url?"));
    CHECK_THAT(warnings(toml),
               ContainsSubstring("a.toml:6: mqtt.ca_file: warning: unknown; did you mean mqtt.tls.ca_file?"));
    CHECK_THAT(warnings(toml), ContainsSubstring("a.toml:7: mqtt.zebra: warning: unknown\n"));
    const auto strict = load_text(folder, "a.toml", text, {"--strict"});
    CHECK_THAT(errors(strict), ContainsSubstring("a.toml:5: mqtt.urll: unknown"));
}

TEST_CASE("a check names the unknown keys of a Kanto file, which a start passes over", "[CF-13][service]") {
    const Folder folder;
    const std::string text = R"({
        "manager": {"colour": 1, "home_dri": "/x"},
        "Connection": {"Broker_Ulr": "tcp://a:1"},
        "containers": {"image_dec_keys": ["k"],
            "registry_configurations": {"ghcr.io": {"credentials": {"user_di": "me"}}}},
        "extra": {"a": {"b": [1]}}})";
    CHECK_THAT(warnings(load_text(folder, "a.json", text)), !ContainsSubstring("unknown"));

    const auto checked = load_text(folder, "a.json", text, {"--check-config"});
    CHECK(checked.good());
    const auto told = warnings(checked);
    CHECK_THAT(told, ContainsSubstring("a.json:2: manager.colour: warning: unknown\n"));
    CHECK_THAT(told, ContainsSubstring(
                         "a.json:2: manager.home_dri: warning: unknown; did you mean manager.home_dir?\n"));
    CHECK_THAT(
        told,
        ContainsSubstring(
            "a.json:3: Connection.Broker_Ulr: warning: unknown; did you mean connection.broker_url?\n"));
    CHECK_THAT(told,
               ContainsSubstring(
                   R"(did you mean containers.registry_configurations."ghcr.io".credentials.user_id?)"));
    CHECK_THAT(told, ContainsSubstring("a.json:6: extra.a.b: warning: unknown\n"));
    // Known, and of no use here: that is something else.
    CHECK_THAT(told, ContainsSubstring("a.json:4: containers.image_dec_keys: warning: has no effect: "));

    const auto strict = load_text(folder, "a.json", text, {"--check-config", "--strict"});
    CHECK_THAT(errors(strict), ContainsSubstring("a.json:2: manager.colour: unknown\n"));
    CHECK_THAT(errors(strict), !ContainsSubstring("image_dec_keys"));
}

TEST_CASE("a word that is none of the known ones stops the start and names its key", "[CF-14][service]") {
    const Folder folder;
    const auto refused = [&](const std::string& text, const std::string& key) {
        CHECK_THAT(errors(load_text(folder, "a.json", text)), ContainsSubstring(key + ": "));
    };
    refused(R"({"log": {"log_level": "LOUD"}})", "log.log_level");
    refused(R"({"runtime": {"type": "podman"}})", "runtime.type");
    refused(R"({"manager": {"container_client_sid": "mine"}})", "manager.container_client_sid");
    refused(R"({"manager": {"network_manager_sid": "mine"}})", "manager.network_manager_sid");
    refused(R"({"containers": {"image_verifier_type": "cosign"}})", "containers.image_verifier_type");
    refused(R"({"containers": {"runc_runtime": "crun"}})", "containers.runc_runtime");
    refused(R"({"mqtt": {"version": "4"}})", "mqtt.version");
    const auto mode = load_text(folder, "a.json", R"({"deployment": {"mode": "sometimes"}})");
    CHECK(mode.good());
    CHECK_THAT(warnings(mode), ContainsSubstring("update counts"));
    CHECK(value_of(mode, "deployment.mode") == "update");
    const auto sid = load_text(
        folder, "a.json",
        R"({"manager": {"container_client_sid": "container-management.service.local.v1.service-containerd-client"}})");
    CHECK(sid.good());
    CHECK(sid.config.runtime.type == "auto");
}

TEST_CASE("Kanto's engine socket is not taken for Docker's", "[CF-16][service]") {
    const Folder folder;
    const auto kanto =
        load_text(folder, "a.json", R"({"containers": {"address_path": "/run/containerd/containerd.sock"}})");
    CHECK((kanto.good() && kanto.config.runtime.address.empty()));
    CHECK(load_text(folder, "a.json", R"({"runtime": {"address": "/d.sock"}})").config.runtime.address ==
          "/d.sock");
    CHECK(load_arguments({"--ccl-ap", "unix:///d.sock"}).config.runtime.address == "/d.sock");
}

// What the packages ship, and what people copy from the manuals.
TEST_CASE("configurations as Kanto and Leda ship them start unchanged", "[CF-16][service]") {
    const Folder folder;
    const auto kanto = load_text(folder, "kanto.json", R"({"log": {
        "log_file": "/var/log/container-management/container-management.log"}})");
    CHECK((errors(kanto) + warnings(kanto)).empty());
    CHECK(kanto.config.log.file == "/var/log/container-management/container-management.log");
    const auto leda = load_text(folder, "leda.json", R"({
        "manager": {"default_ctrs_stop_timeout": 5},
        "log": {"log_file": "/var/log/container-management/container-management.log"},
        "things": {"enable": true},
        "update_agent": {"enable": true, "system_containers": ["sua"], "verbose_inventory_report": false}})");
    INFO(errors(leda));
    CHECK(leda.good());
    CHECK(leda.config.stop_timeout == 5s);
    CHECK(leda.config.update_agent.enabled);
    CHECK(leda.config.update_agent.system_containers == std::vector<std::string>{"sua"});
    std::string everything = "{";  // every default, said aloud
    for (const auto* option : all_options()) {
        if (option->path[0].empty() || option->path[0].find('*') != std::string_view::npos || option->secret)
            continue;
        if (option->key == "runtime.type") continue;
        const auto path = std::string{option->path[0]};
        const auto value = standard_value(*option, true);
        const auto said =
            load_text(folder, "one.toml",
                      "[" + path.substr(0, path.rfind('.')) + "]\n" + path.substr(path.rfind('.') + 1) +
                          " = " + as_toml(*option, *value) + "\n[manager]\n");
        INFO(path << errors(said));
        if (!path.starts_with("manager.")) CHECK(said.good());
    }
}

TEST_CASE("names come from the host and stay within what a topic can hold", "[service]") {
    const Folder folder;
    const auto named = [](const std::string& host) {
        Request request;
        request.etc = "/nowhere";
        request.host_name = host;
        return load(request).config;
    };
    CHECK(named("edge-01").name == "edge-01");
    CHECK(named("edge-01").mqtt.client_id == "berth-edge-01");
    CHECK(named("käse/1+#").name == "k--se-1--");
    CHECK(named("site").name == "berth-site");
    CHECK(named(std::string(300, 'a')).name.size() == 128);
    CHECK_FALSE(load_text(folder, "a.toml", "[berth]\nname = \"site\"\n").good());
    CHECK_FALSE(load_text(folder, "a.toml", "[berth]\nname = \"a/b\"\n").good());
    const auto one = load_text(folder, "a.json", "{}").config.mqtt.client_id;
    CHECK(one.size() == 36);
    CHECK(one != load_text(folder, "a.json", "{}").config.mqtt.client_id);
}

TEST_CASE("TLS schemes need their files, which must be readable", "[CF-18][UA-59][service]") {
    const Folder folder;
    const auto ca = folder.write("ca.pem", "x");
    const auto key = folder.write("key.pem", "x");
    const auto with = [&](const std::string& scheme, const std::string& tls) {
        return load_text(folder, "a.toml", "[mqtt]\nurl = \"" + scheme + "://b:8883\"\n[mqtt.tls]\n" + tls);
    };
    const auto ca_line = "ca_file = \"" + ca + "\"\n";
    for (const auto* scheme : {"ssl", "tls", "mqtts", "mqtt+ssl", "tcps"}) {
        INFO(scheme);
        CHECK(with(scheme, ca_line).problems.empty());
        CHECK_THAT(errors(with(scheme, "")), ContainsSubstring("mqtt.tls.ca_file: is needed"));
    }
    CHECK(with("tcp", "").problems.empty());
    CHECK_THAT(warnings(with("tcp", ca_line)), ContainsSubstring("is not used"));
    CHECK_THAT(errors(with("ssl", "ca_file = \"/nowhere\"\n")),
               ContainsSubstring("mqtt.tls.ca_file: '/nowhere'"));
    CHECK_THAT(errors(with("ssl", ca_line + "cert_file = \"" + ca + "\"\n")),
               ContainsSubstring("need each other"));
    CHECK_THAT(errors(with("ssl", ca_line + "key_file = \"" + key + "\"\n")),
               ContainsSubstring("need each other"));
    const auto full = with("ssl", ca_line + "cert_file = \"" + ca + "\"\nkey_file = \"" + key + "\"\n");
    CHECK(full.problems.empty());
    CHECK((full.config.mqtt.ca_file == ca && full.config.mqtt.cert_file == ca &&
           full.config.mqtt.key_file == key));
    for (const auto* url : {"localhost:1883", "", "ftp://a:1", "tcp://", "tcp://a:0", "tcp://a:x",
                            "tcp://:1883", "tcp://user:pw@a:1883", "ws://a:80/mqtt", "wss://a"}) {
        INFO(url);
        const auto bad = load_text(folder, "a.toml", std::string{"[mqtt]\nurl = \""} + url + "\"\n");
        CHECK_THAT(errors(bad), ContainsSubstring("mqtt.url: "));
        CHECK_THAT(errors(bad), !ContainsSubstring("pw"));
    }
    for (const auto* url : {"tcp://a", "tcp://[::1]:1883", "mqtt://10.0.0.1:1883"})
        CHECK(load_text(folder, "a.toml", std::string{"[mqtt]\nurl = \""} + url + "\"\n").good());
}

TEST_CASE("a Kanto file with a broker behind websockets is refused without a word of its token",
          "[service]") {
    const Folder folder;
    const auto ca = folder.write("ca.pem", "x");
    const auto url =
        GENERATE(std::string{"ws://b/mqtt?token=hidden"}, std::string{"wss://b/mqtt?token=hidden"});
    const auto loaded = load_text(
        folder, "a.json",
        R"({"connection": {"broker_url": ")" + url + R"(", "transport": {"root_ca": ")" + ca + R"("}}})");
    CHECK_FALSE(loaded.good());
    CHECK_THAT(errors(loaded), ContainsSubstring("connection.broker_url: broker URL '"));
    CHECK_THAT(errors(loaded), ContainsSubstring("//b': websockets are not supported"));
    CHECK_THAT(errors(loaded) + warnings(loaded), !ContainsSubstring("hidden"));
    CHECK_THAT(warnings(loaded), !ContainsSubstring("without TLS"));  // of the default in its place
}

TEST_CASE("the bridge's name is one an interface can have", "[service]") {
    const Folder folder;
    const auto with = [&](const std::string& name) {
        return errors(load_text(folder, "a.toml", "[network.bridge]\nname = \"" + name + "\"\n"));
    };
    CHECK(with("br-1.x").empty());
    for (const auto* name : {"", ".", "..", "all", "default", "a/b", "sixteen-letters-"})
        CHECK_THAT(with(name), ContainsSubstring("network.bridge.name: '" + std::string{name} + "' is no"));
}

TEST_CASE("all problems are told at once, each with its place", "[CF-17][service]") {
    const Folder folder;
    const auto toml = errors(load_text(folder, "a.toml",
                                       "[log]\nlevel = \"LOUD\"\n[mqtt]\nkeep_alive = \"-1s\"\nurl = \"x\"\n"
                                       "[update_agent]\nparallel = 99\n"));
    CHECK_THAT(toml, ContainsSubstring(folder.path("a.toml") + ":2: log.level: must be one of ERROR"));
    CHECK_THAT(toml, ContainsSubstring("a.toml:4: mqtt.keep_alive: must not be negative"));
    CHECK_THAT(toml, ContainsSubstring("a.toml:5: mqtt.url: "));
    CHECK_THAT(toml, ContainsSubstring("a.toml:7: update_agent.parallel: must be 1 to 16, is 99"));
    const auto json =
        errors(load_text(folder, "a.json",
                         "{\n \"network\": {\n  \"default_bridge\": {\n   \"mtu\": 5\n  }\n },\n"
                         " \"connection\": {\n  \"keep_alive\": -1,\n  \"broker_url\": \"x\"}}"));
    CHECK_THAT(json, ContainsSubstring("a.json:4: network.default_bridge.mtu: "));
    CHECK_THAT(json, ContainsSubstring("a.json:8: connection.keep_alive: "));
    CHECK_THAT(json, ContainsSubstring("a.json:9: connection.broker_url: "));
}

TEST_CASE("what is wrong with a flag's value is told under the flag's name", "[CF-14][CF-17][service]") {
    CHECK(errors(load_arguments({"--net-br-mtu=1"})) == "--net-br-mtu: must be 68 to 65535, is 1\n");
    CHECK_THAT(errors(load_arguments({"--log-level", "LOUD"})), StartsWith("--log-level: must be one of "));
    CHECK_THAT(errors(load_arguments({"--conn-client-cert=/c"})),
               StartsWith("--conn-client-cert: mqtt.tls.cert_file and mqtt.tls.key_file need each other"));
    CHECK_THAT(warnings(load_arguments({"--deployment-mode=never"})),
               StartsWith("--deployment-mode: warning: "));
}

TEST_CASE("that the update agent is off is noted, also where the file does not say so", "[CF-17][service]") {
    const Folder folder;
    const auto by_default = load_text(folder, "a.json", "{}");
    CHECK(by_default.good());
    CHECK(notes(by_default) == folder.path("a.json") +
                                   ": update_agent.enabled: note: the update agent is off, the default of a "
                                   "Kanto file: desired states are not obeyed\n");
    CHECK_THAT(notes(load_text(folder, "a.json", "{\n\"update_agent\": {\"enable\": false}}")),
               ContainsSubstring("a.json:2: update_agent.enable: note: the update agent is off: "));
    CHECK_THAT(notes(load_text(folder, "a.toml", "[update_agent]\nenabled = false\n")),
               ContainsSubstring("a.toml:2: update_agent.enabled: note: the update agent is off: "));
    CHECK_THAT(notes(load_arguments({"--ua-enable=false"})), StartsWith("--ua-enable: "));
    CHECK(notes(load_text(folder, "a.json", R"({"update_agent": {"enable": true}})")).empty());
    CHECK(notes(load_text(folder, "a.toml", "")).empty());
}

TEST_CASE("a dumped configuration starts the same daemon", "[CF-17][service]") {
    const Folder folder;
    const auto token = folder.write("token", "t0ken");
    const std::vector<std::pair<std::string, std::string>> files = {
        {"a.toml", ""},
        {"a.json", "{}"},
        {"a.json",
         R"({"manager": {"home_dir": "/d", "default_ctrs_stop_timeout": 5}, "things": {"enable": false},
            "containers": {"home_dir": "/d", "registry_configurations":
                {"ghcr.io:5000": {"credentials": {"user_id": "me", "password": "p"}}}},
            "connection": {"client_username": "u", "client_password": "p"},
            "update_agent": {"enable": true, "system_containers": ["sua"]}})"},
        {"a.toml",
         "[log]\nfile = \"/tmp/\\\"q\\\\ \\u0007.log\"\nfile_size = \"1.5M\"\nfile_max_age = \"1h5s\"\n"
         "[mqtt]\nusername = \"u\"\npassword_file = \"" +
             token +
             "\"\nsession_expiry = \"90s\"\n"
             "[[registry]]\nhost = \"ghcr.io\"\nusername = \"me\"\npassword_file = \"" +
             token +
             "\"\n"
             "[[registry]]\nhost = \"b:5000\"\ninsecure = true\n[secrets]\nredact = []\n"
             "[runtime.docker]\napi_version = \"1.43\"\n[update_agent]\napply_mode = \"command\"\n"},
    };
    for (const auto& [name, text] : files) {
        const auto first = load_text(folder, name, text);
        INFO(text << errors(first));
        REQUIRE(first.good());
        auto dumped = dump(first);
        const std::string blank = "# password = \"\"";
        for (auto at = dumped.find(blank); at != std::string::npos; at = dumped.find(blank))
            dumped.replace(at, blank.size(), "password = \"p\"");
        const auto second = load_text(folder, "dumped.toml", dumped, {"--strict"});
        INFO(dumped << errors(second));
        CHECK(second.good());
        CHECK_FALSE(second.kanto);
        CHECK(second.config == first.config);
        CHECK(value_of(second, "things.enabled") == value_of(first, "things.enabled"));
        CHECK(value_of(second, "things.redact_env") == value_of(first, "things.redact_env"));
    }
}

}  // namespace berth::service::test
