// The way to the broker: not there yet, gone for a while, behind TLS.
#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "test/e2e/device.hpp"
#include "test/support/catch.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

bool is_initial(const InventorySaid& said) {
    return said.activity.starts_with("initial-current-state-");
}

std::vector<std::string> without_repetition(std::vector<FeedbackSaid> all) {
    std::vector<std::string> words;
    std::int64_t last = 0;
    for (const auto& said : all) {
        // QoS 1: what was under way when the connection broke may come twice.
        if (!words.empty() && words.back() == said.status && said.timestamp == last) continue;
        words.push_back(said.status);
        last = said.timestamp;
    }
    return words;
}

}  // namespace

TEST_CASE("a broker that comes late is found", "[UA-06][UA-59][e2e]") {
    Device device(Device::Unstarted{}, {});
    device.broker.stop();
    device.daemon.start();
    REQUIRE(device.daemon.logs(device.broker.url() + ": Connection refused"));
    device.broker.start();  // at once: between two attempts there are up to 30 s after a while
    const auto initial = device.probe.await_inventory(is_initial);
    CHECK(initial.retained);
    REQUIRE(device.daemon.logs("the engine has "));
    CHECK(initial.activity.size() == std::string("initial-current-state-1718000000000").size());
    device.deploy("late", {{"web", kSleeper}});
    CHECK(device.engine.state("web") == "running");
}

TEST_CASE("a broker that restarts loses nothing of an update under way", "[UA-06][e2e]") {
    Device device({{"update_agent.parallel", "1"}});
    device.deploy("before", {{"web", "berth-test/stubborn:1"}});
    const auto first = device.probe.await_inventory(is_initial).activity;

    device.probe.desire(desired_state("during", {{"web", kSleeper}}));
    device.probe.await("during", "UPDATING");  // takes two seconds: the old one ignores its signal
    device.broker.stop();
    REQUIRE(device.daemon.logs("activity 'during': COMPLETED"));
    device.broker.start();
    device.probe.await("during", "COMPLETED");
    CHECK(without_repetition(device.probe.feedback("during")) ==
          std::vector<std::string>{"IDENTIFYING", "IDENTIFIED", "DOWNLOADING", "DOWNLOAD_SUCCESS", "UPDATING",
                                   "UPDATE_SUCCESS", "ACTIVATING", "ACTIVATION_SUCCESS", "CLEANUP_SUCCESS",
                                   "COMPLETED"});
    // Of the start there may be two: before and after the engine's first list.
    const auto again = device.probe.await_inventory([&](const auto& said) {
        return is_initial(said) && said.activity != first && !said.names().empty();
    });
    CHECK(again.node("web").version == "1");
    device.deploy("after", {});
}

TEST_CASE("the end of an update that no broker heard outlives berthd, however much was said",
          "[BX-15][UA-57][e2e]") {
    Device device({{"update_agent.parallel", "1"}});
    std::vector<Component> components;
    for (const std::string name : {"a", "b", "c", "d", "e", "f"})
        components.push_back({name, kSleeper, {}, std::string(6000, '.')});  // a version, told each time
    device.probe.desire(desired_state("flood", components));
    device.probe.await("flood", "IDENTIFIED");
    device.broker.stop();
    REQUIRE(device.daemon.logs("activity 'flood': COMPLETED"));
    device.daemon.stop();
    device.daemon.start();
    REQUIRE(device.daemon.logs("the engine has "));
    device.broker.start();
    device.probe.await("flood", "COMPLETED");
    std::set<std::int64_t> known;  // QoS 1: some may come twice
    for (const auto& said : device.probe.feedback("flood")) {
        if (known.contains(said.timestamp)) continue;
        CHECK((known.empty() || said.timestamp > *known.rbegin()));
        known.insert(said.timestamp);
    }
    CHECK(device.probe.feedback("flood").back().status == "COMPLETED");
    CHECK(device.containers().size() == 6);
}

TEST_CASE("a broker that wants a certificate gets it, and without one nobody talks to Berth",
          "[UA-59][e2e]") {
    const Certificates certificates;
    Broker::Options options{};
    options.certificates = &certificates;
    options.require_certificate = true;
    Broker secure(options);
    secure.start();
    MqttProbe probe(secure);
    Device device(Device::Unstarted{}, {{"mqtt.url", Daemon::quoted(secure.url())},
                                        {"mqtt.tls.ca_file", Daemon::quoted(certificates.ca())}});
    device.daemon.start();
    REQUIRE(eventually(
        [&] { return secure.log().find("peer did not return a certificate") != std::string::npos; }));
    REQUIRE(device.daemon.logs("certificate"));
    device.daemon.stop();
    CHECK(probe.inventories().empty());

    device.daemon.set("mqtt.tls.cert_file", Daemon::quoted(certificates.client()));
    device.daemon.set("mqtt.tls.key_file", Daemon::quoted(certificates.client_key()));
    device.daemon.start();
    probe.await_inventory(is_initial);
    REQUIRE(device.daemon.logs("the engine has "));
    probe.desire(desired_state("safe", {{"web", kSleeper}}));
    probe.await("safe", "COMPLETED");
    CHECK(device.engine.state("web") == "running");
}
