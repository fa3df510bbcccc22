// The link against real Mosquitto brokers, and against one that misbehaves.
#include "service/mqtt_link.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <regex>

#include "service/broker_probe.hpp"
#include "service/message_inbox.hpp"
#include "test/support/broker.hpp"
#include "test/support/captured_log.hpp"
#include "test/support/catch.hpp"
#include "test/support/fake_broker.hpp"
#include "test/support/slow_lookup.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using namespace berth::service;
using namespace berth::test;
using namespace std::chrono_literals;

namespace {

// A link with the loop it runs on; what arrives on the filters is kept.
struct Daemon {
    Loop loop;
    Router router;
    Inbox inbox{loop, router};
    std::vector<Message> received;
    int ready{0};
    MqttLink link;

    explicit Daemon(const MqttConfig& config, const std::vector<std::string>& filters = {"in/#", "other"})
        : link(loop, inbox, router, config) {
        for (const auto& filter : filters)
            router.add({{filter, [this](const Message& message) { received.push_back(message); }, {}}});
        link.on_ready([this] { ++ready; });
    }

    bool until(const std::function<bool()>& condition) { return run_until(loop, condition); }
    bool start_and_wait() {
        return link.start() && until([this] { return link.is_ready(); });
    }
    bool until_sent() {
        return until([this] { return link.outbox().waiting() + link.outbox().in_flight() == 0; });
    }
    void publish(const std::string& topic, const std::string& payload) {
        link.publish({.topic = topic, .payload = payload});
    }
};

MqttConfig config_for(const std::string& url) {
    MqttConfig config;
    config.url = url;
    return config;
}

MqttConfig config_for(const Broker& broker) {
    return config_for(broker.url());
}

std::vector<std::string> numbers(int from, int to) {
    std::vector<std::string> texts;
    for (int i = from; i < to; ++i)
        texts.push_back(std::to_string(i));
    return texts;
}

std::vector<Publication> publications(int from, int to) {
    std::vector<Publication> all;
    for (const auto& text : numbers(from, to))
        all.push_back({.topic = "out", .payload = text});
    return all;
}

}  // namespace

TEST_CASE("quality of service and retain flag of a publication reach the broker", "[service]") {
    Broker broker;
    broker.start();
    const Subscriber live(broker, "out/#");
    Daemon daemon(config_for(broker));
    REQUIRE(daemon.start_and_wait());
    daemon.link.publish({.topic = "out/state", .payload = "state", .qos = 1, .retain = true});
    daemon.link.publish({.topic = "out/feedback", .payload = "feedback", .qos = 1, .retain = false});
    daemon.link.publish({.topic = "out/metrics", .payload = "metrics", .qos = 0, .retain = false});
    REQUIRE(daemon.until_sent());
    REQUIRE(eventually([&] { return live.received().size() == 3; }));
    for (const auto& message : live.received())
        CHECK(message.qos == (message.payload == "metrics" ? 0 : 1));
    const Subscriber late(broker, "out/#");
    REQUIRE(eventually([&] { return !late.received().empty(); }));
    CHECK(late.payloads() == std::vector<std::string>{"state"});
    CHECK(late.received().front().retained);
}

TEST_CASE("modules may speak when the subscriptions are acknowledged, not before", "[UA-06][service]") {
    FakeBroker broker({.acknowledge_subscriptions = false});
    Daemon daemon(config_for(broker.url()));
    daemon.link.on_ready([&daemon] { daemon.publish("out", "initial"); });
    daemon.publish("out", "early");
    REQUIRE(daemon.link.start());
    REQUIRE(daemon.until([&] { return broker.subscribes() == 1; }));
    CHECK(daemon.ready == 0);
    CHECK(broker.publications().empty());
    broker.acknowledge_subscriptions();
    REQUIRE(daemon.until([&] { return broker.publications().size() == 2; }));
    CHECK(broker.publications() == std::vector<std::string>{"early", "initial"});
    CHECK(broker.subscribes() == 1);  // all filters in one packet
    CHECK(daemon.ready == 1);
}

TEST_CASE("what is said after the end arrives in order, and nothing comes over its connection",
          "[TW-13][service]") {
    for (const auto session_expiry : {0ms, 60'000ms}) {
        Broker broker;
        broker.start();
        const Subscriber live(broker, "out");
        auto config = config_for(broker);
        config.client_id = "truck";
        config.session_expiry = session_expiry;
        Daemon daemon(config);
        REQUIRE(daemon.start_and_wait());
        daemon.link.stop();
        broker.publish("in/1", "for the next start", {"-q", "1"});
        daemon.link.say_last(publications(0, 150));  // more than are under way at once
        REQUIRE(eventually([&] { return live.received().size() == 150; }));
        CHECK(live.payloads() == numbers(0, 150));

        Daemon next(config);
        REQUIRE(next.start_and_wait());
        if (session_expiry > 0ms) CHECK(next.until([&] { return next.received.size() == 1; }));
    }
}

TEST_CASE("a broker that takes nothing said after the end is waited for no longer than that",
          "[TW-13][service]") {
    FakeBroker broker({.acknowledge_publications = false});
    const CapturedLog log;
    Daemon daemon(config_for(broker.url()));
    REQUIRE(daemon.start_and_wait());
    daemon.link.stop();
    daemon.link.say_last({{.topic = "out", .payload = "1"}});
    CHECK(broker.publications() == std::vector<std::string>{"1"});
    CHECK(log.contains("stopped containers may be shown as running until the next start: no answer"));
}

TEST_CASE("one of the last words that the broker refuses does not keep back the others", "[TW-13][service]") {
    FakeBroker broker({.no_room_for = "1"});
    const CapturedLog log;
    auto config = config_for(broker.url());
    config.client_id = "truck";
    config.session_expiry = 60'000ms;
    Daemon daemon(config);
    REQUIRE(daemon.start_and_wait());
    daemon.link.stop();
    daemon.link.say_last(publications(0, 100));
    CHECK(broker.publications() == numbers(0, 100));
    CHECK(broker.client_ids() == std::vector<std::string>{"truck", "truck-ending"});
    constexpr int kCleanStart = 2;
    CHECK((broker.connect_flags()[0] & kCleanStart) == 0);
    CHECK((broker.connect_flags()[1] & kCleanStart) != 0);  // leaves no session behind
    CHECK(log.contains("until the next start: the broker refuses some of it: quota exceeded"));
}

TEST_CASE("a connection that breaks once the last words have arrived is no trouble", "[TW-13][service]") {
    FakeBroker broker({.last_publication = "99"});
    const CapturedLog log;
    Daemon daemon(config_for(broker.url()));
    REQUIRE(daemon.start_and_wait());
    daemon.link.stop();
    daemon.link.say_last(publications(0, 100));
    CHECK(broker.publications() == numbers(0, 100));
    CHECK_FALSE(log.contains("warning"));
}

TEST_CASE("a name look-up that hangs as the last words are said does not keep the end",
          "[TW-13][.left-behind][service]") {
    FakeBroker broker({});
    const CapturedLog log;
    Daemon daemon(config_for(broker.url()));
    REQUIRE(daemon.start_and_wait());
    daemon.link.stop();
    const SlowLookup slow;
    daemon.link.say_last({{.topic = "out", .payload = "1"}});  // comes back
    CHECK(broker.publications().empty());
    CHECK(log.contains("is left behind"));
    CHECK(log.contains("stopped containers may be shown as running until the next start: no answer"));
}

TEST_CASE("that a connection begins is told, also after one that was never ready", "[service]") {
    FakeBroker broker({.acknowledge_subscriptions = false});
    std::vector<std::string> told;
    Daemon daemon(config_for(broker.url()));
    daemon.link.on_connected([&told] { told.emplace_back("connected"); });
    daemon.link.on_ready([&told] { told.emplace_back("ready"); });
    daemon.link.on_lost([&told] { told.emplace_back("lost"); });
    REQUIRE(daemon.link.start());
    REQUIRE(daemon.until([&] { return broker.subscribes() == 1; }));
    broker.throw_out(139);
    REQUIRE(daemon.until([&] { return broker.subscribes() == 2; }));
    broker.acknowledge_subscriptions();
    REQUIRE(daemon.until([&] { return daemon.ready == 1; }));
    CHECK(told == std::vector<std::string>{"connected", "connected", "ready"});
}

TEST_CASE("what is subscribed later counts until it is unsubscribed or the connection is lost", "[service]") {
    Broker broker;
    broker.start();
    Daemon daemon(config_for(broker));
    int lost = 0;
    daemon.link.on_lost([&lost] { ++lost; });
    Route commands{"command/#", [&daemon](const Message& m) { daemon.received.push_back(m); }, {}};
    commands.on_demand = true;
    daemon.router.add({commands});
    REQUIRE(daemon.start_and_wait());
    const auto hears = [&](const std::string& payload) {
        broker.publish("command/x", payload, {"-q", "1"});
        broker.publish("other", "end " + payload);
        if (!daemon.until([&] {
                return !daemon.received.empty() && daemon.received.back().payload == "end " + payload;
            }))
            return false;
        return std::any_of(daemon.received.begin(), daemon.received.end(),
                           [&](const Message& m) { return m.payload == payload; });
    };
    CHECK_FALSE(hears("too early"));
    daemon.link.subscribe("command/#");
    REQUIRE(eventually([&] { return hears("wanted"); }));
    daemon.link.unsubscribe("command/#");
    REQUIRE(eventually([&] { return !hears("too late " + std::to_string(daemon.received.size())); }));
    daemon.link.subscribe("command/#");
    CHECK(lost == 0);
    broker.stop();
    REQUIRE(daemon.until([&] { return lost == 1; }));
    broker.start();
    REQUIRE(daemon.until([&] { return daemon.ready == 2; }));
    CHECK_FALSE(hears("nobody asked for this"));
}

TEST_CASE("a missing acknowledgement of the subscriptions ends the connection", "[service]") {
    FakeBroker broker({.acknowledge_subscriptions = false});
    auto config = config_for(broker.url());
    config.subscribe_timeout = 200ms;
    const CapturedLog log;
    Daemon daemon(config);
    REQUIRE(daemon.link.start());
    REQUIRE(daemon.until([&] { return broker.subscribes() == 2; }));
    CHECK(log.contains("does not acknowledge our subscriptions"));
    broker.acknowledge_subscriptions();
    CHECK(daemon.until([&] { return daemon.link.is_ready(); }));
}

TEST_CASE("messages arrive with what MQTT 5 adds to them", "[service]") {
    Broker broker;
    broker.start();
    broker.publish("in/kept", "old", {"-r"});
    Daemon daemon(config_for(broker));
    REQUIRE(daemon.start_and_wait());
    broker.publish(
        "in/request", "hello",
        {"-D", "publish", "response-topic", "answers/1", "-D", "publish", "correlation-data", "c1"});
    broker.publish("elsewhere", "not for us");
    broker.publish("other", "last");
    REQUIRE(daemon.until([&] { return daemon.received.size() == 3; }));
    CHECK(daemon.received[0].payload == "old");
    CHECK(daemon.received[0].retained);
    CHECK(daemon.received[1].topic == "in/request");
    CHECK(daemon.received[1].payload == "hello");
    CHECK_FALSE(daemon.received[1].retained);
    CHECK(daemon.received[1].response_topic == "answers/1");
    CHECK(daemon.received[1].correlation_data == "c1");
    CHECK(daemon.received[2].payload == "last");
}

TEST_CASE("2 MiB go out and come in", "[service]") {
    Broker broker;
    broker.start();
    Daemon daemon(config_for(broker));
    REQUIRE(daemon.start_and_wait());
    std::string large(2 * 1024 * 1024, 'x');
    for (std::size_t i = 0; i < large.size(); i += 1000)
        large[i] = static_cast<char>('a' + i / 1000 % 26);
    daemon.publish("in/own", large);
    broker.publish("in/peer", large);
    REQUIRE(daemon.until([&] { return daemon.received.size() == 2; }));
    CHECK((daemon.received[0].payload == large));  // no 2 MiB in the report
    CHECK((daemon.received[1].payload == large));
}

TEST_CASE("small messages are sent without delay", "[service]") {
    Broker broker;
    broker.start();
    Daemon daemon(config_for(broker));
    REQUIRE(daemon.start_and_wait());
    int found = 0;
    for (int fd = 0; fd < 1024; ++fd) {
        sockaddr_in peer{};
        socklen_t length = sizeof peer;
        if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0 ||
            ntohs(peer.sin_port) != broker.port())
            continue;
        int on = 0;
        length = sizeof on;
        getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &length);
        CHECK(on == 1);
        ++found;
    }
    CHECK(found == 1);
}

TEST_CASE("a broker that is absent at first is found when it appears", "[service]") {
    Broker broker;
    const CapturedLog log;
    Daemon daemon(config_for(broker));
    for (const auto& text : numbers(0, 100))
        daemon.publish("out", text);
    REQUIRE(daemon.link.start());
    REQUIRE(daemon.until([&] { return log.count("Connection refused") >= 2; }));
    CHECK(log.count("warning: ") == 1);  // then it is quiet
    CHECK_FALSE(daemon.link.is_ready());
    broker.start();
    const Subscriber subscriber(broker, "out");
    REQUIRE(daemon.until([&] { return daemon.link.is_ready(); }));
    REQUIRE(daemon.until([&] { return subscriber.received().size() >= 100; }));
    CHECK(subscriber.payloads() == numbers(0, 100));
}

TEST_CASE("after a broker's restart everything is as before and nothing is lost", "[TW-03][service]") {
    Broker broker;
    broker.start();
    Daemon daemon(config_for(broker));
    REQUIRE(daemon.start_and_wait());
    const bool orderly = GENERATE(true, false);
    if (orderly) {
        broker.stop();
    } else {
        broker.kill();
    }
    for (const auto& text : numbers(0, 200))
        daemon.publish("out", text);
    REQUIRE(daemon.until([&] { return !daemon.link.is_ready(); }));
    for (const auto& text : numbers(200, 300))
        daemon.publish("out", text);
    broker.start();
    auto subscriber = std::make_unique<Subscriber>(broker, "out");
    REQUIRE(daemon.until([&] { return daemon.link.is_ready(); }));
    CHECK(daemon.ready == 2);
    REQUIRE(daemon.until([&] { return subscriber->received().size() >= 300; }));
    CHECK(subscriber->payloads() == numbers(0, 300));
    broker.publish("in/x", "again");
    CHECK(daemon.until([&] { return !daemon.received.empty(); }));
}

TEST_CASE("feedback passes through a flood while the broker is away, and what had to go is counted",
          "[BX-15][service]") {
    Broker broker;
    broker.start();
    Daemon daemon(config_for(broker));
    REQUIRE(daemon.start_and_wait());
    broker.stop();
    REQUIRE(daemon.until([&] { return !daemon.link.is_ready(); }));
    const std::string large(8 * 1024, 'm');
    for (const auto& text : numbers(0, 200)) {
        daemon.publish("out", text);
        for (const auto importance : {Importance::Twin, Importance::Metrics})
            for (int more = 0; more < 5; ++more)
                daemon.link.publish({.topic = "flood", .payload = large, .importance = importance});
        daemon.link.publish({.topic = "state",
                             .payload = text,
                             .importance = Importance::CurrentState,
                             .newest_wins = "state"});
    }
    // 16 MiB into 4: metrics go first, nothing that is more important goes for them.
    CHECK(daemon.link.dropped(Importance::Metrics) == 1000);
    CHECK(daemon.link.dropped(Importance::Twin) > 400);
    CHECK(daemon.link.dropped(Importance::CurrentState) == 0);
    CHECK(daemon.link.dropped(Importance::Feedback) == 0);
    broker.start();
    const Subscriber subscriber(broker, "out");
    const Subscriber states(broker, "state");
    REQUIRE(daemon.until_sent());
    REQUIRE(eventually([&] { return subscriber.received().size() >= 200 && !states.received().empty(); }));
    CHECK(subscriber.payloads() == numbers(0, 200));
    CHECK(states.payloads() == std::vector<std::string>{numbers(0, 200).back()});
}

TEST_CASE("feedback passes through a flood in order", "[BX-15][service]") {
    Broker broker;
    broker.start();
    const Subscriber subscriber(broker, "out");
    Daemon daemon(config_for(broker));
    REQUIRE(daemon.start_and_wait());
    const std::string large(8 * 1024, 'm');
    for (const auto& text : numbers(0, 200)) {
        daemon.publish("out", text);
        daemon.link.publish({.topic = "out/progress", .payload = large, .progress_only = true});
        for (int more = 0; more < 5; ++more)
            daemon.link.publish({.topic = "metrics", .payload = large, .importance = Importance::Metrics});
    }
    CHECK(daemon.link.outbox().in_flight() <= 32);
    REQUIRE(daemon.until_sent());
    REQUIRE(eventually([&] { return subscriber.received().size() >= 200; }));
    CHECK(subscriber.payloads() == numbers(0, 200));
    CHECK(daemon.link.outbox().dropped(Importance::Metrics) > 0);
}

TEST_CASE("a broker that acknowledges nothing gets the window and no more", "[BX-15][service]") {
    FakeBroker broker({.acknowledge_publications = false});
    auto config = config_for(broker.url());
    config.ack_timeout = 100ms;
    const CapturedLog log;
    Daemon daemon(config);
    REQUIRE(daemon.start_and_wait());
    for (const auto& text : numbers(0, 40))
        daemon.publish("out", text);
    REQUIRE(daemon.until([&] { return log.contains("has acknowledged none of 32 messages"); }));
    REQUIRE(daemon.until([&] { return broker.publications().size() >= 32; }));
    CHECK(broker.publications() == numbers(0, 32));
}

TEST_CASE("what a full broker refuses keeps its place before what it has taken", "[BX-15][service]") {
    FakeBroker broker({.no_room_for = "1"});
    Daemon daemon(config_for(broker.url()));
    for (const auto& text : numbers(0, 4))
        daemon.publish("out", text);
    REQUIRE(daemon.start_and_wait());
    daemon.publish("out", "4");
    REQUIRE(daemon.until_sent());
    const auto all = broker.publications();
    REQUIRE(all.size() >= 4);
    CHECK(std::vector(all.end() - 4, all.end()) == numbers(1, 5));
    CHECK(daemon.link.dropped(Importance::Feedback) == 0);
}

TEST_CASE("a message that the broker ends the connection for is not sent for ever", "[service]") {
    FakeBroker broker({.acknowledge_publications = false});
    const CapturedLog log;
    Daemon daemon(config_for(broker.url()));
    REQUIRE(daemon.start_and_wait());
    daemon.publish("out", "1");
    daemon.publish("out", std::string(5000, 'x'));
    daemon.publish("out", "2");
    REQUIRE(daemon.until([&] { return broker.publications().size() == 3; }));
    broker.throw_out(149);
    REQUIRE(daemon.until([&] { return daemon.ready == 2; }));
    REQUIRE(daemon.until([&] { return broker.publications().size() == 5; }));
    CHECK(broker.publications()[3] == "1");
    CHECK(broker.publications()[4] == "2");
    CHECK(log.contains("the broker takes no message as large as the 5000 bytes on 'out': dropped"));
}

TEST_CASE("what is said with every connection and is too large for the broker ends only the first",
          "[service]") {
    FakeBroker broker({.largest_publication = 4000});
    const CapturedLog log;
    Daemon daemon(config_for(broker.url()));
    daemon.link.on_ready([&] {
        daemon.publish("out", std::string(5000, 'x'));
        daemon.publish("out", "after it " + std::to_string(daemon.ready));
    });
    REQUIRE(daemon.link.start());
    const auto got = [&](const std::string& text) {
        const auto all = broker.publications();
        return std::find(all.begin(), all.end(), text) != all.end();
    };
    REQUIRE(daemon.until([&] { return daemon.ready == 2 && got("after it 2"); }));
    CHECK(broker.connects().size() == 2);
    CHECK(log.count("the broker takes no message as large as the 5000 bytes") == 1);
    CHECK(daemon.until_sent());
}

TEST_CASE("a broker that names the take-over is believed at once", "[service]") {
    FakeBroker broker({});
    auto config = config_for(broker.url());
    config.client_id = "the-device";
    const CapturedLog log;
    Daemon daemon(config);
    REQUIRE(daemon.start_and_wait());
    broker.throw_out(142);
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(daemon.until([&] { return daemon.ready == 2; }));
    CHECK(log.contains("warning: ANOTHER CLIENT CONNECTS WITH OUR CLIENT ID 'the-device'"));
    CHECK(std::chrono::steady_clock::now() - start > 4s);  // no fight
}

TEST_CASE("after three take-overs within a minute it goes on with a suffix", "[UA-72][service]") {
    FakeBroker broker({});
    auto config = config_for(broker.url());
    config.client_id = "the-device";
    const CapturedLog log;
    Daemon daemon(config);
    REQUIRE(daemon.start_and_wait());
    for (int times = 1; times <= 3; ++times) {
        CHECK(broker.client_ids().back() == "the-device");
        broker.throw_out(142);
        REQUIRE(daemon.until([&] { return daemon.ready == times + 1; }));
    }
    CHECK(log.count("somebody else took client id 'the-device': going on as 'the-device-") == 1);
    CHECK(broker.client_ids().back().starts_with("the-device-"));
}

// Mosquitto 2.0.11 only closes the connection, 2.0.21 says why.
TEST_CASE("another client that keeps taking our client id is named, whatever the broker says", "[service]") {
    Broker broker;
    broker.start();
    auto config = config_for(broker);
    config.client_id = "the-device";
    const CapturedLog log;
    Daemon daemon(config);
    REQUIRE(daemon.start_and_wait());
    const Subscriber thief(broker, "x",
                           {"-V", "5", "-i", "the-device"});  // comes back a second after it lost
    REQUIRE(daemon.until([&] {
        return log.contains("does another client use our client id 'the-device'?") ||
               log.contains("ANOTHER CLIENT CONNECTS WITH OUR CLIENT ID 'the-device'");
    }));
}

TEST_CASE("an empty client id becomes a UUID", "[service]") {
    Broker broker;
    Daemon daemon(config_for(broker));
    Daemon second(config_for(broker));
    CHECK(daemon.link.client_id().size() == 36);
    CHECK(daemon.link.client_id() != second.link.client_id());
}

TEST_CASE("without a name of its own it comes as a random UUID, begins anew and leaves no will",
          "[TW-03][service]") {
    FakeBroker broker({});
    auto config = config_for(broker.url());
    config.version = GENERATE("5", "3.1.1");
    Daemon daemon(config);
    REQUIRE(daemon.start_and_wait());
    constexpr int kCleanSessionAlone = 2;
    CHECK(broker.connect_flags() == std::vector<int>{kCleanSessionAlone});
    const std::regex version_4("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
    CHECK(std::regex_match(broker.client_ids().at(0), version_4));
}

TEST_CASE("every subscription asks for QoS 1", "[TW-04][service]") {
    FakeBroker broker({});
    auto config = config_for(broker.url());
    config.version = GENERATE("5", "3.1.1");
    Daemon daemon(config);
    REQUIRE(daemon.start_and_wait());
    daemon.link.subscribe("command//thing/req/#");
    REQUIRE(daemon.until([&] { return broker.subscribed_qos().size() == 3; }));
    CHECK(broker.subscribed_qos() == std::vector<int>{1, 1, 1});
}

TEST_CASE("with a session that lasts, the broker keeps messages over an absence", "[service]") {
    const TempFolder folder;
    Broker broker({.more = "persistence true\npersistence_location " + folder / "" + "\n"});
    broker.start();
    auto config = config_for(broker);
    config.version = GENERATE("5", "3.1.1");
    config.client_id = "keeper";
    const bool lasts = GENERATE(true, false);
    config.session_expiry = lasts ? 60s : 0s;
    Daemon daemon(config);
    REQUIRE(daemon.start_and_wait());
    broker.stop();
    broker.start();
    broker.publish("in/x", "while away");  // the loop does not run: nobody reconnects yet
    REQUIRE(daemon.until([&] { return daemon.ready == 2; }));
    broker.publish("in/x", "now");
    REQUIRE(
        daemon.until([&] { return !daemon.received.empty() && daemon.received.back().payload == "now"; }));
    CHECK(daemon.received.size() == (lasts ? 2 : 1));
}

TEST_CASE("with a session that lasts, the broker keeps messages for the next berthd", "[service]") {
    Broker broker;
    broker.start();
    auto config = config_for(broker);
    config.version = GENERATE("5", "3.1.1");
    config.client_id = "keeper";
    const bool lasts = GENERATE(true, false);
    config.session_expiry = lasts ? 60s : 0s;
    {
        Daemon stopped(config);
        REQUIRE(stopped.start_and_wait());
        stopped.link.stop();
    }
    broker.publish("in/x", "while away");
    Daemon daemon(config);
    REQUIRE(daemon.start_and_wait());
    broker.publish("in/x", "now");
    REQUIRE(
        daemon.until([&] { return !daemon.received.empty() && daemon.received.back().payload == "now"; }));
    CHECK(daemon.received.size() == (lasts ? 2 : 1));
}

TEST_CASE("with a session that lasts, a message has its file when the broker has its acknowledgement",
          "[UA-73][service]") {
    const TempFolder folder;
    MessageInbox files(folder / "inbox");
    REQUIRE(files.left_over(0).empty());
    const auto count_files = [&folder] {
        return std::distance(std::filesystem::directory_iterator(folder / "inbox"), {});
    };
    Broker broker;
    broker.start();
    auto config = config_for(broker);
    config.version = GENERATE("5", "3.1.1");
    config.client_id = "keeper";
    config.session_expiry = 60s;
    Daemon daemon(config);
    Route kept{"kept",
               [&](const Message& message) {
                   daemon.received.push_back(message);
                   files.done(message.inbox_number);
               },
               {}};
    kept.keep = Keep::Always;
    daemon.router.add({kept});
    daemon.inbox.keep_by(
        [&files](const Message& message, Keep wanted) { return files.keep(message, wanted); });
    REQUIRE(daemon.start_and_wait());
    broker.publish("other", "not kept");
    broker.publish("kept", "a message");
    REQUIRE(eventually([&] {  // the loop does not run
        const std::string acknowledged = "Received PUBACK from keeper";
        const auto log = broker.log();
        return log.find(acknowledged) != log.rfind(acknowledged);
    }));
    CHECK(count_files() == 1);
    CHECK(daemon.received.empty());
    REQUIRE(daemon.until([&] { return daemon.received.size() == 2; }));
    CHECK(daemon.received[0].inbox_number == 0);
    CHECK(daemon.received[1].inbox_number == 1);
    CHECK(count_files() == 0);
}

TEST_CASE("stop unsubscribes and disconnects", "[service]") {
    Broker broker;
    broker.start();
    Daemon daemon(config_for(broker));
    REQUIRE(daemon.start_and_wait());
    daemon.publish("out", "the last word");
    daemon.link.stop();
    daemon.link.stop();
    CHECK_FALSE(daemon.link.is_ready());
    REQUIRE(eventually([&] { return broker.log().find("Received DISCONNECT from") != std::string::npos; }));
    const auto log = broker.log();
    CHECK(log.find("Received UNSUBSCRIBE from") < log.find("Received DISCONNECT from"));
    CHECK_THAT(log, ContainsSubstring("Received PUBLISH from"));
}

TEST_CASE("the end does not wait for a broker that never answered", "[service]") {
    FakeBroker broker({.to_version_5 = FakeBroker::Answer::Silence});
    auto daemon = std::make_unique<Daemon>(config_for(broker.url()));
    REQUIRE(daemon->link.start());
    REQUIRE(daemon->until([&] { return !broker.connects().empty(); }));
    const auto start = std::chrono::steady_clock::now();
    daemon->link.stop();
    daemon.reset();
    CHECK(std::chrono::steady_clock::now() - start < 4500ms);
}

TEST_CASE("the end does not wait for a broker that has fallen silent", "[service]") {
    FakeBroker broker({});
    auto config = config_for(broker.url());
    config.disconnect_timeout = GENERATE(250ms, 60s);
    const bool busy = GENERATE(false, true);
    const CapturedLog log;
    auto daemon = std::make_unique<Daemon>(config);
    REQUIRE(daemon->start_and_wait());
    broker.fall_silent();
    for (int i = 0; busy && i < 3; ++i)
        daemon->publish("out", std::string(1024 * 1024, 'x'));  // more than the socket takes
    const auto start = std::chrono::steady_clock::now();
    daemon->link.stop();
    daemon.reset();
    CHECK(std::chrono::steady_clock::now() - start < 4500ms);
    CHECK(log.contains("the broker does not answer our goodbye"));
    CHECK_FALSE(log.contains("left behind"));
}

TEST_CASE("a connection that the client library refuses is told and tried again", "[service]") {
    FakeBroker broker({});
    auto config = config_for(broker.url());
    config.username = "\xff";  // no UTF-8
    const CapturedLog log;
    Daemon daemon(config);
    REQUIRE(daemon.link.start());
    REQUIRE(daemon.until([&] { return log.count("connecting to broker") == 2; }));
    CHECK(log.contains("connect: MQTT error"));
    CHECK(broker.connects().empty());
}

TEST_CASE("a silent broker is given up after the connect time-out", "[service]") {
    FakeBroker broker({.to_version_5 = FakeBroker::Answer::Silence});
    auto config = config_for(broker.url());
    config.connect_timeout = 1s;
    const CapturedLog log;
    Daemon daemon(config);
    REQUIRE(daemon.link.start());
    REQUIRE(daemon.until([&] { return broker.connects().size() >= 2; }));
    CHECK(log.contains("no answer"));
    CHECK(broker.connects() == std::vector<int>{5, 5});  // silence says nothing about the version
}

TEST_CASE("the version of MQTT falls back to what the broker speaks", "[service]") {
    using Answer = FakeBroker::Answer;
    const auto answer = GENERATE(Answer::RefuseOldCode, Answer::RefuseNewReason, Answer::Close);
    FakeBroker broker({.to_version_5 = answer});
    const CapturedLog log;
    Daemon daemon(config_for(broker.url()));
    REQUIRE(daemon.start_and_wait());
    CHECK(broker.connects() == std::vector<int>{5, 4});
    CHECK(log.count("warning: ") == 0);
    daemon.publish("out", "1");
    CHECK(daemon.until([&] { return broker.publications() == std::vector<std::string>{"1"}; }));
}

TEST_CASE("a pinned version is never left", "[service]") {
    using Answer = FakeBroker::Answer;
    FakeBroker broker({.to_version_5 = Answer::RefuseOldCode, .to_version_311 = Answer::RefuseOldCode});
    auto config = config_for(broker.url());
    config.version = GENERATE("5", "3.1.1");
    const int level = config.version == "5" ? 5 : 4;
    const CapturedLog log;
    Daemon daemon(config);
    REQUIRE(daemon.link.start());
    REQUIRE(daemon.until([&] { return broker.connects().size() >= 2; }));
    CHECK(broker.connects() == std::vector<int>{level, level});
    CHECK(log.contains("this version of MQTT is not supported (1)"));
}

TEST_CASE("a broker that takes 3.1.1 only once it is asked keeps being asked in both", "[service]") {
    using Answer = FakeBroker::Answer;
    FakeBroker broker({.to_version_5 = Answer::Close, .to_version_311 = Answer::Close});
    Daemon daemon(config_for(broker.url()));
    REQUIRE(daemon.link.start());
    REQUIRE(daemon.until([&] { return broker.connects().size() >= 4; }));
    CHECK(broker.connects() == std::vector<int>{5, 4, 5, 4});
}

TEST_CASE("user name and password open the broker, wrong ones are told", "[TW-03][service]") {
    Broker broker({.username = "me", .password = "secret-word"});
    broker.start();
    auto config = config_for(broker);
    config.version = GENERATE("5", "3.1.1");
    config.username = "me";
    config.password = "wrong-word";
    const CapturedLog log;
    {
        Daemon daemon(config);
        REQUIRE(daemon.link.start());
        REQUIRE(daemon.until([&] { return log.contains("the broker refuses the connection"); }));
        CHECK_THAT(log.text(), ContainsSubstring("not authorized"));
    }
    config.password = "secret-word";
    Daemon daemon(config);
    CHECK(daemon.start_and_wait());
    CHECK(log.text().find("wrong-word") == std::string::npos);
}

TEST_CASE("what the broker's access list forbids is told once and holds nothing up", "[service]") {
    Broker broker({.acl = "topic readwrite allowed\ntopic read other\n"});
    broker.start();
    auto config = config_for(broker);
    config.version = GENERATE("5", "3.1.1");
    const CapturedLog log;
    Daemon daemon(config, {"in/#", "other", "allowed"});
    REQUIRE(daemon.start_and_wait());
    UNSCOPED_INFO(log.text());
    CHECK(log.count("refuses the subscription") == 0);
    for (int i = 0; i < 3; ++i)
        daemon.publish("forbidden", "x");
    daemon.publish("allowed", "mine");
    REQUIRE(daemon.until([&] { return !daemon.received.empty(); }));
    CHECK(daemon.received[0].payload == "mine");
    REQUIRE(daemon.until_sent());
    if (config.version == "5") {  // 3.1.1 has no word for it
        CHECK(log.count("refuses what we publish on 'forbidden': not authorized (135)") == 1);
        CHECK(daemon.link.outbox().dropped(Importance::Feedback) == 3);
    }
}

TEST_CASE("a refused subscription is an error that names its filter", "[service]") {
    FakeBroker broker({.refused_filter = "other"});
    auto config = config_for(broker.url());
    config.version = GENERATE("5", "3.1.1");
    const auto filters =
        GENERATE(std::vector<std::string>{"other"}, std::vector<std::string>{"in/#", "other", "x"});
    const CapturedLog log;
    Daemon daemon(config, filters);
    REQUIRE(daemon.start_and_wait());
    CHECK(log.count("error: ") == 1);
    CHECK(log.contains("error: the broker refuses the subscription to 'other': "));
}

TEST_CASE("TLS with a client certificate", "[TW-03][UA-59][service]") {
    const Certificates certificates;
    Broker broker({.certificates = &certificates, .require_certificate = true});
    broker.start();
    auto config = config_for(broker);
    config.ca_file = certificates.ca();
    const CapturedLog log;

    SECTION("opens the broker") {
        config.cert_file = certificates.client();
        config.key_file = certificates.client_key();
        Daemon daemon(config);
        REQUIRE(daemon.start_and_wait());
        daemon.publish("in/x", "through");
        CHECK(daemon.until([&] { return !daemon.received.empty(); }));
    }
    SECTION("that is missing is told") {
        Daemon daemon(config);
        REQUIRE(daemon.link.start());
        CHECK(daemon.until([&] { return log.contains("the broker refuses our certificate"); }));
    }
    SECTION("does not trust a broker that another authority signed") {
        config.ca_file = certificates.other_ca();
        config.cert_file = certificates.client();
        config.key_file = certificates.client_key();
        Daemon daemon(config);
        REQUIRE(daemon.link.start());
        REQUIRE(daemon.until([&] { return log.contains("the broker's certificate is not accepted"); }));
        CHECK_THAT(log.text(), ContainsSubstring(certificates.other_ca()));
        CHECK_FALSE(daemon.link.is_ready());
    }
    SECTION("finds files that appear later") {
        TempFolder folder;
        config.cert_file = folder / "cert.pem";
        config.key_file = certificates.client_key();
        Daemon daemon(config);
        REQUIRE(daemon.link.start());
        REQUIRE(daemon.until([&] { return log.contains("mqtt.tls.cert_file '" + config.cert_file); }));
        CHECK(log.contains("No such file or directory"));
        std::filesystem::copy(certificates.client(), config.cert_file);
        CHECK(daemon.until([&] { return daemon.link.is_ready(); }));
    }
}

TEST_CASE("a broker with another host's certificate is not trusted", "[UA-59][service]") {
    const Certificates certificates;
    Broker broker({.certificates = &certificates, .as_stranger = true});
    broker.start();
    auto config = config_for(broker);
    config.ca_file = certificates.ca();
    const CapturedLog log;
    Daemon daemon(config);
    REQUIRE(daemon.link.start());
    REQUIRE(daemon.until([&] { return log.contains("the broker's certificate is not accepted"); }));
    CHECK_THAT(log.text(), ContainsSubstring("mismatch"));
    CHECK_FALSE(daemon.link.is_ready());
}

TEST_CASE("TLS files are checked before they are used", "[UA-59][service]") {
    const Certificates certificates;
    const TempFolder folder;
    write_file(folder / "empty", "");
    struct Case {
        std::string name, ca, certificate, key, words;
    };
    const std::vector<Case> cases = {
        {"the authority alone is fine", certificates.ca(), "", "", ""},
        {"no authority", "", "", "", "mqtt.tls.ca_file"},
        {"all three are fine", certificates.ca(), certificates.client(), certificates.client_key(), ""},
        {"absent authority", folder / "none", "", "", "mqtt.tls.ca_file"},
        {"authority without a certificate", folder / "empty", "", "", "holds no PEM certificate"},
        {"certificate without key", certificates.ca(), certificates.client(), "", "both or neither"},
        {"key without certificate", certificates.ca(), "", certificates.client_key(), "both or neither"},
        {"certificate that is none", certificates.ca(), folder / "empty", certificates.client_key(),
         "mqtt.tls.cert_file"},
        {"expired certificate", certificates.ca(), certificates.expired(), certificates.expired_key(),
         "has expired"},
        {"absent key", certificates.ca(), certificates.client(), folder / "none", "mqtt.tls.key_file"},
        {"key that is none", certificates.ca(), certificates.client(), folder / "empty",
         "no unencrypted PEM key"},
        {"somebody else's key", certificates.ca(), certificates.client(), certificates.server_key(),
         "does not belong to"},
    };
    for (const auto& c : cases) {
        DYNAMIC_SECTION(c.name) {
            MqttConfig config;
            config.ca_file = c.ca;
            config.cert_file = c.certificate;
            config.key_file = c.key;
            const auto result = check_tls_files(config);
            CHECK(static_cast<bool>(result) == c.words.empty());
            if (!result) CHECK_THAT(result.error().message, ContainsSubstring(c.words));
        }
    }
}
