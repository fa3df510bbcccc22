#include "runtime/docker/http.hpp"

#include <thread>

#include "test/runtime/stub_engine.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::runtime;
using namespace berth::runtime::docker;
using berth::test::Peer;
using berth::test::StubEngine;
using namespace std::chrono_literals;

namespace {

Call until(std::chrono::milliseconds from_now) {
    return {.stop = {}, .deadline = steady_clock::now() + from_now, .progress = {}};
}

struct Lines {
    std::vector<std::string> all{};
    bool opened{false};

    Stream stream() {
        return {.opened = [this] { opened = true; },
                .line = [this](std::string_view line) -> Result<> {
                    all.emplace_back(line);
                    return {};
                }};
    }
};

}  // namespace

TEST_CASE("calls of a thread share a connection", "[runtime]") {
    StubEngine engine(
        [](const std::string&, Peer& peer) { peer.answer(200, "OK", "Api-Version: 1.43\r\n"); });
    const Http http(engine.socket());
    for (int i = 0; i < 3; ++i) {
        const auto reply = http.send({.target = "/_ping"}, {});
        REQUIRE(reply);
        CHECK(reply->status == 200);
        CHECK(reply->api_version == "1.43");
        CHECK(reply->body == "OK");
    }
    CHECK(engine.connections() == 1);
    std::thread([&] { CHECK(http.send({.target = "/_ping"}, {})); }).join();
    CHECK(engine.connections() == 2);
}

TEST_CASE("bodies, methods and headers go out as asked", "[runtime]") {
    std::string seen;
    StubEngine engine([&](const std::string& request, Peer& peer) {
        seen = request;
        peer.answer(201, "{}");
    });
    const Http http(engine.socket());
    REQUIRE(http.send(
        {.method = "POST", .target = "/x?a=1", .body = "{\"a\":1}", .headers = {"X-Registry-Auth: abc"}},
        {}));
    CHECK_THAT(seen, StartsWith("POST /x?a=1\r\n"));
    CHECK_THAT(seen, ContainsSubstring("\r\nX-Registry-Auth: abc\r\n"));
    CHECK_THAT(seen, ContainsSubstring("\r\nContent-Type: application/json\r\n"));
    CHECK_THAT(seen, ContainsSubstring("\r\n\r\n{\"a\":1}"));
    CHECK(seen.find("Expect") == std::string::npos);
    REQUIRE(http.send({.method = "DELETE", .target = "/x/../y"}, {}));
    CHECK_THAT(seen, StartsWith("DELETE /x/../y\r\n"));
    CHECK(seen.find("Content-Type") == std::string::npos);
}

TEST_CASE("an engine that is not there is unavailable", "[runtime]") {
    const auto reply = Http("/nowhere/docker.sock").send({.target = "/_ping"}, {});
    REQUIRE_FALSE(reply);
    CHECK(reply.error() == Error{Errc::Unavailable, "no engine answers at /nowhere/docker.sock"});
}

TEST_CASE("an engine that hangs up is unavailable, and asked anew on the next call", "[runtime]") {
    std::atomic<int> asked{0};
    StubEngine engine([&](const std::string&, Peer& peer) {
        if (++asked == 2) {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
            peer.close();
        } else {
            peer.answer(200, "OK");
        }
    });
    const Http http(engine.socket());
    CHECK(http.send({.target = "/1"}, {}));
    const auto cut = http.send({.target = "/2"}, {});
    REQUIRE_FALSE(cut);
    CHECK(cut.error().code == Errc::Unavailable);
    CHECK(http.send({.target = "/3"}, {}));
}

TEST_CASE("a deadline and a stop end a call that gets no answer", "[runtime]") {
    StubEngine engine([](const std::string&, Peer& peer) { peer.wait_until_closed(); });
    const Http http(engine.socket());
    const auto began = steady_clock::now();
    const auto late = http.send({.target = "/slow"}, until(100ms));
    REQUIRE_FALSE(late);
    CHECK(late.error().code == Errc::Timeout);
    CHECK(steady_clock::now() - began >= 100ms);

    std::stop_source stop;
    std::jthread stopper([&] {
        while (engine.requests().size() < 2)
            std::this_thread::yield();
        stop.request_stop();
    });
    const auto stopped = http.send({.target = "/slow"}, {.stop = stop.get_token()});
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == Errc::Interrupted);

    const auto unasked = http.send({.target = "/never"}, {.stop = stop.get_token()});
    CHECK(unasked.error().code == Errc::Interrupted);
    CHECK(http.send({.target = "/never"}, until(-1ms)).error().code == Errc::Timeout);
    CHECK(engine.requests().size() == 2);
    CHECK(steady_clock::now() - began < 10s);
}

TEST_CASE("lines are whole, however they arrive", "[runtime]") {
    StubEngine engine([](const std::string&, Peer& peer) {
        peer.open_stream();
        for (const std::string piece : {"{\"a\"", ":1}\r\n{\"b\":2}\n{\"c\"", ":3}", "\r\n\r\n", "re", "st"})
            peer.chunk(piece);
        peer.end_stream();
    });
    Lines lines;
    const auto reply = Http(engine.socket()).stream({.target = "/events"}, lines.stream(), {});
    REQUIRE(reply);
    CHECK(lines.opened);
    CHECK(lines.all == std::vector<std::string>{"{\"a\":1}", "{\"b\":2}", "{\"c\":3}", "rest"});
    CHECK(reply->body.empty());
}

TEST_CASE("a stream is open once the headers are there", "[runtime]") {
    StubEngine engine([](const std::string&, Peer& peer) {
        peer.open_stream();
        peer.wait_until_closed();
    });
    std::stop_source stop;
    Stream stream{.opened = [&] { stop.request_stop(); },
                  .line = [](std::string_view) -> Result<> { return {}; }};
    const auto reply =
        Http(engine.socket()).stream({.target = "/events"}, stream, {.stop = stop.get_token()});
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == Errc::Interrupted);
}

TEST_CASE("a refused stream is a plain answer", "[runtime]") {
    StubEngine engine([](const std::string&, Peer& peer) { peer.answer(404, "{\"message\":\"no\"}\n"); });
    Lines lines;
    const auto reply = Http(engine.socket()).stream({.target = "/events"}, lines.stream(), {});
    REQUIRE(reply);
    CHECK(reply->status == 404);
    CHECK(reply->body == "{\"message\":\"no\"}\n");
    CHECK_FALSE(lines.opened);
    CHECK(lines.all.empty());
}

TEST_CASE("a stream that says nothing for too long is given up", "[runtime]") {
    StubEngine engine([](const std::string&, Peer& peer) {
        peer.open_stream();
        peer.chunk("one\n");
        peer.wait_until_closed();
    });
    Lines lines;
    const auto reply = Http(engine.socket()).stream({.target = "/pull", .idle = 1s}, lines.stream(), {});
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == Errc::Timeout);
    CHECK(lines.all.size() == 1);
}

TEST_CASE("the reader of a stream can end it and can ask the engine meanwhile", "[runtime]") {
    StubEngine engine([](const std::string& request, Peer& peer) {
        if (request.starts_with("GET /ping")) return peer.answer(200, "OK");
        peer.open_stream();
        peer.chunk("one\ntwo\n");
        peer.wait_until_closed();
    });
    const Http http(engine.socket());
    int lines = 0;
    const Stream stream{.opened = [&] { CHECK(http.send({.target = "/ping"}, {})); },
                        .line = [&](std::string_view) -> Result<> {
                            ++lines;
                            CHECK(http.send({.target = "/ping"}, {}));
                            return fail(Errc::Conflict, "enough");
                        }};
    const auto reply = http.stream({.target = "/events"}, stream, {});
    REQUIRE_FALSE(reply);
    CHECK(reply.error() == Error{Errc::Conflict, "enough"});
    CHECK(lines == 1);
}

TEST_CASE("a line without an end is refused, not collected for ever", "[runtime]") {
    StubEngine engine([](const std::string&, Peer& peer) {
        peer.open_stream();
        for (int i = 0; i < 40; ++i)
            peer.chunk(std::string(64 * 1024, 'x'));
        peer.end_stream();
    });
    Lines lines;
    const auto reply = Http(engine.socket()).stream({.target = "/events"}, lines.stream(), {});
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == Errc::TooLarge);
}

TEST_CASE("a line that is too long is left out where the reader can do without", "[runtime]") {
    StubEngine engine([](const std::string&, Peer& peer) {
        peer.open_stream();
        peer.chunk("one\n");
        for (int i = 0; i < 40; ++i)
            peer.chunk(std::string(64 * 1024, 'x'));
        peer.chunk("\ntwo\n" + std::string(kMaxLine + 1, 'y') + "\nthree");
        peer.end_stream();
    });
    Lines lines;
    int skipped = 0;
    auto stream = lines.stream();
    stream.skipped = [&] { ++skipped; };
    REQUIRE(Http(engine.socket()).stream({.target = "/events"}, stream, {}));
    CHECK(lines.all == std::vector<std::string>{"one", "two", "three"});
    CHECK(skipped == 2);
}

TEST_CASE("half a line of a stream that breaks is not taken for a whole one", "[runtime]") {
    StubEngine engine([](const std::string&, Peer& peer) {
        peer.open_stream();
        peer.chunk("one\nha");
        peer.close();
    });
    Lines lines;
    CHECK_FALSE(Http(engine.socket()).stream({.target = "/events"}, lines.stream(), {}));
    CHECK(lines.all == std::vector<std::string>{"one"});
}

TEST_CASE("text in a path or a query is escaped", "[runtime]") {
    CHECK(url_escape("a-b_c.d~e") == "a-b_c.d~e");
    CHECK(url_escape("../x?y=1&z #%\n\xc3\xa4") == "..%2Fx%3Fy%3D1%26z%20%23%25%0A%C3%A4");
}
