// Disks without room: Berth's own, before an update and in the middle of one, and the engine's. And one that
// turns read-only.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "test/fault/on_device.hpp"
#include "test/fault/scenarios.hpp"
#include "test/fault/site.hpp"
#include "test/support/catch.hpp"
#include "test/support/disk.hpp"
#include "test/support/own_lab.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

using Names = std::vector<std::string>;

const std::string kNoRoom = "o space";  // of "No space left on device", or "no space: need …"
const std::string kReadOnly = "Read-only file system";

// Of the action that failed.
std::string failure_told(const FeedbackSaid& said) {
    for (const auto& action : said.actions)
        if (action.status.ends_with("_FAILURE")) return action.message;
    return {};
}

}  // namespace

TEST_CASE("a data folder without room: a desired state is refused, what runs runs on", "[fault][field]") {
    Device device(Device::Unstarted{}, {});
    const SmallDisk disk(device.daemon.home());
    device.start();
    device.deploy("before", {{"web", kSleeper}});
    const auto before = set_on(device);
    {
        const Filler filler(device.daemon.home());
        device.probe.desire(desired_state("full", {{"web", "berth-test/sleeper:2"}, {"new", kSleeper}}));
        CHECK_THAT(device.probe.await("full", "IDENTIFICATION_FAILED").message, ContainsSubstring(kNoRoom));
        CHECK(set_on(device) == before);
        CHECK(device.probe.ask("meanwhile").names() == Names{"web"});
    }
    device.deploy("room", {{"web", "berth-test/sleeper:2"}, {"new", kSleeper}});
    CHECK(device.containers() == Names{"new", "web"});
    device.daemon.stop();  // before its disk goes
}

TEST_CASE("berthd starts where nothing can be written: it says so, and serves once something can",
          "[fault][field][UA-71]") {
    Device device(Device::Unstarted{}, {});
    const SmallDisk disk(device.daemon.home());
    std::optional<Filler> filler(device.daemon.home());
    device.start();
    device.probe.desire(desired_state("refused", {{"web", kSleeper}}));
    CHECK_THAT(device.probe.await("refused", "IDENTIFICATION_FAILED").message, ContainsSubstring(kNoRoom));
    filler.reset();
    device.deploy("room", {{"web", kSleeper}});
    device.daemon.stop();

    disk.mount_again("ro");
    device.start();
    device.probe.desire(desired_state("read-only", {}));
    CHECK_THAT(device.probe.await("read-only", "IDENTIFICATION_FAILED").message,
               ContainsSubstring(kReadOnly));
    CHECK(device.containers() == Names{"web"});
    disk.mount_again("rw");
    device.deploy("writable", {{"new", kSleeper}});
    CHECK(device.containers() == Names{"new"});
    device.daemon.stop();  // before its disk goes
}

TEST_CASE("a data folder that fills up in the middle of an update: one of both sets, and a last word",
          "[.][field][UA-65]") {
    Device device(Device::Unstarted{}, {{"update_agent.parallel", "1"}});
    const SmallDisk disk(device.daemon.home());
    device.start();
    TwoSets sets(device);
    long good = 0;
    const std::vector<std::string> commands = {"DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP"};
    for (const auto& full_from : commands) {
        const auto update = sets.next();
        device.probe.desire(stamped(update.message));
        device.probe.await(update.activity, "IDENTIFIED");
        std::optional<Filler> filler;
        bool goes_well = true;
        for (const auto& command : commands) {
            if (command == full_from) filler.emplace(device.daemon.home());
            if (goes_well || command == "CLEANUP") goes_well = carry_out(device, update.activity, command);
            if (!filler) CHECK(goes_well);
        }
        await_end(device, update.activity);
        const auto full = sets.aftermath(update.activity, TwoSets::Records::MayBeOld);
        filler.reset();

        const auto next = sets.next();
        device.probe.desire(next.message);
        device.probe.await(next.activity, "COMPLETED");
        const auto afterwards = sets.aftermath(next.activity);
        INFO("full from " << full_from << " on");
        CHECK(full == "");
        CHECK(afterwards == "");
        good += full.empty() && afterwards.empty() ? 1 : 0;
    }
    tell("data folder full in each phase", good, static_cast<long>(commands.size()));
    device.daemon.stop();  // before its disk goes
}

TEST_CASE("a data folder that turns read-only in any phase: the old set runs, and repaired it serves again",
          "[.][field][UA-71]") {
    Device device(Device::Unstarted{}, {{"update_agent.parallel", "1"}});
    const SmallDisk disk(device.daemon.home());
    device.start();
    TwoSets sets(device);
    long good = 0;
    const std::vector<std::pair<std::string, std::string>> phases = {
        {"DOWNLOAD", "DOWNLOAD"}, {"UPDATE", "UPDATE"}, {"ACTIVATE", "ACTIVATION"}};
    for (const auto& [cut_in, word] : phases) {
        INFO("read-only from " << cut_in << " on");
        const auto before = set_on(device);
        const auto update = sets.next();
        device.probe.desire(stamped(update.message));
        device.probe.await(update.activity, "IDENTIFIED");
        for (const auto& [command, ignored] : phases) {
            if (command == cut_in) break;
            REQUIRE(carry_out(device, update.activity, command));
        }
        disk.become_read_only();
        CHECK_FALSE(carry_out(device, update.activity, cut_in));
        CHECK_THAT(failure_told(device.probe.await(update.activity, word + "_FAILURE")),
                   ContainsSubstring(kReadOnly));
        CHECK(carry_out(device, update.activity, "CLEANUP"));
        CHECK(await_end(device, update.activity) == "INCOMPLETE");
        const auto cut = sets.aftermath(update.activity, TwoSets::Records::MayBeOld);
        CHECK(cut == "");
        CHECK(set_on(device) == before);

        const auto refused = "refused-in-" + cut_in;
        device.probe.desire(desired_state(refused, {{"web", kSleeper}}));
        CHECK_THAT(device.probe.await(refused, "IDENTIFICATION_FAILED").message,
                   ContainsSubstring(kReadOnly));
        CHECK(device.daemon.running());

        device.daemon.kill();
        disk.repair();
        device.start();
        const auto next = sets.next();
        device.probe.desire(next.message);
        device.probe.await(next.activity, "COMPLETED");
        const auto afterwards = sets.aftermath(next.activity);
        CHECK(afterwards == "");
        good += cut.empty() && afterwards.empty() ? 1 : 0;
    }
    tell("data folder read-only in each phase", good, static_cast<long>(phases.size()));
    device.daemon.stop();  // before its disk goes
}

TEST_CASE("berthd is killed in an update and starts on a disk that can only be read: the old set runs",
          "[.][field][UA-71]") {
    Device device(Device::Unstarted{}, {{"update_agent.parallel", "1"}});
    const SmallDisk disk(device.daemon.home());
    device.start();
    TwoSets sets(device);
    const auto before = set_on(device);
    const auto update = sets.next();
    device.probe.desire(stamped(update.message));
    device.probe.await(update.activity, "IDENTIFIED");
    REQUIRE(carry_out(device, update.activity, "DOWNLOAD"));
    REQUIRE(carry_out(device, update.activity, "UPDATE"));
    device.daemon.kill();
    disk.mount_again("ro");
    device.start();
    CHECK_FALSE(carry_out(device, update.activity, "ACTIVATE"));
    CHECK_THAT(failure_told(device.probe.await(update.activity, "ACTIVATION_FAILURE")),
               ContainsSubstring(kReadOnly));
    CHECK(carry_out(device, update.activity, "CLEANUP"));
    CHECK(await_end(device, update.activity) == "INCOMPLETE");
    CHECK(sets.aftermath(update.activity, TwoSets::Records::MayBeOld) == "");
    CHECK(set_on(device) == before);

    disk.mount_again("rw");
    const auto next = sets.next();
    device.probe.desire(next.message);
    device.probe.await(next.activity, "COMPLETED");
    CHECK(sets.aftermath(next.activity) == "");
    device.daemon.stop();  // before its disk goes
}

TEST_CASE("an engine that has no room for the rest of a pull: the cause is told, the old set runs",
          "[.][field][UA-38][UA-54]") {
    constexpr std::uintmax_t kHalfAnImage{6'000'000};
    const OwnLab own({"--data-size", "1G"});
    Site site(own.lab(), {{"update_agent.parallel", "1"}});
    auto& device = site.device;
    device.start();
    device.deploy("before", {{"web", kSleeper}, {"db", kSleeper}});
    const auto before = set_on(device);
    const auto networks = networks_on(device);
    const std::vector<Component> components = {{"web", "berth-test/sleeper:2"},
                                               {"big", device.lab.registry() + "/layers:1"}};
    {
        site.proxy.spoil(FaultProxy::Verb::Pull, FaultProxy::Fault::HoldRequest);
        device.probe.desire(desired_state("full", components));
        REQUIRE(eventually([&] { return site.proxy.has_struck(); }));
        const Filler filler(device.lab.data(), kHalfAnImage);
        site.proxy.go_on();
        const auto failed = device.probe.await("full", "DOWNLOAD_FAILURE");
        CHECK(failed.action("web").status == "DOWNLOAD_SUCCESS");
        CHECK_THAT(failed.action("big").message,
                   ContainsSubstring("component big") && ContainsSubstring(kNoRoom));
        device.probe.await("full", "INCOMPLETE");
        CHECK(set_on(device) == before);
        CHECK(left_at_last_on(device, before, networks) == "");
    }
    device.deploy("room", components);
    CHECK(device.containers() == Names{"big", "web"});
}
