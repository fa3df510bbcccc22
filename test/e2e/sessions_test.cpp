// Update managers at work: sessions as they were recorded with Kanto, and a manager's state machine.
#include <sstream>

#include "test/e2e/device.hpp"
#include "test/e2e/recording.hpp"
#include "test/e2e/update_program.hpp"
#include "test/support/catch.hpp"
#include "test/support/update_manager.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

using Lines = std::vector<std::string>;

constexpr std::int64_t kStamp = 1718000000000;

// What a manager that talks to this device has seen so far is in `next`.
std::string drive(Device& device, UpdateManager manager, const std::string& activity) {
    std::size_t next = 0;
    const bool ended = eventually([&] {
        const auto all = device.probe.feedback(activity);
        for (; next < all.size(); ++next) {
            const auto& said = all[next];
            const auto command = manager.on_feedback(said.status, !said.actions.empty());
            if (!command.empty()) device.probe.command(activity, command);
        }
        return manager.has_ended();
    });
    return ended ? manager.result() : "no end in " + manager.result();
}

// By the program of $UPDATE_MANAGER, where one is named, else by the state machine.
std::string drive(Device& device, const std::string& activity, const std::vector<Component>& components,
                  UpdateManager::Owner owner = UpdateManager::Owner::Agrees) {
    if (!UpdateProgram::named().empty()) {
        const auto result =
            UpdateProgram(device.broker, owner).carry_out(activity, desired_state(activity, components));
        // The program does not wait for the agent's own last word.
        if (result == "COMPLETED" || result == "INCOMPLETE") device.probe.await(activity, result);
        return result;
    }
    device.probe.desire(desired_state(activity, components, {.timestamp = kStamp}));
    return drive(device, UpdateManager(owner), activity);
}

// Plays one exchange after the other; what is sent is a desired state, or a command and its baseline.
struct Replay {
    explicit Replay(Device& given) : device(given) {}

    void play(const Exchange& exchange) {
        send(exchange.sent);
        expected.insert(expected.end(), exchange.answers.begin(), exchange.answers.end());
        settle(exchange.session);
    }

    void send(const std::string& what) {
        std::istringstream words(what);
        std::string word;
        std::string more;
        words >> word >> more;
        if (word != "desiredstate") return device.probe.command(activity, word, more);
        const std::string key = R"("activityId":")";
        activity = more.substr(more.find(key) + key.size());
        activity = activity.substr(0, activity.find('"'));
        expected.clear();
        device.probe.desire(more);
    }

    // Everything was answered: nothing but what was recorded may have come.
    void settle(const std::string& session) {
        eventually([&] { return device.probe.lines(activity).size() >= expected.size(); },
                   std::chrono::seconds(20));
        INFO(session);
        CHECK(device.probe.lines(activity) == expected);
    }

    Device& device;
    std::string activity{};
    Lines expected{};
};

}  // namespace

TEST_CASE("recorded sessions get the recorded answers", "[UA-44][UA-29][UA-34][UA-42][e2e]") {
    Device device({{"update_agent.apply_mode", Daemon::quoted("command")}, {"update_agent.parallel", "1"}});
    REQUIRE(drive(device, "before", {{"c1", kSleeper}}) == "COMPLETED");
    Replay replay(device);
    for (const auto& exchange : read_recording(BERTH_SOURCE_DIR "/test/data/kanto-sessions.txt"))
        replay.play(exchange);
    CHECK(replay.activity == "J");
    CHECK(device.containers() == Lines{"web", "x1", "x2"});
}

TEST_CASE("an update manager deploys, updates and removes, and every operation ends COMPLETED",
          "[UA-60][e2e]") {
    Device device;
    CHECK(drive(device, "deploy", {{"web", kSleeper}, {"db", kSleeper, {{"memory", "64M"}}}}) == "COMPLETED");
    CHECK(device.containers() == Lines{"db", "web"});
    CHECK(
        drive(device, "update",
              {{"web", "berth-test/sleeper:2"}, {"db", kSleeper, {{"memory", "96M"}}}, {"new", kSleeper}}) ==
        "COMPLETED");
    CHECK(device.engine.field("web", "/Config/Image") == "berth-test/sleeper:2");
    const auto web = device.engine.id("web");

    CHECK(drive(device, "denied", {{"web", kSleeper}}, UpdateManager::Owner::DeniesUpdate) == "INCOMPLETE");
    CHECK(drive(device, "bad", {{"web", "berth-test/broken:1"}}) == "INCOMPLETE");
    CHECK(device.containers() == Lines{"db", "new", "web"});
    CHECK(device.engine.id("web") == web);
    CHECK(device.engine.state("web") == "running");

    CHECK(drive(device, "remove", {}) == "COMPLETED");
    CHECK(device.containers().empty());
    CHECK(drive(device, "nothing", {}) == "COMPLETED");
}
