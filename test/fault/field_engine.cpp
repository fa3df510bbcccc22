// The engine is killed in each phase of an update that somebody drives with commands, and started again: just
// before it hears of a verb of that phase, and when it has done it and nobody heard. And while Berth looks
// what there is.
#include <stdexcept>
#include <string>
#include <vector>

#include "test/fault/on_device.hpp"
#include "test/fault/scenarios.hpp"
#include "test/fault/site.hpp"
#include "test/support/catch.hpp"
#include "test/support/own_lab.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

using Verb = FaultProxy::Verb;
using Fault = FaultProxy::Fault;

struct Phase {
    std::string command{};
    Verb verb{};  // of several, the first of the phase
};

const std::vector<Phase>& phases() {
    static const std::vector<Phase> all = {{"DOWNLOAD", Verb::Create},
                                           {"UPDATE", Verb::Stop},
                                           {"ACTIVATE", Verb::Start},
                                           {"CLEANUP", Verb::Remove},
                                           {"ROLLBACK", Verb::Remove}};
    return all;
}

void kill_and_start(Site& site) {
    if (!eventually([&] { return site.proxy.has_struck(); }))
        throw std::runtime_error("the engine was not asked for it");
    site.device.lab.engine("kill");
    site.proxy.cut();
    site.device.lab.engine("start");
}

// Commands one after the other, as an update manager sends them; after a failure CLEANUP.
std::string kill_in(Site& site, TwoSets& sets, const Phase& phase, Fault fault) {
    auto& probe = site.device.probe;
    const auto update = sets.next();
    bool killed = false;
    std::string failed;  // before that
    const auto carry_out_or_kill = [&](const std::string& command) {
        if (command != phase.command) return carry_out(site.device, update.activity, command);
        site.proxy.spoil(phase.verb, fault);
        probe.command(update.activity, command);
        kill_and_start(site);
        killed = true;
        return phase_ends_well(site.device, update.activity, command);
    };
    probe.desire(stamped(update.message));
    probe.await(update.activity, "IDENTIFIED");
    const std::vector<std::string> commands = {"DOWNLOAD", "UPDATE",
                                               phase.command == "ROLLBACK" ? "ROLLBACK" : "ACTIVATE"};
    for (const auto& command : commands) {
        const bool went_well = carry_out_or_kill(command);
        if (!went_well && !killed) failed = command;
        if (!went_well) break;
    }
    carry_out_or_kill("CLEANUP");
    await_end(site.device, update.activity);
    const auto wrong = sets.aftermath(update.activity);
    if (!failed.empty()) return failed + " failed by itself. " + wrong;
    return killed ? wrong : "the engine was not killed. " + wrong;
}

// The message is refused, nothing has changed, and the next one is carried out.
std::string kill_while_identifying(Site& site, TwoSets& sets, Fault fault) {
    static const std::string kFound = "the engine has ";
    auto& device = site.device;
    const auto before = set_on(device);
    const auto found = device.daemon.count(kFound);
    const auto update = sets.next();
    site.proxy.spoil(Verb::List, fault);
    device.probe.desire(stamped(update.message));
    kill_and_start(site);
    device.probe.await(update.activity, "IDENTIFICATION_FAILED");
    if (!eventually([&] { return device.daemon.count(kFound) > found; }))
        return "the engine is not found again";
    if (auto wrong = sets.leftovers(before); !wrong.empty()) return wrong;
    const auto again = sets.next();
    device.probe.desire(again.message);
    device.probe.await(again.activity, "COMPLETED");
    return sets.aftermath(again.activity);
}

void kill_in_each_phase(const std::string& what, const std::vector<std::string>& lab_options) {
    const OwnLab own(lab_options);
    Site site(own.lab(), {{"update_agent.parallel", "1"}});
    site.device.start();
    TwoSets sets(site.device);
    long good = 0;
    long all = 0;
    for (const auto fault : {Fault::HoldRequest, Fault::HoldAnswer}) {
        const auto judge = [&](const std::string& phase, const std::string& wrong) {
            INFO(phase << (fault == Fault::HoldRequest ? ", before" : ", after") << " its first verb");
            CHECK(wrong == "");
            ++all;
            good += wrong.empty() ? 1 : 0;
        };
        judge("identification", kill_while_identifying(site, sets, fault));
        for (const auto& phase : phases())
            judge(phase.command, kill_in(site, sets, phase, fault));
    }
    tell(what, good, all);
}

}  // namespace

TEST_CASE("an engine that is killed in any phase comes back, and so does the update", "[.][field][BX-08]") {
    kill_in_each_phase("engine killed in each phase", {});
}

TEST_CASE("the same with an engine whose containers outlive it", "[.][field][BX-08]") {
    kill_in_each_phase("engine killed in each phase, with live restore", {"--live-restore"});
}

TEST_CASE("a list that hangs keeps nobody else waiting, and the update goes on with it",
          "[UA-07][fault][field]") {
    Site site{Lab()};
    auto& device = site.device;
    device.start();
    device.deploy("before", {{"web", kSleeper}});
    site.proxy.spoil(Verb::List, Fault::HoldRequest);
    device.probe.desire(desired_state("hung", {{"web", "berth-test/sleeper:2"}}));
    REQUIRE(eventually([&] { return site.proxy.has_struck(); }));
    device.probe.await("hung", "IDENTIFYING");
    CHECK(device.probe.ask("meanwhile").names() == std::vector<std::string>{"web"});
    CHECK(device.probe.lines("hung") == std::vector<std::string>{"IDENTIFYING"});
    site.proxy.go_on();
    device.probe.await("hung", "COMPLETED");
    CHECK(device.engine.field("web", "/Config/Image") == "berth-test/sleeper:2");
}
