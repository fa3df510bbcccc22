// An engine that makes something else of what it is asked for: told once, and never a reason to ask again.
#include <filesystem>
#include <functional>
#include <map>
#include <random>

#include "test/support/captured_log.hpp"
#include "test/support/catch.hpp"
#include "test/support/gateway.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using berth::test::CapturedLog;
using berth::test::Gateway;
using berth::test::one_by_one;
using berth::test::pair;
using berth::test::Verb;
using berth::test::Wanted;

namespace {

struct Otherwise {
    std::string name;
    std::function<void(ContainerSpec&)> change;
    std::string told;
    std::string more{};  // pairs of the component
};

std::vector<Otherwise> engines() {
    return {
        {"host name", [](auto& s) { s.host_name = "b"; }, R"(hostName wanted "web-host" engine says "b")"},
        {"image", [](auto& s) { s.image = "app:9"; }, R"(image wanted "app:1" engine says "app:9")"},
        {"cmd", [](auto& s) { s.cmd = {"idle"}; }, R"(cmd wanted "serve" engine says "idle")",
         pair("cmd", "serve")},
        {"env", [](auto& s) { s.env = {}; }, R"(env wanted "A=***" engine says "")", pair("env", "A=x1y2z3")},
        {"port", [](auto& s) { s.ports = {}; }, R"(port wanted "80:8080/tcp" engine says "")",
         pair("port", "80:8080/tcp")},
        {"network", [](auto& s) { s.network = "host"; }, R"(network wanted "bridge" engine says "host")"},
        {"privileged", [](auto& s) { s.privileged = true; },
         R"(privileged wanted "false" engine says "true")"},
        {"log", [](auto& s) { s.log.max_size = "1"; }, R"(logMaxSize wanted "100M" engine says "1")"},
        {"swap", [](auto& s) { s.resources.memory_swap = "-1"; },
         R"(memorySwap wanted "96M" engine says "-1")", pair("memory", "64M") + pair("memorySwap", "96M")},
        {"restart policy", [](auto& s) { s.restart.type = "no"; },
         R"(restartPolicy wanted "unless-stopped" engine says "no")"},
    };
}

std::string message_of(Gateway& device, const std::string& activity, std::size_t action = 0) {
    return device.on().last(activity)->actions.at(action).message;
}

// Nobody logs any more: a log can be taken away.
void settle(Gateway& device) {
    berth::test::eventually([&device] { return device.on().is_at_rest(); });
}

int changes_of(const Gateway& device) {
    int all = 0;
    for (const auto verb :
         {Verb::Create, Verb::Start, Verb::Stop, Verb::Rename, Verb::Update, Verb::Remove, Verb::MoveTo})
        all += device.engine.calls(verb);
    return all;
}

}  // namespace

TEST_CASE("an engine that holds something else: one warning, and the same message again does nothing",
          "[BX-03][UA-22][service]") {
    for (const auto& engine : engines())
        DYNAMIC_SECTION(engine.name) {
            const std::vector<Wanted> wanted = {{"web", "app:1", engine.more}};
            Gateway device;
            device.engine.hold_otherwise(engine.change);
            device.on();
            int changes = 0;
            {
                const CapturedLog log;
                device.deploy("one", wanted);
                CHECK(message_of(device, "one") == "started; unstable: " + engine.told);
                const std::string warning = "component web: unstable: " + engine.told;
                CHECK(log.count("warning: activity 'one': " + warning) == 1);
                CHECK_FALSE(log.contains("x1y2z3"));
                changes = changes_of(device);
                device.deploy("two", wanted);
                CHECK(message_of(device, "two") == "running");
                CHECK(log.count(warning) == 1);
                settle(device);
            }
            device.station.reset();  // another process: only the store remembers
            device.deploy("three", wanted);
            CHECK(message_of(device, "three") == "running");
            device.station.reset();  // and here only the engine's label
            std::filesystem::remove_all(device.folder.path() / "containers");
            device.deploy("four", wanted);
            CHECK(message_of(device, "four") == "running");
            CHECK(changes_of(device) == changes);
            CHECK(device.engine.calls(Verb::ReadBack) == 2);  // the second for the limits
        }
}

TEST_CASE("of several components each that is held otherwise is told of, by itself", "[BX-03][service]") {
    const auto all = engines();
    std::mt19937 rng(18);
    for (int world = 0; world < 10; ++world) {
        auto config = one_by_one();
        config.parallel = 4;
        Gateway device(config);
        std::map<std::string, Otherwise> otherwise;
        std::vector<Wanted> wanted;
        for (int i = 0; i < 6; ++i) {
            const auto name = "c" + std::to_string(i);
            // The host name's text has the component's name in it.
            const auto& engine = all[1 + rng() % (all.size() - 1)];
            wanted.push_back({name, "app:1", engine.more});
            if (rng() % 2 == 0) otherwise[name] = engine;
        }
        device.engine.hold_otherwise([otherwise](ContainerSpec& held) {
            if (const auto at = otherwise.find(held.name); at != otherwise.end()) at->second.change(held);
        });
        device.on();
        const CapturedLog log;
        device.deploy("one", wanted);
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            const auto at = otherwise.find(wanted[i].name);
            CHECK(message_of(device, "one", i) ==
                  (at == otherwise.end() ? "started" : "started; unstable: " + at->second.told));
        }
        CHECK(log.count("warning: activity 'one': component c") == otherwise.size());
        const auto changes = changes_of(device);
        device.deploy("two", wanted);
        CHECK(changes_of(device) == changes);
        CHECK(log.count("warning: ") == otherwise.size());
        settle(device);
    }
}

TEST_CASE("another value of what the engine holds otherwise is carried out all the same",
          "[BX-03][service]") {
    Gateway device;
    device.engine.hold_otherwise([](auto& held) { held.resources.memory = "1G"; });
    device.deploy("one", {{"web", "app:1", pair("memory", "64M")}});
    CHECK(device.engine.calls(Verb::Update) == 0);
    device.deploy("two", {{"web", "app:1", pair("memory", "96M")}});
    CHECK(device.engine.calls(Verb::Update) == 1);
    CHECK(device.engine.limits_of(device.engine.named("web")->engine_id).memory == "96M");
    CHECK(message_of(device, "two") == R"(running; unstable: memory wanted "96M" engine says "1G")");
    device.deploy("three", {{"web", "app:2", pair("memory", "96M")}});
    CHECK(device.names_and_images() == berth::test::Words{"web=app:2"});
    CHECK(message_of(device, "three") == R"(started; unstable: memory wanted "96M" engine says "1G")");
    CHECK(device.engine.calls(Verb::ReadBack) == 3);
}

TEST_CASE("what starts first is read back once it has taken over", "[BX-03][BX-22][service]") {
    Gateway device;
    device.steps.gate = std::chrono::milliseconds(10);
    device.deploy("one", {{"web"}});
    device.engine.hold_otherwise([](auto& held) { held.host_name = "b"; });
    device.deploy("two", {{"web", "app:2", pair("updateOrder", "start-first")}});
    CHECK(message_of(device, "two") == R"(started; unstable: hostName wanted "web-host" engine says "b")");
    CHECK(device.engine.calls(Verb::ReadBack) == 2);
}

TEST_CASE("an engine that cannot be read back fails nothing", "[BX-03][service]") {
    Gateway device;
    device.on();
    const CapturedLog log;
    device.engine.fail_next(Verb::ReadBack, fail(Errc::Internal, "boom"));
    device.deploy("one", {{"web"}});
    CHECK(message_of(device, "one") == "started");
    CHECK(log.count("warning: component web: nobody knows whether it is as asked for: boom") == 1);
    device.engine.fail_next(Verb::ReadBack, fail(Errc::Unavailable, "connection reset"));
    device.engine.hold_otherwise([](auto& held) { held.host_name = "b"; });
    device.deploy("two", {{"web", "app:2"}});  // it was away for a moment: asked again
    CHECK_THAT(message_of(device, "two"), ContainsSubstring("unstable: hostName"));
    settle(device);
}
