#include "service/outbox.hpp"

#include <deque>
#include <random>
#include <set>
#include <vector>

#include "test/support/catch.hpp"

using namespace berth::service;

namespace {

Publication make(Importance importance, std::string payload) {
    return {.topic = "t", .payload = std::move(payload), .importance = importance};
}

Publication feedback(std::string payload) {
    return make(Importance::Feedback, std::move(payload));
}

Publication progress(std::string payload) {
    auto publication = feedback(std::move(payload));
    publication.progress_only = true;
    return publication;
}

Publication newest(Importance importance, std::string key, std::string payload) {
    auto publication = make(importance, std::move(payload));
    publication.newest_wins = std::move(key);
    return publication;
}

// Sends everything that waits, acknowledged at once, in the order in which it leaves.
std::vector<std::string> drain(Outbox& outbox) {
    std::vector<std::string> sent;
    while (const auto next = outbox.take()) {
        sent.push_back(next->publication->payload);
        outbox.on_delivered(next->id);
    }
    return sent;
}

std::size_t bytes_of(std::size_t payload) {
    return 1 + payload + Outbox::kOverhead;
}

}  // namespace

TEST_CASE("what is withdrawn is neither sent nor counted as dropped", "[service]") {
    Outbox outbox;
    int told = 0;
    auto twin = make(Importance::Twin, "waits");
    twin.delivered = [&told] { ++told; };
    outbox.add(make(Importance::Twin, "under way"));
    const auto sending = outbox.take();
    REQUIRE(sending);
    outbox.add(std::move(twin));
    outbox.add(newest(Importance::Twin, "key", "newest"));
    outbox.add(make(Importance::Metrics, "metrics"));
    outbox.on_lost();
    outbox.withdraw(Importance::Twin);
    CHECK(drain(outbox) == std::vector<std::string>{"metrics"});
    CHECK(told == 0);
    CHECK(outbox.dropped() == 0);
    outbox.add(newest(Importance::Twin, "key", "again"));
    CHECK(drain(outbox) == std::vector<std::string>{"again"});
}

TEST_CASE("what waits on a topic can be taken back, in order", "[TW-12][service]") {
    Outbox outbox;
    for (const char* topic : {"command//x/1", "other", "command//x/2"}) {
        auto publication = feedback(topic);
        publication.topic = topic;
        outbox.add(std::move(publication));
    }
    outbox.take();
    outbox.on_lost();  // what was under way waits again
    const auto taken = outbox.take_back("command//");
    REQUIRE(taken.size() == 2);
    CHECK(taken[0].payload == "command//x/1");
    CHECK(taken[1].payload == "command//x/2");
    CHECK(drain(outbox) == std::vector<std::string>{"other"});
    CHECK(outbox.waiting_bytes() == 0);
    CHECK(outbox.dropped() == 0);
}

TEST_CASE("the outbox sends by importance, then in the order of arrival", "[BX-15][service]") {
    Outbox outbox;
    outbox.add(make(Importance::Metrics, "m1"));
    outbox.add(make(Importance::Twin, "t1"));
    outbox.add(make(Importance::CurrentState, "s1"));
    outbox.add(feedback("f1"));
    outbox.add(make(Importance::Metrics, "m2"));
    outbox.add(feedback("f2"));
    CHECK(drain(outbox) == std::vector<std::string>{"f1", "f2", "s1", "t1", "m1", "m2"});
}

TEST_CASE("of waiting publications with one key only the newest is sent", "[BX-15][service]") {
    Outbox outbox;
    outbox.add(newest(Importance::CurrentState, "state", "s1"));
    outbox.add(newest(Importance::CurrentState, "state", "s2"));
    outbox.add(newest(Importance::Metrics, "other", "m1"));
    outbox.add(newest(Importance::CurrentState, "state", "s3"));
    CHECK(outbox.waiting() == 2);
    CHECK(drain(outbox) == std::vector<std::string>{"s3", "m1"});
    CHECK(outbox.dropped() == 0);
}

TEST_CASE("replacing a feedback does not let it overtake others", "[service]") {
    Outbox outbox;
    outbox.add(newest(Importance::Feedback, "progress", "10%"));
    outbox.add(feedback("web done"));
    outbox.add(newest(Importance::Feedback, "progress", "90%"));
    CHECK(drain(outbox) == std::vector<std::string>{"web done", "90%"});
}

TEST_CASE("no more than the window is in flight", "[BX-15][service]") {
    Outbox outbox({.window = 2});
    for (const char* payload : {"1", "2", "3"})
        outbox.add(feedback(payload));
    const auto first = outbox.take();
    const auto second = outbox.take();
    REQUIRE(second.has_value());
    CHECK_FALSE(outbox.take().has_value());
    outbox.on_delivered(first->id);
    outbox.on_delivered(first->id);  // an acknowledgement too many changes nothing
    CHECK(outbox.take()->publication->payload == "3");
    CHECK_FALSE(outbox.take().has_value());
}

TEST_CASE("few large publications fill the window like many small ones", "[service]") {
    Outbox outbox({.bytes = 1000});
    outbox.add(feedback(std::string(400, 'a')));
    const auto first = outbox.take();
    outbox.add(feedback(std::string(400, 'b')));
    CHECK_FALSE(outbox.take().has_value());
    outbox.on_delivered(first->id);
    CHECK(outbox.take().has_value());
}

TEST_CASE("what was in flight when the connection broke is sent again, in order, before the rest",
          "[service]") {
    Outbox outbox({.window = 3});
    for (const char* payload : {"1", "2", "3", "4"})
        outbox.add(feedback(payload));
    outbox.add(make(Importance::Metrics, "m"));
    outbox.take();
    const auto second = outbox.take();
    outbox.take();
    outbox.on_delivered(second->id);
    outbox.on_lost();
    CHECK(outbox.in_flight() == 0);
    outbox.on_delivered(second->id);  // a late answer of the old connection
    CHECK(drain(outbox) == std::vector<std::string>{"1", "3", "4", "m"});
}

TEST_CASE("an older state that comes back does not replace the newer one that waits", "[service]") {
    Outbox outbox;
    outbox.add(newest(Importance::CurrentState, "state", "old"));
    outbox.take();
    outbox.add(newest(Importance::CurrentState, "state", "new"));
    outbox.on_lost();
    CHECK(drain(outbox) == std::vector<std::string>{"new"});
}

TEST_CASE("QoS 0 that was sent is not sent twice", "[service]") {
    Outbox outbox;
    auto once = feedback("once");
    once.qos = 0;
    outbox.add(once);
    outbox.take();
    outbox.on_lost();
    CHECK(outbox.waiting() == 0);
}

TEST_CASE("a publication that could not be handed over keeps its place", "[service]") {
    Outbox outbox;
    outbox.add(feedback("1"));
    outbox.add(feedback("2"));
    outbox.put_back(outbox.take()->id);
    CHECK(outbox.in_flight() == 0);
    CHECK(drain(outbox) == std::vector<std::string>{"1", "2"});
}

TEST_CASE("what left after one that the broker had no room for is sent once more behind it",
          "[BX-15][service]") {
    Outbox outbox;
    int delivered = 0;
    for (const char* payload : {"t1", "t2", "t3"}) {
        auto publication = make(Importance::Twin, payload);
        publication.delivered = [&delivered] { ++delivered; };
        outbox.add(std::move(publication));
    }
    const auto first = outbox.take();
    outbox.take();
    const auto third = outbox.take();
    outbox.on_delivered(first->id);
    const auto second = first->id + 1;
    outbox.hold_back(second);
    CHECK_FALSE(outbox.take());  // the third would come before it for good
    outbox.add(feedback("f"));
    CHECK(outbox.take()->publication->payload == "f");  // that is another order
    outbox.on_delivered(third->id);
    CHECK(delivered == 1);
    outbox.add(make(Importance::Twin, "t4"));
    CHECK(drain(outbox) == std::vector<std::string>{"t2", "t3", "t4"});
    CHECK(delivered == 3);

    // A connection that is lost meanwhile has its own order.
    outbox.add(make(Importance::Twin, "5"));
    outbox.add(make(Importance::Twin, "6"));
    const auto held = outbox.take();
    outbox.take();
    outbox.hold_back(held->id);
    outbox.on_lost();
    CHECK(drain(outbox) == std::vector<std::string>{"f", "5", "6"});
    CHECK(outbox.waiting_bytes() == 0);
}

TEST_CASE("a refused publication is counted and not sent again", "[service]") {
    Outbox outbox;
    outbox.add(make(Importance::Twin, "t"));
    outbox.on_refused(outbox.take()->id);
    CHECK(outbox.dropped(Importance::Twin) == 1);
    outbox.on_lost();
    CHECK(outbox.waiting() == 0);
}

TEST_CASE("who asks for it is told of a refusal instead of a delivery", "[service]") {
    Outbox outbox({.bytes = 1000});
    int delivered = 0;
    int refused = 0;
    const auto add = [&](std::size_t size) {
        auto publication = make(Importance::Twin, std::string(size, 'x'));
        publication.delivered = [&] { ++delivered; };
        publication.refused = [&] { ++refused; };
        outbox.add(std::move(publication));
    };
    add(1);
    outbox.on_delivered(outbox.take()->id);
    CHECK(delivered == 1);
    add(1);
    outbox.on_refused(outbox.take()->id);  // by the broker's access list
    add(1000);                             // by its size
    add(1);
    outbox.refuse_largest();
    CHECK(delivered == 1);
    CHECK(refused == 3);
    CHECK(outbox.dropped(Importance::Twin) == 3);
    CHECK(outbox.in_flight() == 0);
    CHECK(outbox.waiting_bytes() == 0);
}

TEST_CASE("what a broker refuses today may be said again, what is too large for it not", "[service]") {
    Outbox outbox({.bytes = 1000});
    int dropped = 0;
    int refused = 0;
    const auto add = [&](std::size_t size) {
        auto publication = make(Importance::Twin, std::string(size, 'x'));
        publication.dropped = [&] { ++dropped; };
        publication.refused = [&] { ++refused; };
        outbox.add(std::move(publication));
    };
    add(1);
    outbox.on_refused(outbox.take()->id);
    CHECK(dropped == 1);
    CHECK(refused == 0);
    add(1000);
    add(1);
    outbox.refuse_largest();
    CHECK(dropped == 1);
    CHECK(refused == 2);
    CHECK(outbox.dropped(Importance::Twin) == 3);
    CHECK(outbox.in_flight() == 0);
}

TEST_CASE("a full outbox drops progress, then metrics, twin and state, and transitions last",
          "[BX-15][service]") {
    Outbox outbox({.bytes = 7 * bytes_of(2)});
    outbox.add(feedback("f1"));
    outbox.add(progress("p1"));
    outbox.add(progress("p2"));
    outbox.add(make(Importance::Metrics, "m1"));
    outbox.add(make(Importance::Twin, "t1"));
    outbox.add(make(Importance::CurrentState, "s1"));
    outbox.add(feedback("f2"));
    const std::vector<std::vector<std::string>> after_each = {
        {"f1", "p2", "f2", "x0", "s1", "t1", "m1"}, {"f1", "f2", "x0", "x1", "s1", "t1", "m1"},
        {"f1", "f2", "x0", "x1", "x2", "s1", "t1"}, {"f1", "f2", "x0", "x1", "x2", "x3", "s1"},
        {"f1", "f2", "x0", "x1", "x2", "x3", "x4"}, {"f2", "x0", "x1", "x2", "x3", "x4", "x5"}};
    for (std::size_t i = 0; i < after_each.size(); ++i) {
        outbox.add(feedback("x" + std::to_string(i)));
        auto copy = outbox;
        CHECK(drain(copy) == after_each[i]);
    }
    CHECK(outbox.dropped(Importance::Feedback) == 3);
    CHECK(outbox.dropped(Importance::CurrentState) == 1);
    CHECK(outbox.dropped(Importance::Twin) == 1);
    CHECK(outbox.dropped(Importance::Metrics) == 1);
}

TEST_CASE("what makes room for others is told", "[BX-15][service]") {
    Outbox outbox({.messages = 2});
    int dropped = 0;
    for (const char* payload : {"t1", "t2", "t3"}) {
        auto publication = make(Importance::Twin, payload);
        publication.dropped = [&dropped] { ++dropped; };
        outbox.add(std::move(publication));
    }
    CHECK(dropped == 1);
    outbox.withdraw(Importance::Twin);
    CHECK(dropped == 1);
}

TEST_CASE("metrics never push feedback out", "[BX-15][service]") {
    Outbox outbox({.messages = 3});
    for (const char* payload : {"1", "2", "3"})
        outbox.add(feedback(payload));
    outbox.add(make(Importance::Metrics, "m"));
    CHECK(outbox.dropped(Importance::Metrics) == 1);
    CHECK(drain(outbox) == std::vector<std::string>{"1", "2", "3"});
}

TEST_CASE("a publication larger than the whole outbox costs nobody else a place", "[service]") {
    Outbox outbox({.bytes = 1000});
    outbox.add(make(Importance::Metrics, "m"));
    bool settled = false;
    auto large = feedback(std::string(1000, 'x'));
    large.delivered = [&settled] { settled = true; };
    outbox.add(std::move(large));
    CHECK(settled);
    CHECK(outbox.dropped(Importance::Feedback) == 1);
    CHECK(drain(outbox) == std::vector<std::string>{"m"});
}

TEST_CASE("what has a longer topic than MQTT can carry is refused", "[service]") {
    Outbox outbox;
    int settled = 0;
    for (const std::size_t size : {Outbox::kMostTopicBytes, Outbox::kMostTopicBytes + 1}) {
        auto publication = feedback("of " + std::to_string(size));
        publication.topic = std::string(size, 't');
        publication.delivered = [&settled] { ++settled; };
        outbox.add(std::move(publication));
    }
    CHECK(settled == 1);
    CHECK(outbox.dropped(Importance::Feedback) == 1);
    CHECK(drain(outbox) == std::vector<std::string>{"of 65535"});
}

TEST_CASE("what no broker takes for its size goes, and nothing else", "[service]") {
    Outbox outbox;
    CHECK_FALSE(outbox.refuse_largest());
    bool settled = false;
    auto large = feedback(std::string(1000, 'x'));
    large.delivered = [&settled] { settled = true; };
    outbox.add(feedback("1"));
    outbox.add(std::move(large));
    outbox.add(feedback("2"));
    while (outbox.take()) {
    }
    outbox.on_lost();
    const auto refused = outbox.refuse_largest();
    REQUIRE(refused);
    CHECK(refused->bytes == 1000);
    CHECK(settled);
    CHECK(outbox.dropped(Importance::Feedback) == 1);
    CHECK(drain(outbox) == std::vector<std::string>{"1", "2"});
    CHECK(outbox.waiting_bytes() == 0);

    // Said again, it would end the next connection as well.
    int again = 0;
    for (const std::size_t size : {999u, 1000u, 1001u}) {
        auto publication = make(Importance::Twin, std::string(size, 'y'));
        publication.delivered = [&again] { ++again; };
        CHECK(outbox.takes(publication) == (size < 1000));
        outbox.add(std::move(publication));
    }
    CHECK(again == 2);
    CHECK(outbox.dropped(Importance::Twin) == 2);
    CHECK(drain(outbox) == std::vector<std::string>{std::string(999, 'y')});
}

// Random lives of an outbox: whatever the order of losses, acknowledgements and floods.
TEST_CASE("feedback transitions arrive in order, at least once, and the bounds always hold",
          "[BX-15][service]") {
    std::mt19937 rng(42);
    for (int world = 0; world < 200; ++world) {
        const Outbox::Limits limits{.bytes = 60 * bytes_of(4), .messages = 50, .window = 8};
        Outbox outbox(limits);
        std::set<Outbox::Id> flying;
        std::vector<int> sent;       // numbers of transitions in the order they were handed over
        std::set<int> acknowledged;  // by the broker
        std::map<Outbox::Id, int> number_of;
        int added = 0;
        for (int step = 0; step < 600; ++step) {
            switch (rng() % 8) {
                case 0:
                    if (added < 40) outbox.add(feedback(std::to_string(1000 + added++)));
                    break;
                case 1: outbox.add(progress("prog")); break;
                case 2: outbox.add(newest(Importance::Twin, std::to_string(rng() % 5), "twin")); break;
                case 3: outbox.add(make(Importance::Metrics, "metr")); break;
                case 4:
                case 5:
                    if (const auto next = outbox.take()) {
                        flying.insert(next->id);
                        const auto& payload = next->publication->payload;
                        if (payload[0] == '1') {
                            number_of[next->id] = std::stoi(payload) - 1000;
                            sent.push_back(number_of[next->id]);
                        }
                    }
                    break;
                case 6:
                    if (!flying.empty()) {  // the broker acknowledges in order
                        const auto id = *flying.begin();
                        flying.erase(id);
                        if (const auto found = number_of.find(id); found != number_of.end())
                            acknowledged.insert(found->second);
                        outbox.on_delivered(id);
                    }
                    break;
                default:
                    if (rng() % 4 == 0) {
                        flying.clear();
                        outbox.on_lost();
                        if (!acknowledged.empty()) sent.push_back(-1);
                    }
            }
            REQUIRE(outbox.in_flight() <= limits.window);
            REQUIRE(outbox.in_flight() == flying.size());
            REQUIRE(outbox.waiting() <= limits.messages);
            REQUIRE(outbox.waiting_bytes() <= limits.bytes);
        }
        // 40 transitions fit: none may be dropped, each is sent for the first time in order.
        outbox.on_lost();
        for (const auto& payload : drain(outbox)) {
            if (payload[0] == '1') sent.push_back(std::stoi(payload) - 1000);
        }
        std::vector<int> first_times;
        std::set<int> seen;
        for (const int number : sent) {
            if (number >= 0 && seen.insert(number).second) first_times.push_back(number);
        }
        std::vector<int> expected;
        for (int i = 0; i < added; ++i)
            expected.push_back(i);
        REQUIRE(first_times == expected);
        REQUIRE(outbox.waiting_bytes() == 0);
    }
}
