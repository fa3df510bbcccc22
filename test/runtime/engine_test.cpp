// DockerRuntime on a real engine: what the engine made of what it was told. The contract is in
// contract_test.cpp.
#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "runtime/docker/encode.hpp"
#include "test/runtime/builders.hpp"
#include "test/runtime/engine_bench.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::runtime;
using namespace berth::runtime::docker;
using namespace std::chrono_literals;
using berth::test::EngineBench;
using nlohmann::json;

namespace {

EngineId made(EngineBench& bench, const ContainerSpec& spec, const CreateOptions& options = {}) {
    const auto id = bench.runtime().create(spec, options, {});
    INFO((id ? "" : id.error().message));
    REQUIRE(id);
    return *id;
}

EngineId started(EngineBench& bench, const ContainerSpec& spec, const CreateOptions& options = {}) {
    auto id = made(bench, spec, options);
    const auto done = bench.runtime().start(id, {});
    INFO((done ? "" : done.error().message));
    REQUIRE(done);
    return id;
}

json get(const EngineBench& bench, const std::string& path) {
    return json::parse(bench.get(path));
}

json inspect(const EngineBench& bench, const EngineId& id) {
    return json::parse(bench.inspect(id));
}

template <class Condition>
bool within(std::chrono::seconds patience, Condition condition) {
    const auto deadline = steady_clock::now() + patience;
    while (steady_clock::now() < deadline) {
        if (condition()) return true;
        std::this_thread::yield();
    }
    return false;
}

Status status_of(EngineBench& bench, const EngineId& id) {
    const auto seen = bench.runtime().inspect(id, {});
    return seen ? seen->state.status : Status::Unknown;
}

}  // namespace

TEST_CASE("the engine holds what the document says", "[UA-11][UA-18][CM-09][CM-11][CM-12][engine]") {
    EngineBench bench;
    auto spec = bench.spec("full");
    spec.env = {"A=1", "B="};
    spec.io.tty = true;
    spec.io.open_stdin = true;
    spec.devices = {{"/dev/null", "/dev/berth", "rw"}};
    spec.extra_capabilities = {"CAP_NET_ADMIN"};
    spec.ports = {{"127.0.0.1", 18000, 18005, 80, "tcp"}, {"0.0.0.0", 0, 0, 81, "udp"}};
    spec.mounts = {{"/tmp", "/from-the-machine", "rprivate"}};
    spec.extra_hosts = {"cache:10.0.0.5"};
    spec.restart = {"on-failure", 4, 0};
    spec.log = {"json-file", 3, "1M", "", "non-blocking", "64k"};
    const auto id = started(bench, spec, {.engine_name = {}, .replaces = "before"});
    const auto seen = inspect(bench, id);
    const auto& config = seen["Config"];
    const auto& host = seen["HostConfig"];
    CHECK(seen["Name"] == "/" + spec.name);
    CHECK(config["Hostname"] == spec.host_name);
    CHECK(config["Domainname"] == spec.domain_name);
    CHECK(config["Image"] == spec.image);
    CHECK(config["Cmd"] == spec.cmd);
    CHECK(config["Env"] == json({"A=1", "B=", "PATH=/bin"}));
    CHECK(config["Tty"] == true);
    CHECK(config["OpenStdin"] == true);
    CHECK(host["Devices"][0]["PathInContainer"] == "/dev/berth");
    CHECK(host["CapAdd"] == json({"CAP_NET_ADMIN"}));
    CHECK(host["Mounts"][0]["Target"] == "/from-the-machine");
    CHECK(host["Mounts"][0]["BindOptions"]["Propagation"] == "rprivate");
    CHECK(host["ExtraHosts"] == json({"cache:10.0.0.5"}));
    CHECK(host["RestartPolicy"] == json({{"Name", "on-failure"}, {"MaximumRetryCount", 4}}));
    CHECK(host["SecurityOpt"] == json({"no-new-privileges:true"}));
    CHECK(host["LogConfig"] == json({{"Type", "json-file"},
                                     {"Config",
                                      {{"max-file", "3"},
                                       {"max-size", "1048576"},
                                       {"mode", "non-blocking"},
                                       {"max-buffer-size", "65536"}}}}));
    CHECK(host["NetworkMode"] == "berth0");

    const auto& ports = seen["NetworkSettings"]["Ports"];
    REQUIRE(ports["80/tcp"].size() == 1);  // on the one address that was named
    CHECK(ports["80/tcp"][0]["HostIp"] == "127.0.0.1");
    const auto taken = std::stoi(ports["80/tcp"][0]["HostPort"].get<std::string>());
    CHECK(taken >= 18000);
    CHECK(taken <= 18005);
    CHECK(std::stoi(ports["81/udp"][0]["HostPort"].get<std::string>()) > 0);

    const auto& labels = config["Labels"];
    CHECK(labels["io.berth.managed"] == "true");
    CHECK(labels["io.berth.namespace"] == bench.options().name_space);
    CHECK(labels["io.berth.id"] == spec.id);
    CHECK(labels["io.berth.document"] == encode_document(spec));
    CHECK(labels["io.berth.replaces"] == "before");
}

TEST_CASE("the six propagation modes reach a mount", "[CM-11][engine]") {
    EngineBench bench;
    for (const std::string mode : {"rprivate", "private", "rshared", "shared", "rslave", "slave"}) {
        auto spec = bench.spec(mode);
        spec.mounts = {{"/tmp", "/data", mode}};
        CHECK(inspect(bench, made(bench, spec))["HostConfig"]["Mounts"][0]["BindOptions"]["Propagation"] ==
              mode);
    }
}

TEST_CASE("a mount whose source is missing is refused at create, and nothing is made", "[engine]") {
    EngineBench bench;
    auto spec = bench.spec("web");
    spec.mounts = {{"/no/such/folder", "/data", "rprivate"}};
    const auto id = bench.runtime().create(spec, {}, {});
    REQUIRE_FALSE(id);
    CHECK(id.error().code == Errc::Invalid);
    CHECK_THAT(id.error().message, ContainsSubstring("/no/such/folder"));
    CHECK_FALSE(*bench.runtime().find(spec.id, {}));
    CHECK_FALSE(std::filesystem::exists("/no/such/folder"));
}

TEST_CASE("a container of the host network has the machine's name and no ports", "[CM-38][UA-11][engine]") {
    EngineBench bench;
    auto spec = bench.spec("agent");
    spec.network = "host";
    const auto seen = inspect(bench, started(bench, spec));
    CHECK(seen["HostConfig"]["NetworkMode"] == "host");
    CHECK(seen["Config"]["Hostname"] != spec.host_name);
}

TEST_CASE("a start that fails tells the cause and nothing else", "[engine]") {
    EngineBench bench;
    auto spec = bench.spec("web");
    spec.cmd = {"/bin/not-there"};
    const auto id = made(bench, spec);
    const auto failed = bench.runtime().start(id, {});
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == Errc::Invalid);
    CHECK_THAT(failed.error().message, StartsWith("start: exec: \"/bin/not-there\": "));
    CHECK_THAT(failed.error().message, ContainsSubstring("no such file or directory"));
    const auto seen = bench.runtime().inspect(id, {});
    REQUIRE(seen);
    CHECK(seen->state.status == Status::Stopped);
    CHECK_THAT(seen->state.error, StartsWith("exec: \"/bin/not-there\": "));
    CHECK_FALSE(seen->started_before);

    auto device = bench.spec("device");
    device.devices = {{"/dev/not-there", "", "rwm"}};
    const auto refused = bench.runtime().start(made(bench, device), {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Invalid);
    CHECK_THAT(refused.error().message, ContainsSubstring("/dev/not-there"));
}

TEST_CASE("a port that is taken is a conflict", "[CM-09][engine]") {
    EngineBench bench;
    auto first = bench.spec("first");
    first.ports = {{"0.0.0.0", 18080, 18080, 80, "tcp"}};
    started(bench, first);
    auto second = bench.spec("second");
    second.ports = first.ports;
    const auto refused = bench.runtime().start(made(bench, second), {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Conflict);
    CHECK_THAT(refused.error().message, ContainsSubstring("18080"));
}

TEST_CASE("files outlive a stop and a start", "[CM-14][engine]") {
    EngineBench bench;
    const auto id = started(bench, bench.spec("web"));
    std::ofstream(bench.root_of(id) + "/tmp/note") << "still here";
    REQUIRE(bench.runtime().stop(id, {}, {}));
    REQUIRE(bench.runtime().start(id, {}));
    std::string note;
    std::getline(std::ifstream(bench.root_of(id) + "/tmp/note"), note);
    CHECK(note == "still here");
}

TEST_CASE("a container that waits for its restart can be stopped and removed", "[CM-16][CM-21][engine]") {
    EngineBench bench;
    auto spec = bench.spec("crash");
    spec.cmd = {"/bin/sh", "-c", "exit 3"};
    spec.restart.type = "always";
    const auto id = started(bench, spec);
    // from the third restart on the pauses are long enough to be seen
    REQUIRE(within(120s, [&] {
        const auto seen = bench.runtime().inspect(id, {});
        return seen && seen->state.restarting && seen->state.restart_count >= 3;
    }));
    const auto waiting = bench.runtime().inspect(id, {});
    CHECK(waiting->state.status == Status::Exited);
    CHECK(waiting->state.exit_code == 3);
    REQUIRE(bench.runtime().update(id, {.restart = RestartPolicy{.type = "no"}}, {}));
    REQUIRE(bench.runtime().stop(id, {}, {}));
    const auto stopped = bench.runtime().inspect(id, {});
    CHECK(stopped->state.status == Status::Exited);
    CHECK_FALSE(stopped->state.restarting);
    CHECK(bench.runtime().remove(id, {}));
}

TEST_CASE("host_ip is the address of the bridge", "[CM-10][UA-19][engine]") {
    EngineBench bench;
    auto spec = bench.spec("web");
    spec.extra_hosts = {"machine:host_ip", "nowhere:host_ip_nosuch0", "self:127.0.0.1"};
    const auto id = started(bench, spec);
    const auto gateway = get(bench, "/networks/berth0")["IPAM"]["Config"][0]["Gateway"].get<std::string>();
    CHECK(inspect(bench, id)["HostConfig"]["ExtraHosts"] == json({"machine:" + gateway, "self:127.0.0.1"}));
}

TEST_CASE("a container is found by its host name, also after it was replaced", "[CM-10][UA-19][engine]") {
    EngineBench bench;
    auto target = bench.spec("db");
    auto client = bench.spec("client");
    client.extra_hosts = {"database:container_" + target.host_name};
    const auto client_id = started(bench, client);
    const auto first = started(bench, target);
    CHECK(bench.resolve(client_id, "database") == bench.address_of(first));
    CHECK(bench.resolve(client_id, target.host_name) == bench.address_of(first));

    auto next = bench.spec("db");
    next.name = target.name;
    next.host_name = target.host_name;
    const auto filler = started(bench, bench.spec("filler"));  // takes the next address
    const auto second = made(bench, next, {.engine_name = staged_name(next)});
    REQUIRE(bench.runtime().stop(first, {}, {}));
    REQUIRE(bench.runtime().remove(first, {}));
    const auto other = started(bench, bench.spec("other"));  // takes the address that became free
    REQUIRE(bench.runtime().start(second, {}));
    REQUIRE(bench.runtime().rename(second, next.name, {}));
    CHECK(bench.address_of(second) != bench.address_of(other));
    CHECK(bench.resolve(client_id, "database") == bench.address_of(second));
}

TEST_CASE("a connect removes what no container needs, and keeps what one will start on", "[BX-22][engine]") {
    EngineBench bench;
    auto& runtime = bench.runtime();
    const auto there = [&](const ContainerSpec& spec) {
        return !get(bench, "/networks/" + apart_network(bench.options().bridge, spec.id)).is_null();
    };
    const auto waiting = bench.spec("waiting");
    const auto gone = bench.spec("gone");
    REQUIRE(runtime.move_to(made(bench, waiting), waiting, Place::Apart, {}));
    const auto gone_id = made(bench, gone);
    REQUIRE(runtime.move_to(gone_id, gone, Place::Apart, {}));
    REQUIRE(runtime.remove(gone_id, {}));
    REQUIRE(there(gone));

    REQUIRE(runtime.connect({}));
    CHECK_FALSE(there(gone));
    CHECK(there(waiting));
    // The bench takes away containers, not their networks.
    bench.delete_at("/networks/" + apart_network(bench.options().bridge, waiting.id));
}

TEST_CASE("who waits apart is not found by the name of both, and who has left is not any more",
          "[BX-22][CM-10][engine]") {
    EngineBench bench;
    auto& runtime = bench.runtime();
    const auto old = bench.spec("db");
    auto client = bench.spec("client");
    client.extra_hosts = {"database:container_" + old.host_name};
    const auto client_id = started(bench, client);
    const auto old_id = started(bench, old);
    auto next = bench.spec("db");
    next.name = old.name;
    next.host_name = old.host_name;
    next.extra_hosts = {"peer:container_" + client.host_name};
    const auto next_id = made(bench, next, {.engine_name = staged_name(next)});
    const auto move = [&](const EngineId& id, const ContainerSpec& spec, Place place) {
        const auto moved = runtime.move_to(id, spec, place, {});
        INFO((moved ? "" : moved.error().message));
        REQUIRE(moved);
    };
    // The engine answers with the addresses of all that bear a name, in any order.
    const auto leads_to = [&](const EngineId& id) {
        const auto address = bench.address_of(id);
        for (int i = 0; i < 10; ++i)
            for (const std::string& name : {std::string("database"), old.host_name})
                if (bench.resolve(client_id, name) != address) return false;
        return true;
    };

    move(next_id, next, Place::Apart);
    REQUIRE(runtime.start(next_id, {}));
    CHECK(inspect(bench, next_id)["Config"]["Hostname"] == old.host_name);
    CHECK(leads_to(old_id));
    move(next_id, next, Place::Shared);
    move(old_id, old, Place::Nowhere);
    CHECK(status_of(bench, old_id) == Status::Running);
    CHECK(leads_to(next_id));
    CHECK(bench.resolve(next_id, "peer") == bench.address_of(client_id));
    CHECK(get(bench, "/networks/" + apart_network(bench.options().bridge, next.id)).is_null());

    REQUIRE(runtime.stop(old_id, {}, {}));
    move(next_id, next, Place::Nowhere);
    move(old_id, old, Place::Shared);
    REQUIRE(runtime.start(old_id, {}));
    CHECK(leads_to(old_id));
}

TEST_CASE("the engine's minimum of memory is kept for the user", "[CM-06][engine]") {
    EngineBench bench;
    auto spec = bench.spec("small");
    spec.resources = {"3M", "", "3M"};
    const auto host = inspect(bench, made(bench, spec))["HostConfig"];
    CHECK(host["Memory"] == 6291456);
    CHECK(host["MemorySwap"] == 6291456);
    CHECK(bench.runtime().list({})->at(0).spec.resources ==
          spec.resources);  // the document keeps what was asked
}

TEST_CASE("limits of a running container are raised, lowered and lifted", "[CM-20][engine]") {
    EngineBench bench;
    auto spec = bench.spec("web");
    spec.resources = {"32M", "16M", "64M"};
    const auto id = started(bench, spec);
    const auto set = [&](const Resources& resources) {
        const auto done = bench.runtime().update(id, {.restart = {}, .resources = resources}, {});
        INFO((done ? "" : done.error().message));
        REQUIRE(done);
        return inspect(bench, id)["HostConfig"];
    };
    auto host = set({"128M", "64M", "256M"});
    CHECK(host["Memory"] == 134217728);
    CHECK(host["MemorySwap"] == 268435456);
    CHECK(host["MemoryReservation"] == 67108864);
    host = set({"64M", "", "-1"});
    CHECK(host["Memory"] == 67108864);
    CHECK(host["MemorySwap"].get<std::int64_t>() > 268435456);
    CHECK(host["MemoryReservation"] <= 0);
    host = set({});
    CHECK(host["Memory"].get<std::int64_t>() > 268435456);  // the machine's: the engine cannot lift a limit
    host = set({"64M", "", ""});
    CHECK(host["Memory"] == 67108864);
    CHECK(host["MemorySwap"] == 134217728);
    CHECK(status_of(bench, id) == Status::Running);
}

TEST_CASE("the engine tells what a container uses", "[CM-40][engine]") {
    EngineBench bench;
    auto spec = bench.spec("web");
    spec.resources.memory = "64M";
    const auto id = started(bench, spec);
    const auto usage = bench.runtime().stats(id, {.deadline = steady_clock::now() + 60s});
    INFO((usage ? "" : usage.error().message));
    REQUIRE(usage);
    REQUIRE(usage->cpu);
    CHECK(usage->cpu->container > 0);
    CHECK(usage->cpu->host > usage->cpu->container);
    REQUIRE(usage->memory);
    CHECK(usage->memory->usage > 0);
    CHECK(usage->memory->limit == 67108864);
    CHECK(usage->net);
    CHECK(usage->pids > 0);
}

TEST_CASE("the bridge network has its options", "[CM-38][engine]") {
    EngineBench bench;
    auto options = bench.options();
    options.bridge = {.name = "bt1", .ip4 = "10.97.3.1/24", .mtu = 1400, .icc = false, .ip_masq = false};
    bench.delete_at("/networks/bt1");
    DockerRuntime runtime(options);
    const auto info = runtime.connect({});
    INFO((info ? "" : info.error().message));
    REQUIRE(info);
    const auto network = get(bench, "/networks/bt1");
    CHECK(network["Driver"] == "bridge");
    CHECK(network["IPAM"]["Config"][0] == json({{"Subnet", "10.97.3.0/24"}, {"Gateway", "10.97.3.1"}}));
    CHECK(network["Options"] == json({{"com.docker.network.bridge.name", "bt1"},
                                      {"com.docker.network.bridge.enable_icc", "false"},
                                      {"com.docker.network.bridge.enable_ip_masquerade", "false"},
                                      {"com.docker.network.driver.mtu", "1400"}}));
    CHECK(network["Labels"]["io.berth.managed"] == "true");
    REQUIRE(runtime.connect({}));
    CHECK(get(bench, "/networks/bt1")["Id"] == network["Id"]);
    bench.delete_at("/networks/bt1");
}

TEST_CASE("a registry's credentials open it", "[CM-33][engine]") {
    EngineBench bench;
    const auto reference = bench.lab().registry_auth() + "/app:1";
    bench.delete_at("/images/" + reference + "?force=true");
    const auto without = bench.runtime().pull(reference, {});
    REQUIRE_FALSE(without);
    CHECK(without.error().code == Errc::Forbidden);

    auto options = bench.options();
    options.registries = {{bench.lab().registry_auth(), bench.lab().registry_user(), "wrong"}};
    const auto wrong = DockerRuntime(options).pull(reference, {});
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().code == Errc::Forbidden);

    options.registries[0].password = bench.lab().registry_password();
    const auto with = DockerRuntime(options).pull(reference, {});
    INFO((with ? "" : with.error().message));
    CHECK(with);
    CHECK(*bench.runtime().image_present(reference, {}));
}

TEST_CASE("a registry that cannot be reached is unavailable", "[CM-32][engine]") {
    EngineBench bench;
    for (const std::string reference : {"127.0.0.1:9/app:1", "no-such-host.invalid/app:1"}) {
        const auto pulled = bench.runtime().pull(reference, {});
        REQUIRE_FALSE(pulled);
        INFO(pulled.error().message);
        CHECK(pulled.error().code == Errc::Unavailable);
    }
    const auto odd = bench.runtime().pull("127.0.0.1:9/UPPER:1", {});
    REQUIRE_FALSE(odd);
    CHECK(odd.error().code == Errc::Invalid);
}

TEST_CASE("a pull can be stopped in the middle", "[CM-32][engine]") {
    EngineBench bench;
    const auto reference = bench.image_of_registry();
    std::stop_source stop;
    const auto pulled = bench.runtime().pull(
        reference, {.stop = stop.get_token(), .progress = [&](const Progress&) { stop.request_stop(); }});
    REQUIRE_FALSE(pulled);
    CHECK(pulled.error().code == Errc::Interrupted);
}

TEST_CASE("creates and starts of many threads do not disturb each other", "[CM-12][CM-13][engine]") {
    EngineBench bench;
    constexpr int kThreads = 8;
    std::vector<ContainerSpec> specs;
    for (int i = 0; i < kThreads; ++i) {
        specs.push_back(bench.spec("same"));
        specs.back().name = specs.front().name;
        specs.back().network = "host";
    }
    std::atomic<int> failures{0};
    {
        std::vector<std::jthread> threads;
        for (const auto& spec : specs)
            threads.emplace_back([&bench, &failures, spec] {
                const auto id = bench.runtime().create(spec, {}, {});
                if (!id || !bench.runtime().start(*id, {})) ++failures;
            });
    }
    CHECK(failures == 0);
    const auto list = bench.runtime().list({});
    REQUIRE(list);
    std::set<std::string> names;
    for (const auto& container : *list) {
        names.insert(container.engine_name);
        CHECK(container.state.status == Status::Running);
    }
    CHECK(names.size() == kThreads);
    CHECK(names.contains(specs.front().name));
}

TEST_CASE("an engine that restarts ends the events, keeps a stopped container down and is found again",
          "[engine]") {
    EngineBench bench;
    auto spec = bench.spec("down");
    spec.restart.type = "always";
    const auto down = started(bench, spec);
    const auto up = started(bench, bench.spec("up"));
    REQUIRE(bench.runtime().update(down, {.restart = RestartPolicy{.type = "no"}}, {}));
    REQUIRE(bench.runtime().stop(down, {}, {}));

    std::atomic<bool> subscribed{false};
    std::optional<Result<>> ended;
    {
        std::jthread watcher([&](std::stop_token stop) {
            ended = bench.runtime().watch([&] { subscribed = true; }, [](EngineEvent) {}, {.stop = stop});
        });
        REQUIRE(within(120s, [&] { return subscribed.load(); }));
        bench.lab().engine("stop");
        watcher.join();
    }
    REQUIRE(ended);
    CHECK(ended->error().code == Errc::Unavailable);
    CHECK(bench.runtime().list({}).error().code == Errc::Unavailable);
    CHECK(bench.runtime().connect({}).error().code == Errc::Unavailable);

    bench.lab().engine("start");
    REQUIRE(bench.runtime().connect({}));
    CHECK(within(120s, [&] { return status_of(bench, up) == Status::Running; }));
    CHECK(status_of(bench, down) == Status::Exited);
    CHECK(bench.policy_of(down) == "no");
}
