// The client library's sending thread is seen to wake: the kernel counts how often it went to sleep.
#include "service/paho_bell.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include "service/mqtt_link.hpp"
#include "test/support/catch.hpp"
#include "test/support/fake_broker.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using namespace berth::service;
using namespace berth::test;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

// How often the thread of that name has waited for something; -1: there is none.
long waits_of_thread(const std::string& name) {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string word;
        std::getline(std::ifstream(task.path() / "comm"), word);
        if (word != name) continue;
        std::ifstream status(task.path() / "status");
        while (status >> word)
            if (word == "voluntary_ctxt_switches:" && status >> word) return std::stol(word);
    }
    return -1;
}

long waits_of_sender() {
    return waits_of_thread("MQTTAsync_send");
}

struct Line {
    FakeBroker broker{{.acknowledge_publications = false}};
    Loop loop;
    Router router;
    Inbox inbox{loop, router};
    MqttLink link;

    Line() : link(loop, inbox, router, config_for(broker)) {
        router.add({{"in", [](const Message&) {}, {}}});
        REQUIRE(link.start());
        REQUIRE(run_until(loop, [this] { return link.is_ready(); }));
    }

    static MqttConfig config_for(const FakeBroker& broker) {
        MqttConfig config;
        config.url = broker.url();
        return config;
    }
};

}  // namespace

// By itself that thread wakes once a second.
TEST_CASE("the bell wakes the client library's sending thread every time", "[service]") {
    Line line;
    PahoBell bell;
    REQUIRE(waits_of_sender() > 0);
    const auto begin = Clock::now();
    for (int i = 0; i < 20; ++i) {
        const auto before = waits_of_sender();
        bell.ring();
        REQUIRE(eventually([&] { return waits_of_sender() > before; }));
    }
    CHECK(Clock::now() - begin < 10s);
}

TEST_CASE("the bell is rung for what is not acknowledged, ever more seldom", "[service]") {
    Line line;
    line.link.publish({.topic = "out", .payload = "one"});
    REQUIRE(run_until(line.loop, [&] { return line.broker.publications().size() == 1; }));
    const auto begin = Clock::now();
    const auto before = waits_of_sender();
    REQUIRE(run_until(line.loop, [&] { return waits_of_sender() >= before + 6; }));
    CHECK(Clock::now() - begin < 4s);
    // Every 10 ms would be hundreds; it also waits where it is in another thread's way.
    const auto later = waits_of_sender();
    CHECK_FALSE(run_until(line.loop, [&] { return waits_of_sender() >= later + 100; }, 2s));
}
