// The messages of the cloud that the manual shows, given to all of Berth: what it answers is what is shown.
#include <utility>

#include "test/protocol/golden.hpp"
#include "test/service/twin_bench.hpp"
#include "test/support/builders.hpp"
#include "test/support/captured_log.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::test;
using nlohmann::json;

namespace {

constexpr const char* kImage = "reg.acme.example/nav:2.4.1";

// The container nav-7 of the examples runs, and its cloud knows it.
struct ManualBench : TwinBench {
    ManualBench() {
        auto nav = container(spec("nav", kImage), Status::Running);
        nav.spec.id = "nav-7";
        engine.put_image(kImage);
        engine.put(nav);
        start();
        connect();
        cloud.take_said();
    }

    json reply(const std::string& command) {
        const auto request = "r" + std::to_string(++requests_);
        tell(cloud.command_topic(request, "any"), command);
        return answered(request) == -1 ? json() : cloud.answer(request)->envelope;
    }

 private:
    int requests_{};
};

}  // namespace

TEST_CASE("answers are those of the manual", "[TW-22][TW-23][TW-24][TW-25][TW-27][service]") {
    const auto commands = golden_lines("twin-commands.jsonl");
    const auto others = golden_lines("twin-container-commands.jsonl");
    const auto faulty = golden_lines("twin-faulty-commands.jsonl");
    const auto answers = golden_lines("twin-answers.jsonl");
    REQUIRE(answers.size() == 6 + faulty.size());
    const auto& start = others[0];
    ManualBench bench;
    auto created = bench.reply(commands[0]);
    REQUIRE(created["status"] == 200);
    created["value"] = "nav-7";  // Berth invents another
    CHECK(created == json::parse(answers[0]));

    std::vector<std::pair<std::string, std::string>> told = {{start, answers[5]},  // which runs
                                                             {others[2], answers[3]},
                                                             {others[3], answers[4]},
                                                             {others[1], answers[2]}};
    for (std::size_t i = 0; i < faulty.size(); ++i)
        told.emplace_back(faulty[i], answers[6 + i]);
    for (const auto& [command, answer] : told) {
        INFO(command);
        CHECK(bench.reply(command) == json::parse(answer));
    }
    CHECK(bench.reply(start)["status"] == 204);
    CHECK(bench.reply(commands[2]) == json::parse(answers[1]));
    CHECK(bench.cloud.complaints().empty());
}

TEST_CASE("notifications do what the manual says", "[TW-28][service]") {
    const CapturedLog log;
    ManualBench bench;
    const auto notice = [&](std::size_t which, const std::string& subject) {
        bench.tell(bench.cloud.command_topic("", subject), golden_lines("twin-notices.jsonl").at(which));
    };
    notice(0, "modified");
    notice(1, "merged");
    notice(4, "errors-response");
    notice(3, "created");  // nothing was deleted
    notice(2, "deleted");
    bench.settle();
    CHECK(bench.cloud.said().empty());
    CHECK(
        log.contains("warning: the cloud refuses '/features/Container:nav-7/properties/status/state' "
                     "with status 404"));
    notice(3, "created");
    REQUIRE(bench.says("+Metrics"));
    CHECK(bench.cloud.said().front() == "+SoftwareUpdatable");
    CHECK(bench.cloud.all_answers().empty());
}
