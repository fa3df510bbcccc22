// A cloud behind a connector: it brings each command on two topics, and tells the device of every change that
// the device has just made itself. Many commands come at once.
#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "test/service/twin_bench.hpp"
#include "test/support/catch.hpp"
#include "test/support/mixed_commands.hpp"

using namespace berth;
using namespace berth::test;
using nlohmann::json;

namespace {

struct ByConnector : TwinBench {
    ByConnector() {
        is_by_connector = true;
        start();
        connect();
        cloud.take_said();
    }
    std::vector<std::string> run(const std::vector<std::string>& names) {
        std::vector<std::string> ids;
        for (const auto& name : names)
            ids.push_back(create("make-" + name, {{"imageRef", "app:1"}, {"name", name}, {"start", true}}));
        return ids;
    }
    // Before the first of them has been carried out.
    void send_at_once(const std::vector<MixedCommand>& commands) {
        station().on_loop([&] {
            for (const auto& one : commands)
                command(one.feature, one.operation, one.request, one.value);
        });
    }
    EngineId engine_id(const std::string& id) const {
        for (const auto& container : engine.containers())
            if (container.spec.id == id) return container.engine_id;
        return {};
    }
    bool shows_what_is_there() {
        std::set<std::string> there;
        for (const auto& container : engine.containers())
            there.insert(container.spec.id);
        const auto shown = cloud.containers();
        return std::set<std::string>(shown.begin(), shown.end()) == there;
    }
    // All is done, its echoes are back, and whatever those have brought about has been heard.
    void come_to_rest() {
        for (int i = 0; i < 3; ++i)
            settle();
    }
};

}  // namespace

TEST_CASE("what a connector brings in both forms is done once, and echoes are no news",
          "[TW-15][TW-28][TW-29][service]") {
    ByConnector bench;
    const auto id = bench.create("make", {{"imageRef", "app:1"}, {"name", "web"}, {"start", true}});
    REQUIRE_FALSE(id.empty());
    const auto feature = "Container:" + id;
    REQUIRE(bench.says(feature + " state RUNNING"));
    // Done a second time, most of these would be failures.
    const std::vector<std::pair<std::string, std::string>> life = {
        {"pause", "PAUSED"}, {"resume", "RUNNING"}, {"stop", "STOPPED"}, {"start", "RUNNING"}};
    for (const auto& [operation, state] : life) {
        INFO(operation);
        CHECK(bench.ask(feature, operation, operation) == 204);
        CHECK(bench.until([&] { return bench.cloud.status(feature)["state"]["status"] == state; }));
    }
    CHECK(bench.ask(feature, "rename", "rename", "shop") == 204);
    CHECK(bench.ask(feature, "update", "update", {{"resources", {{"memory", "64M"}}}}) == 204);
    CHECK(bench.ask(feature, "remove", "remove", true) == 204);
    CHECK(bench.ask("ContainerFactory", "create", "another", {{"imageRef", "app:2"}}) == 200);
    CHECK(bench.ask("Container:none", "start", "none") == 400);
    bench.come_to_rest();

    for (const char* request :
         {"make", "pause", "resume", "stop", "start", "rename", "update", "remove", "another", "none"}) {
        INFO(request);
        CHECK(bench.cloud.answers(request) == 1);
    }
    CHECK(bench.cloud.all_answers().size() == 10);
    CHECK(bench.engine.calls(Verb::Create) == 2);
    CHECK(bench.engine.calls(Verb::Pause) == 1);
    CHECK(bench.engine.containers().size() == 1);
    std::vector<std::string> said;
    for (const auto& word : bench.cloud.said())
        if (word.find(id) != word.npos) said.push_back(word);
    CHECK(said == std::vector<std::string>{
                      "+" + feature, feature + " state CREATED", feature + " state RUNNING",
                      feature + " state PAUSED", feature + " state RUNNING", feature + " state STOPPED",
                      feature + " state RUNNING", feature + " name shop", feature + " config",
                      feature + " state STOPPED", feature + " state DEAD", "-" + feature});
    CHECK(bench.station().link.subscribed() == std::vector<std::string>{bench.cloud.command_filter()});
    CHECK(bench.cloud.complaints().empty());
}

TEST_CASE("of two hundred commands at once each has its answer", "[TW-15][TW-25][TW-29][TW-79][service]") {
    ByConnector bench;
    const auto living = bench.run({"one", "two", "three"});
    const auto leaving = bench.run({"four", "five"});
    const auto commands = mixed_commands(living, leaving, "app:1");
    REQUIRE(commands.size() == 200);
    bench.cloud.forget_answers();
    bench.send_at_once(commands);
    bench.require([&] { return bench.cloud.all_answers().size() >= commands.size(); });
    bench.come_to_rest();
    CHECK(wrong_answers_to(commands, bench.cloud) == "");
    CHECK(bench.cloud.all_answers().size() == commands.size());
    CHECK(bench.engine.containers().size() == 3 + 20);  // each round makes two
    CHECK(bench.until([&] { return bench.shows_what_is_there(); }));
    CHECK(bench.cloud.complaints().empty());
}

TEST_CASE("of two hundred commands that are too many each has its answer as well",
          "[TW-29][TW-79][service]") {
    ByConnector bench;
    const auto living = bench.run({"one", "two", "three"});
    const auto leaving = bench.run({"four", "five"});
    const auto busy = bench.run({"busy"}).front();
    const auto commands = mixed_commands(living, leaving, "app:1");
    bench.cloud.forget_answers();
    // So many wait for the end of one that does not come: there is no room for all of what can be done.
    bench.engine.make_stubborn(bench.engine_id(busy));
    const auto stops = bench.engine.calls(Verb::Stop);
    bench.command("Container:" + busy, "stopWithOptions", "stop", {{"timeout", 60}});
    REQUIRE(bench.engine.await_calls(Verb::Stop, stops + 1));
    constexpr std::size_t kWaiting = 200;
    for (std::size_t i = 0; i < kWaiting; ++i)
        bench.command("Container:" + busy, "start", "start-" + std::to_string(i));
    bench.send_at_once(commands);
    bench.require([&] { return bench.cloud.all_answers().size() >= commands.size(); });
    bench.engine.end_process(bench.engine_id(busy), 0);
    bench.require([&] { return bench.cloud.all_answers().size() >= commands.size() + kWaiting + 1; });
    bench.come_to_rest();
    // One that was refused may be what another one needed, or stood in its way.
    CHECK(wrong_answers_to(commands, bench.cloud, {204, 500}) == "");
    const auto refused = std::count_if(commands.begin(), commands.end(), [&](const MixedCommand& one) {
        return bench.cloud.answer(one.request)->status == 500 &&
               bench.error_of(one.request).starts_with("too many");
    });
    CHECK(refused > 0);
    CHECK(bench.answered("stop") == 204);
    for (std::size_t i = 0; i < kWaiting; ++i) {
        const auto request = "start-" + std::to_string(i);
        CHECK(bench.cloud.answers(request) == 1);
        CHECK(bench.answered(request) == (i == 0 ? 204 : 500));
    }
    CHECK(bench.cloud.all_answers().size() == commands.size() + kWaiting + 1);
    CHECK(bench.until([&] { return bench.shows_what_is_there(); }));
}
