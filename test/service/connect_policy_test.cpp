#include "service/connect_policy.hpp"

#include "service/broker_address.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::service;
using namespace std::chrono_literals;
using Failure = ConnectPolicy::Failure;

namespace {

constexpr double kMiddle = 0.5;  // no jitter

}  // namespace

TEST_CASE("a failing broker is tried after 1 s, doubling to 30 s, with jitter", "[service]") {
    ConnectPolicy policy("auto");
    for (const auto expected : {1000ms, 2000ms, 4000ms, 8000ms, 16000ms, 30000ms, 30000ms}) {
        CHECK(policy.on_failed(Failure::Unreachable, kMiddle) == expected);
    }
    CHECK(policy.on_failed(Failure::Refused, 0.0) == 22500ms);
    CHECK(policy.on_failed(Failure::Refused, 1.0) == 37500ms);
    CHECK(policy.version() == MqttVersion::V5);
}

TEST_CASE("a connection that lived makes the next wait short again", "[service]") {
    ConnectPolicy policy("auto");
    for (int i = 0; i < 6; ++i)
        policy.on_failed(Failure::Unreachable, kMiddle);
    policy.on_connected();
    CHECK(policy.on_lost(1h, kMiddle) == 1000ms);
    CHECK(policy.on_failed(Failure::Unreachable, kMiddle) == 2000ms);
}

TEST_CASE("connections that are lost at once are made more and more slowly", "[service]") {
    ConnectPolicy policy("auto");
    for (const auto expected : {1000ms, 2000ms, 4000ms}) {
        CHECK_FALSE(policy.keeps_losing());
        policy.on_connected();
        CHECK(policy.on_lost(100ms, kMiddle) == expected);
    }
    CHECK(policy.keeps_losing());
    policy.on_connected();
    CHECK(policy.on_lost(1min, kMiddle) == 1000ms);
    CHECK_FALSE(policy.keeps_losing());
}

TEST_CASE("auto changes to 3.1.1 at once and keeps what was accepted", "[service]") {
    ConnectPolicy policy("auto");
    CHECK(policy.on_failed(Failure::VersionRefused, kMiddle) == 0ms);
    CHECK(policy.version() == MqttVersion::V311);
    policy.on_connected();
    policy.on_lost(1h, kMiddle);
    policy.on_failed(Failure::Unreachable, kMiddle);
    CHECK(policy.version() == MqttVersion::V311);
}

TEST_CASE("a broker that hangs up on both versions gets both in turn, with a wait between the pairs",
          "[service]") {
    ConnectPolicy policy("auto");
    for (const auto wait : {1000ms, 2000ms, 4000ms}) {
        CHECK(policy.version() == MqttVersion::V5);
        CHECK(policy.on_failed(Failure::Closed, kMiddle) == 0ms);
        CHECK(policy.version() == MqttVersion::V311);
        CHECK(policy.on_failed(Failure::Closed, kMiddle) == wait);
    }
}

TEST_CASE("a pinned version never changes", "[service]") {
    ConnectPolicy five("5");
    ConnectPolicy old("3.1.1");
    for (const auto failure : {Failure::VersionRefused, Failure::Closed}) {
        CHECK(five.on_failed(failure, kMiddle) > 0ms);
        CHECK(five.version() == MqttVersion::V5);
        CHECK(old.on_failed(failure, kMiddle) > 0ms);
        CHECK(old.version() == MqttVersion::V311);
    }
}

TEST_CASE("broker URLs", "[service]") {
    struct Case {
        std::string url;
        BrokerAddress expected;
        std::string for_paho;
    };
    const std::vector<Case> cases = {
        {"tcp://localhost:1883", {"localhost", 1883, false}, "tcp://localhost:1883"},
        {"mqtt://broker", {"broker", 1883, false}, "tcp://broker:1883"},
        {"10.0.0.1:99/", {"10.0.0.1", 99, false}, "tcp://10.0.0.1:99"},
        {"ssl://b", {"b", 8883, true}, "ssl://b:8883"},
        {"tls://b:1", {"b", 1, true}, "ssl://b:1"},
        {"mqtts://b", {"b", 8883, true}, "ssl://b:8883"},
        {"mqtt+ssl://b", {"b", 8883, true}, "ssl://b:8883"},
        {"tcps://b", {"b", 8883, true}, "ssl://b:8883"},
        {"tcp://[::1]:1883", {"::1", 1883, false}, "tcp://[::1]:1883"},
    };
    for (const auto& c : cases) {
        DYNAMIC_SECTION(c.url) {
            const auto address = parse_broker_url(c.url);
            REQUIRE(address);
            CHECK(*address == c.expected);
            CHECK(address->url() == c.for_paho);
        }
    }
}

TEST_CASE("broker URLs that are refused say why and show no password", "[service]") {
    struct Case {
        std::string url;
        Errc code;
        std::string words;
    };
    const std::vector<Case> cases = {
        {"ws://b", Errc::Unsupported, "'ws://b': websockets are not supported"},
        {"wss://b:443/mqtt", Errc::Unsupported, "'wss://b:443': websockets are not supported"},
        {"wss://b/mqtt?token=hidden", Errc::Unsupported, "'wss://b': websockets are not supported"},
        {"wss://b?token=hidden", Errc::Unsupported, "'wss://b': websockets are not supported"},
        {"wss://me:hidden@b/mqtt", Errc::Invalid, "user name and password"},
        {"http://b", Errc::Invalid, "unknown scheme"},
        {"tcp://", Errc::Invalid, "no host"},
        {"tcp://:1883", Errc::Invalid, "no host"},
        {"tcp://b:0", Errc::Invalid, "port"},
        {"tcp://b:65536", Errc::Invalid, "port"},
        {"tcp://b:1x", Errc::Invalid, "port"},
        {"tcp://[::1", Errc::Invalid, "]"},
        {"tcp://[::1]1883", Errc::Invalid, "port"},
        {"tcp://b/path", Errc::Invalid, "path"},
        {"tcp://me:hidden@b", Errc::Invalid, "user name and password"},
    };
    for (const auto& c : cases) {
        DYNAMIC_SECTION(c.url) {
            const auto address = parse_broker_url(c.url);
            REQUIRE_FALSE(address);
            CHECK(address.error().code == c.code);
            CHECK_THAT(address.error().message, ContainsSubstring(c.words));
            CHECK(address.error().message.find("hidden") == std::string::npos);
        }
    }
}

TEST_CASE("three take-overs within a minute are a quarrel", "[UA-72][service]") {
    ConnectPolicy policy("auto");
    const std::chrono::steady_clock::time_point start{};
    CHECK_FALSE(policy.on_taken_over(start));
    CHECK_FALSE(policy.on_taken_over(start + 50s));
    CHECK_FALSE(policy.on_taken_over(start + 61s));  // the first is forgotten
    CHECK(policy.on_taken_over(start + 70s));
    CHECK_FALSE(policy.on_taken_over(start + 75s));  // counted anew, under the new id
}
