#include "service/router.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "test/support/catch.hpp"

using namespace berth::service;

namespace {

// A route that writes down what it gets.
Route route(std::string filter, std::string name, std::vector<std::string>& seen) {
    return {filter, [name, &seen](const Message& m) { seen.push_back(name + ":" + m.payload); },
            [name, &seen](const Message& m) { seen.push_back("refused " + name + ":" + m.payload); }};
}

void run(Loop& loop) {
    loop.stop();
    loop.run();
}

}  // namespace

TEST_CASE("a message goes to every route that matches, and to no other", "[service]") {
    std::vector<std::string> seen;
    Router router;
    router.add(
        {route("containersupdate/#", "all", seen), route("containersupdate/desiredstate", "state", seen)});
    router.add({route("command/+/x", "command", seen), {"silent", [](const Message&) {}, {}}});
    router.dispatch({.topic = "containersupdate/desiredstate", .payload = "1"});
    router.dispatch({.topic = "command/web/x", .payload = "2"});
    router.dispatch({.topic = "command/web/y", .payload = "3"});
    router.refuse({.topic = "command/web/x", .payload = "4"});
    router.refuse({.topic = "silent", .payload = "5"});
    CHECK(seen == std::vector<std::string>{"all:1", "state:1", "command:2", "refused command:4"});
}

TEST_CASE("what is subscribed on demand is dispatched, and not in the list", "[service]") {
    std::vector<std::string> seen;
    Router router;
    auto commands = route("command/#", "command", seen);
    commands.on_demand = true;
    router.add({std::move(commands), route("a", "a", seen)});
    CHECK(router.filters() == std::vector<std::string>{"a"});
    router.dispatch({.topic = "command/x", .payload = "1"});
    CHECK(seen == std::vector<std::string>{"command:1"});
}

TEST_CASE("the subscription list holds each filter once", "[service]") {
    std::vector<std::string> seen;
    Router router;
    router.add({route("a", "1", seen), route("b", "2", seen), route("a", "3", seen)});
    CHECK(router.filters() == std::vector<std::string>{"a", "b"});
}

TEST_CASE("messages past the bound are refused in order with the start of their payload", "[service]") {
    std::vector<std::string> seen;
    Loop loop;
    Router router;
    router.add({route("a", "a", seen)});
    Inbox inbox(loop, router, {.bytes = 10 * 1024});
    inbox.accept({.topic = "a", .payload = "first"});
    inbox.accept({.topic = "a", .payload = std::string(10 * 1024, 'x')});
    inbox.accept({.topic = "a", .payload = "last"});
    run(loop);
    CHECK(seen == std::vector<std::string>{"a:first", "refused a:" + std::string(kRefusedPayloadBytes, 'x'),
                                           "a:last"});
}

TEST_CASE("a refused message tells how large it was", "[service]") {
    std::vector<std::size_t> sizes;
    Loop loop;
    Router router;
    const auto note = [&](const Message& message) { sizes.push_back(message.bytes_sent()); };
    router.add({{"a", note, note}});
    Inbox inbox(loop, router, {.bytes = 10 * 1024});
    inbox.accept({.topic = "a", .payload = std::string(1024, 'x')});
    inbox.accept({.topic = "a", .payload = std::string(20 * 1024, 'x')});
    inbox.accept({.topic = "a", .payload = std::string(9 * 1024, 'x')});
    run(loop);
    CHECK(sizes == std::vector<std::size_t>{1024, 20 * 1024, 9 * 1024});
}

TEST_CASE("an inbox that was handled takes messages again", "[service]") {
    std::vector<std::string> seen;
    Loop loop;
    Router router;
    router.add({route("a", "a", seen)});
    Inbox inbox(loop, router, {.bytes = kMessageOverhead + 10, .refusals = 1});
    for (int round = 0; round < 3; ++round) {
        inbox.accept({.topic = "a", .payload = "123456789"});
        inbox.accept({.topic = "a", .payload = "x"});
        inbox.accept({.topic = "a", .payload = "y"});  // even its refusal is too much: logged as lost
        run(loop);
        CHECK(seen == std::vector<std::string>{"a:123456789", "refused a:x"});
        seen.clear();
    }
}

TEST_CASE("many messages without content reach the bound as well", "[service]") {
    std::size_t handled = 0;
    std::size_t refused = 0;
    Loop loop;
    Router router;
    router.add({{"a", [&](const Message&) { ++handled; }, [&](const Message&) { ++refused; }}});
    Inbox inbox(loop, router, {.bytes = 100 * (kMessageOverhead + 1)});
    for (int i = 0; i < 120; ++i)
        inbox.accept({.topic = "a"});
    run(loop);
    CHECK(handled == 100);
    CHECK(refused == 20);
}

TEST_CASE("what a route wants kept is asked for before it is accepted, and nothing else is",
          "[UA-73][service]") {
    std::vector<std::string> seen;
    std::vector<std::string> asked;
    Loop loop;
    Router router;
    const auto note = [&seen](const Message& m) {
        seen.push_back(m.payload + ":" + std::to_string(m.inbox_number));
    };
    Route always{"a/#", note, {}};
    always.keep = Keep::Always;
    Route until_reboot{"a/b", [](const Message&) {}, {}};
    until_reboot.keep = Keep::UntilReboot;
    router.add({always, until_reboot, {"c", note, {}}});
    Inbox inbox(loop, router);
    inbox.keep_by([&asked](const Message& m, Keep wanted) {
        asked.push_back(m.payload + (wanted == Keep::Always ? " always" : " until reboot"));
        return std::uint64_t{7};
    });
    inbox.accept({.topic = "a/b", .payload = "1"});
    CHECK(asked == std::vector<std::string>{"1 always"});
    inbox.accept({.topic = "c", .payload = "2"});
    inbox.accept({.topic = "a/x", .payload = "3", .retained = true});
    inbox.accept({.topic = "a/x", .payload = "4", .inbox_number = 5});
    run(loop);
    CHECK(asked.size() == 1);
    CHECK(seen == std::vector<std::string>{"1:7", "2:0", "3:0", "4:5"});
}
