// The engine does its work, and what it says about that gets lost, is cut off, wrong, late, or full of what
// nobody knows.
#include "test/fault/on_device.hpp"
#include "test/fault/site.hpp"
#include "test/support/catch.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

using Verb = FaultProxy::Verb;
using Fault = FaultProxy::Fault;

constexpr std::chrono::seconds kUntilGivenUp{200};  // a call may take 120 s

struct Spoilt {
    std::string name{};
    Verb verb{};  // the first one of an update
    Fault fault{};
    std::string end{};
};

// A lost answer is asked for again. A refusal counts, though the work was done; but a name is looked at, and
// what was replaced may as well stay.
std::vector<Spoilt> spoilt() {
    const std::vector<std::pair<std::string, Verb>> verbs = {{"create", Verb::Create},
                                                             {"start", Verb::Start},
                                                             {"stop", Verb::Stop},
                                                             {"rename", Verb::Rename},
                                                             {"remove", Verb::Remove}};
    std::vector<Spoilt> all;
    for (const auto& [name, verb] : verbs) {
        const bool refusal_counts = verb != Verb::Rename && verb != Verb::Remove;
        all.push_back({name + " is never heard", verb, Fault::HoldRequest, "COMPLETED"});
        all.push_back({name + " is not answered", verb, Fault::HoldAnswer, "COMPLETED"});
        all.push_back({name + " is answered by half", verb, Fault::CutAnswer, "COMPLETED"});
        all.push_back(
            {name + " is refused", verb, Fault::Refuse, refusal_counts ? "INCOMPLETE" : "COMPLETED"});
    }
    return all;
}

bool is_held(Fault fault) {
    return fault == Fault::HoldRequest || fault == Fault::HoldAnswer;
}

std::string update_with(Site& site, TwoSets& sets, const Spoilt& what) {
    const auto update = sets.next();
    site.proxy.spoil(what.verb, what.fault);
    site.device.probe.desire(update.message);
    if (!eventually([&] { return site.proxy.has_struck(); })) return "the engine was not asked for it";
    if (is_held(what.fault)) {
        site.device.probe.ask("while-" + update.activity);  // an engine that hangs keeps no answer waiting
        site.proxy.cut();
    }
    const auto end = await_end(site.device, update.activity);
    const auto wrong = sets.aftermath(update.activity);
    return end == what.end ? wrong : "it ended " + end + "; " + wrong;
}

}  // namespace

TEST_CASE("an answer that is cut off is asked for again, a refusal leads back to the old set",
          "[fault][field][UA-54]") {
    Site site(Lab(), {{"update_agent.parallel", "1"}});
    auto& device = site.device;
    device.start();
    const auto networks = networks_on(device);
    device.deploy("before", {{"web", kSleeper}});
    site.proxy.spoil(Verb::Create, Fault::CutAnswer);
    device.deploy("cut", {{"web", "berth-test/sleeper:2"}});
    CHECK(site.proxy.has_struck());
    const auto second = set_on(device);

    site.proxy.spoil(Verb::Start, Fault::Refuse);
    device.probe.desire(desired_state("refused", {{"web", "berth-test/sleeper:3"}}));
    CHECK_THAT(device.probe.await("refused", "INCOMPLETE").action("web").message,
               ContainsSubstring("spoilt by a test"));
    CHECK(set_on(device) == second);
    CHECK(second.size() == 1);
    CHECK(left_at_last_on(device, second, networks) == "");
}

TEST_CASE("whatever is wrong with an answer, the update ends with the right set", "[.][field][UA-54]") {
    Site site(Lab(), {{"update_agent.parallel", "1"}});
    site.device.start();
    TwoSets sets(site.device);
    const auto all = spoilt();
    long good = 0;
    for (const auto& what : all) {
        const auto wrong = update_with(site, sets, what);
        INFO(what.name);
        CHECK(wrong == "");
        good += wrong.empty() ? 1 : 0;
    }
    tell("spoilt answers", good, static_cast<long>(all.size()));
}

TEST_CASE("answers full of what nobody knows are read all the same", "[.][field]") {
    Site site(Lab(), {{"update_agent.parallel", "1"}});
    site.device.start();
    TwoSets sets(site.device);
    site.proxy.embellish(true);
    site.device.restart();  // it connects and lists through them, too
    const auto update = sets.next();
    site.device.probe.desire(update.message);
    CHECK(await_end(site.device, update.activity) == "COMPLETED");
    CHECK(sets.aftermath(update.activity) == "");
    for (const auto verb : {Verb::Create, Verb::Start, Verb::Stop, Verb::Rename, Verb::Remove})
        CHECK(site.proxy.has_embellished(verb));
}

TEST_CASE("a create that the engine never answers is given up, and what it made is found and removed",
          "[.][field][UA-38]") {
    Site site(Lab(), {{"update_agent.parallel", "1"}});
    site.device.start();
    TwoSets sets(site.device);
    const auto update = sets.next();
    site.proxy.spoil(Verb::Create, Fault::HoldAnswer);
    site.device.probe.desire(update.message);
    REQUIRE(eventually([&] { return has_ended(site.device, update.activity); }, kUntilGivenUp));
    CHECK(await_end(site.device, update.activity) == "INCOMPLETE");
    site.proxy.cut();
    CHECK(sets.aftermath(update.activity) == "");
}
