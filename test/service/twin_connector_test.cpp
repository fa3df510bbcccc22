// A cloud behind a connector: it brings each command on two topics, and tells the device of every change that
// the device has just made itself.
#include <string>
#include <utility>
#include <vector>

#include "test/service/twin_bench.hpp"
#include "test/support/catch.hpp"

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
