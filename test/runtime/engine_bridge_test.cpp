// A bridge network that somebody removes while nothing runs on it, as a prune does: what a real engine notes
// of the old one, and what becomes of whoever starts afterwards.
#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "test/runtime/engine_bench.hpp"
#include "test/support/catch.hpp"

using berth::ContainerSpec;
using berth::EngineId;
using berth::runtime::Place;
using berth::runtime::docker::DockerRuntime;
using berth::test::EngineBench;
using nlohmann::json;

namespace {

// The lab's engine has others on the usual one.
const std::string kOwnBridge = "bt2";

json own_bridge(const EngineBench& bench) {
    return json::parse(bench.get("/networks/" + kOwnBridge));
}

// The engine tells that a container has ended a moment before that leaves its network.
void remove_own_bridge(EngineBench& bench) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (;;) {
        try {
            return bench.delete_at("/networks/" + kOwnBridge);
        } catch (const std::runtime_error&) {
            if (std::chrono::steady_clock::now() > deadline) throw;
        }
        std::this_thread::yield();
    }
}

EngineId made_by(DockerRuntime& runtime, const ContainerSpec& spec) {
    const auto id = runtime.create(spec, {}, {});
    INFO((id ? "" : id.error().message));
    REQUIRE(id);
    return *id;
}

void start_by(DockerRuntime& runtime, const EngineId& id) {
    const auto done = runtime.start(id, {});
    INFO((done ? "" : done.error().message));
    REQUIRE(done);
}

// On the network that is there now and no other, and found by its name.
void check_serves(const EngineBench& bench, const EngineId& id, const ContainerSpec& spec) {
    const auto seen = json::parse(bench.inspect(id));
    CHECK(seen.at("State").at("Status") == "running");
    const auto& networks = seen.at("NetworkSettings").at("Networks");
    CHECK(networks.size() == 1);
    REQUIRE(networks.contains(kOwnBridge));
    const auto& there = networks.at(kOwnBridge);
    CHECK(there.at("NetworkID") == own_bridge(bench).at("Id"));
    CHECK_FALSE(there.at("IPAddress").get<std::string>().empty());
    const auto aliases = there.at("Aliases").get<std::vector<std::string>>();
    CHECK(std::count(aliases.begin(), aliases.end(), spec.host_name) == 1);
}

}  // namespace

TEST_CASE("whoever starts after the bridge was removed gets it back", "[CM-38][BX-22][engine]") {
    EngineBench bench;
    remove_own_bridge(bench);
    auto options = bench.options();
    options.bridge.name = kOwnBridge;
    DockerRuntime runtime(options);
    REQUIRE(runtime.connect({}));
    const auto first = own_bridge(bench).at("Id");

    const auto fresh = bench.spec("fresh");
    const auto former = bench.spec("former");
    const auto beside = bench.spec("beside");
    const auto fresh_id = made_by(runtime, fresh);
    const auto former_id = made_by(runtime, former);
    const auto beside_id = made_by(runtime, beside);
    start_by(runtime, former_id);
    REQUIRE(runtime.stop(former_id, {}, {}));

    SECTION("by one that has never run and one that has") {
        remove_own_bridge(bench);
        start_by(runtime, fresh_id);
        start_by(runtime, former_id);
        CHECK(own_bridge(bench).at("Id") != first);
        check_serves(bench, fresh_id, fresh);
        check_serves(bench, former_id, former);
        CHECK(bench.resolve(fresh_id, former.host_name).has_value());
    }
    SECTION("by one that has run, where it is there again") {
        remove_own_bridge(bench);
        REQUIRE(runtime.connect({}));
        start_by(runtime, former_id);
        check_serves(bench, former_id, former);
    }
    SECTION("by one that starts apart and then comes to the others") {
        remove_own_bridge(bench);
        REQUIRE(runtime.move_to(beside_id, beside, Place::Apart, {}));
        start_by(runtime, beside_id);
        const auto moved = runtime.move_to(beside_id, beside, Place::Shared, {});
        INFO((moved ? "" : moved.error().message));
        REQUIRE(moved);
        check_serves(bench, beside_id, beside);
    }
    SECTION("by one that is made and wants its address") {
        remove_own_bridge(bench);
        auto wants = bench.spec("wants");
        wants.extra_hosts = {"machine:host_ip"};
        made_by(runtime, wants);
        CHECK_FALSE(own_bridge(bench).is_null());
    }

    const auto left = runtime.list({});
    REQUIRE(left);
    for (const auto& container : *left)
        REQUIRE(runtime.remove(container.engine_id, {}));
    remove_own_bridge(bench);
}
