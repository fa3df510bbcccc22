// The broker goes away in each phase of an update, identification among them, and comes back after its end:
// nothing of the feedback is lost, changed or out of order, and what comes twice is the same message. Or it
// has been told that Berth has a message, when Berth is killed.
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "test/fault/on_device.hpp"
#include "test/fault/scenarios.hpp"
#include "test/fault/site.hpp"
#include "test/support/catch.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

using Verb = FaultProxy::Verb;

struct Absence {
    std::string phase{};
    std::size_t scenario{};
    Verb verb{};  // the broker goes away in the middle of the first one
};

// QoS 1: what was under way when the connection broke may come twice, exactly as it was.
std::vector<std::string> said_once(Device& device, const std::string& activity) {
    std::set<std::string> known;
    std::vector<std::string> once;
    const auto lines = device.probe.lines(activity);
    const auto said = device.probe.feedback(activity);
    for (std::size_t i = 0; i < lines.size(); ++i)
        if (known.insert(std::to_string(said[i].timestamp) + lines[i]).second) once.push_back(lines[i]);
    return once;
}

// What the broker heard of the scenario's update, on a device of its own.
std::vector<std::string> said_in(const Scenario& scenario, std::optional<Verb> away_in) {
    Site site(Lab(), {{"update_agent.parallel", "1"}});
    auto& device = site.device;
    const std::string end = scenario.succeeds ? "COMPLETED" : "INCOMPLETE";
    device.start();
    device.probe.desire(scenario.before);
    device.probe.await("before", "COMPLETED");
    if (away_in) site.proxy.spoil(*away_in, FaultProxy::Fault::HoldAnswer);
    device.probe.desire(scenario.message);
    if (away_in) {
        REQUIRE(eventually([&] { return site.proxy.has_struck(); }));
        device.broker.stop();
        site.proxy.go_on();
        REQUIRE(device.daemon.logs("activity 'cut': " + end));
        device.broker.start();
    }
    device.probe.await("cut", end);
    return said_once(device, "cut");
}

}  // namespace

TEST_CASE("a broker that goes away in any phase gets all feedback when it is back", "[.][field][UA-44]") {
    const std::vector<Absence> absences = {{"identification", 1, Verb::List}, {"DOWNLOAD", 1, Verb::Create},
                                           {"UPDATE", 1, Verb::Stop},         {"ACTIVATE", 1, Verb::Start},
                                           {"CLEANUP", 1, Verb::Remove},      {"ROLLBACK", 2, Verb::Remove}};
    std::map<std::size_t, std::vector<std::string>> undisturbed;
    for (const auto& absence : absences)
        if (!undisturbed.contains(absence.scenario))
            undisturbed[absence.scenario] = said_in(scenarios().at(absence.scenario), std::nullopt);
    long good = 0;
    for (const auto& absence : absences) {
        const auto said = said_in(scenarios().at(absence.scenario), absence.verb);
        INFO(absence.phase);
        CHECK(said == undisturbed.at(absence.scenario));
        good += said == undisturbed.at(absence.scenario) ? 1 : 0;
    }
    tell("broker away in each phase", good, static_cast<long>(absences.size()));
}

TEST_CASE("what was acknowledged and is in no record yet is carried out after a kill, once",
          "[UA-73][fault]") {
    Site site(Lab(), {{"mqtt.session_expiry", Daemon::quoted("10m")}});
    auto& device = site.device;
    const auto inbox = device.daemon.home() + "/inbox";
    device.start();
    site.proxy.spoil(Verb::List, FaultProxy::Fault::HoldRequest);
    device.probe.desire(desired_state("kept", {{"web", kSleeper}}));
    REQUIRE(eventually([&] { return site.proxy.has_struck(); }));
    REQUIRE(eventually(
        [&] { return device.broker.log().find("Received PUBACK from berth-e2e ") != std::string::npos; }));
    device.daemon.kill();
    site.proxy.cut();
    CHECK_FALSE(std::filesystem::is_empty(inbox));
    device.start();
    device.probe.await("kept", "COMPLETED");
    CHECK(device.containers() == std::vector<std::string>{"web"});
    CHECK(eventually([&] { return std::filesystem::is_empty(inbox); }));
    device.restart();
    CHECK(device.daemon.count("activity 'kept': desired state") == 0);
    CHECK(std::filesystem::is_empty(inbox));
}
