// DockerRuntime before engines that do what a real one does not do on demand.
#include "runtime/docker/docker_runtime.hpp"

#include <chrono>
#include <future>

#include <nlohmann/json.hpp>

#include "runtime/docker/encode.hpp"
#include "test/runtime/builders.hpp"
#include "test/runtime/stub_engine.hpp"
#include "test/support/captured_log.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::runtime;
using namespace berth::runtime::docker;
using berth::test::CapturedLog;
using berth::test::make_spec;
using berth::test::Peer;
using berth::test::StubEngine;

namespace {

// Answers a connect; everything else as told.
StubEngine::Handler engine_of(const std::string& api_version, StubEngine::Handler rest) {
    return [=](const std::string& request, Peer& peer) {
        if (request.starts_with("GET /_ping"))
            return peer.answer(200, "OK", "Api-Version: " + api_version + "\r\n");
        if (request.find("/version\r\n") != std::string::npos)
            return peer.answer(200, R"({"Version":"26.1.5+dfsg1"})");
        if (request.find("/networks/berth0\r\n") != std::string::npos)
            return peer.answer(200, R"({"Driver":"bridge","IPAM":{"Config":[{"Gateway":"172.18.0.1"}]}})");
        if (request.find("/networks?filters=") != std::string::npos) return peer.answer(200, "[]");
        rest(request, peer);
    };
}

void nothing_else(const std::string& request, Peer& peer) {
    peer.answer(500, "unexpected: " + request.substr(0, request.find("\r\n")));
}

std::string pull_stream(const std::string& last) {
    return R"({"status":"Pulling from app","id":"1"})"
           "\r\n"
           R"({"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"aa"})"
           "\r\n" +
           last + "\r\n";
}

}  // namespace

TEST_CASE("the API version is asked at every connect", "[runtime]") {
    std::string version = "1.43";
    StubEngine engine(
        [&](const std::string& request, Peer& peer) { engine_of(version, nothing_else)(request, peer); });
    DockerRuntime runtime({.socket = engine.socket()});
    auto info = runtime.connect({});
    REQUIRE(info);
    CHECK(info->name == "Docker Engine 26.1.5");
    CHECK(info->api_version == "1.43");
    version = "1.50";
    info = runtime.connect({});
    REQUIRE(info);
    CHECK(info->api_version == "1.45");
    CHECK(engine.requests().at(1) == "GET /v1.43/version");
    CHECK(engine.requests().at(6) == "GET /v1.45/networks/berth0");
}

TEST_CASE("an engine that does not fit is named with both versions", "[runtime]") {
    StubEngine old(engine_of("1.39", nothing_else));
    const auto too_old = DockerRuntime({.socket = old.socket()}).connect({});
    REQUIRE_FALSE(too_old);
    CHECK(too_old.error() ==
          Error{Errc::Unsupported,
                "connect: the engine is too old: it speaks API versions up to 1.39, Berth needs 1.41"});

    StubEngine refusing([](const std::string& request, Peer& peer) {
        if (request.starts_with("GET /_ping")) return peer.answer(200, "OK", "Api-Version: 1.60\r\n");
        peer.answer(400,
                    R"({"message":"client version 1.45 is too old. Minimum supported API version is 1.50"})");
    });
    const auto refused = DockerRuntime({.socket = refusing.socket()}).connect({});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Unsupported);
    CHECK_THAT(refused.error().message, ContainsSubstring("1.45"));
    CHECK_THAT(refused.error().message, ContainsSubstring("1.50"));
}

TEST_CASE("the bridge network is made where it is missing, and left alone where it is not",
          "[CM-38][runtime]") {
    bool there = false;
    std::string made;
    StubEngine engine([&](const std::string& request, Peer& peer) {
        if (request.find("/networks/create") != std::string::npos) {
            made = request.substr(request.find("\r\n\r\n") + 4);
            return peer.answer(201, R"({"Id":"n1","Warning":""})");
        }
        if (request.find("/networks/") != std::string::npos && !there)
            return peer.answer(404, R"({"message":"network berth0 not found"})");
        engine_of("1.41", nothing_else)(request, peer);
    });
    DockerRuntime runtime({.socket = engine.socket()});
    REQUIRE(runtime.connect({}));
    CHECK(nlohmann::json::parse(made)["Options"]["com.docker.network.bridge.name"] == "berth0");
    made.clear();
    there = true;
    REQUIRE(runtime.connect({}));
    CHECK(made.empty());
}

TEST_CASE("a bridge network that somebody has removed is made again for a start", "[CM-38][runtime]") {
    bool made = false;
    bool joined = false;
    StubEngine engine([&](const std::string& request, Peer& peer) {
        const auto asks = [&request](const char* what) { return request.find(what) != std::string::npos; };
        if (asks("/networks/create")) {
            made = true;
            return peer.answer(201, R"({"Id":"n2","Warning":""})");
        }
        if (asks("/networks/berth0/connect")) {
            joined = asks(R"("Aliases":["web-host"])");
            return peer.answer(200, "");
        }
        if (asks("/networks/berth0\r\n") && !made)
            return peer.answer(404, R"({"message":"network berth0 not found"})");
        if (asks("/containers/e1/start"))
            return joined ? peer.answer(204, "")
                          : peer.answer(404, R"({"message":"network 0a1b2c not found"})");
        if (asks("/containers/e1/json")) {
            const auto spec = make_spec("web", "1a2b3c4d-0000-4000-8000-000000000000");
            const nlohmann::json labels = {{"io.berth.id", spec.id},
                                           {"io.berth.document", encode_document(spec)}};
            const nlohmann::json seen = {{"Id", "e1"},
                                         {"Name", "/web"},
                                         {"Config", {{"Labels", labels}}},
                                         {"NetworkSettings", {{"Networks", {{"berth0", nullptr}}}}}};
            return peer.answer(200, seen.dump());
        }
        engine_of("1.41", nothing_else)(request, peer);
    });
    DockerRuntime runtime({.socket = engine.socket()});
    const auto started = runtime.start("e1", {});
    INFO((started ? "" : started.error().message));
    CHECK(started);
    CHECK(made);
    CHECK(joined);
    const auto gone = runtime.start("e2", {});
    REQUIRE_FALSE(gone);
    CHECK(engine.requests().back() == "POST /v1.41/containers/e2/start");
}

TEST_CASE("what starts apart, or has lost its document, gets a removed bridge back as well",
          "[CM-38][runtime]") {
    bool made = false;
    std::string joined;
    StubEngine engine([&](const std::string& request, Peer& peer) {
        const auto asks = [&request](const char* what) { return request.find(what) != std::string::npos; };
        if (asks("/networks/create")) {
            made = true;
            return peer.answer(201, R"({"Id":"n2","Warning":""})");
        }
        if (asks("/networks/berth0\r\n"))
            return made ? peer.answer(200, "{}")
                        : peer.answer(404, R"({"message":"network berth0 not found"})");
        if (asks("/networks/berth0/connect")) joined = request;
        if (asks("/networks/berth0/")) return peer.answer(200, "");
        // Engine 26 looks for the network of a container's mode, whichever it is on.
        if (asks("/containers/apart/start") && !made)
            return peer.answer(404, R"({"message":"could not find a network matching network mode berth0: )"
                                    R"(network berth0 not found"})");
        if (asks("/containers/bare/start") && joined.empty())
            return peer.answer(404, R"({"message":"network 0a1b2c not found"})");
        if (asks("/start")) return peer.answer(204, "");
        if (asks("/containers/apart/json"))
            return peer.answer(
                200, R"({"Id":"apart","NetworkSettings":{"Networks":{"berth0-apart-1a2b3c4d":null}}})");
        if (asks("/containers/bare/json"))
            return peer.answer(200, R"({"Id":"bare","NetworkSettings":{"Networks":{"berth0":null}}})");
        nothing_else(request, peer);
    });
    DockerRuntime runtime({.socket = engine.socket()});
    CHECK(runtime.start("apart", {}));
    CHECK(made);
    CHECK(joined.empty());
    CHECK(runtime.start("bare", {}));
    CHECK_THAT(joined, ContainsSubstring(R"({"Container":"bare"})"));
}

TEST_CASE("insecure registries that the engine does not allow are one warning a connect",
          "[CM-33][runtime]") {
    std::string info = R"({"RegistryConfig":{"IndexConfigs":{"b:5000":{"Secure":false}}}})";
    int status = 200;
    StubEngine engine(engine_of("1.41", [&](const std::string& request, Peer& peer) {
        if (request.starts_with("GET /v1.41/info\r\n")) return peer.answer(status, info);
        nothing_else(request, peer);
    }));
    const CapturedLog log;
    DockerRuntime runtime(
        {.socket = engine.socket(), .insecure_registries = {"localhost", "a:5000", "b:5000", "c:5000"}});
    REQUIRE(runtime.connect({}));
    CHECK(log.count("warning: ") == 1);
    CHECK(
        log.contains("the engine insists on TLS with a:5000, c:5000: add \"insecure-registries\": "
                     "[\"a:5000\", \"c:5000\"] to its daemon.json"));
    status = 500;
    REQUIRE(runtime.connect({}));
    CHECK(log.count("warning: insecure registries not compared") == 1);

    const auto asked = engine.requests().size();
    REQUIRE(DockerRuntime({.socket = engine.socket(), .insecure_registries = {"localhost"}}).connect({}));
    CHECK(engine.requests().size() == asked + 4);  // nothing to ask: ping, version, network, what is left
}

TEST_CASE("a pull fails by what its stream says, also after a 200", "[CM-32][runtime]") {
    struct Case {
        std::string last;
        std::optional<Errc> code;
    };
    const std::vector<Case> cases = {
        {R"({"status":"Status: Downloaded newer image for app:1"})", std::nullopt},
        {R"({"errorDetail":{"message":"unknown blob"},"error":"unknown blob"})", Errc::Internal},
        {R"({"errorDetail":{"message":"read tcp: connection reset by peer"},"error":"x"})",
         Errc::Unavailable},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.last) {
            StubEngine engine(engine_of("1.41", [&](const std::string&, Peer& peer) {
                peer.open_stream();
                peer.chunk(pull_stream(c.last));
                peer.end_stream();
            }));
            const auto pulled = DockerRuntime({.socket = engine.socket()}).pull("app:1", {});
            CHECK(bool(pulled) == !c.code);
            if (c.code) CHECK(pulled.error().code == *c.code);
        }
}

TEST_CASE("a pull whose engine goes away in the middle is unavailable", "[CM-32][runtime]") {
    StubEngine engine(engine_of("1.41", [](const std::string&, Peer& peer) {
        peer.open_stream();
        peer.chunk(pull_stream(R"({"status":"Extracting"})"));
        peer.close();
    }));
    const auto pulled = DockerRuntime({.socket = engine.socket()}).pull("app:1", {});
    REQUIRE_FALSE(pulled);
    CHECK(pulled.error().code == Errc::Unavailable);
}

TEST_CASE("a create whose answer got lost finds what it made", "[CM-12][CM-13][runtime]") {
    std::atomic<bool> made{false};
    StubEngine engine(engine_of("1.41", [&](const std::string& request, Peer& peer) {
        if (request.find("/containers/json") != std::string::npos)
            return peer.answer(200, made ? R"([{"Id":"e1","Names":["/web"],"State":"created"}])" : "[]");
        if (made)
            return peer.answer(409,
                               R"({"message":"Conflict. The container name \"/web\" is already in use"})");
        made = true;
        peer.send("HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n");
        peer.close();
    }));
    DockerRuntime runtime({.socket = engine.socket()});
    const auto lost = runtime.create(make_spec("web", "w1"), {}, {});
    REQUIRE_FALSE(lost);
    CHECK(lost.error().code == Errc::Unavailable);
    const auto again = runtime.create(make_spec("web", "w1"), {}, {});
    REQUIRE(again);
    CHECK(*again == "e1");
}

TEST_CASE("a paused container that ends while it is woken has stopped", "[CM-16][runtime]") {
    StubEngine engine(engine_of("1.45", [](const std::string& request, Peer& peer) {
        if (request.starts_with("GET /v1.45/containers/e1/json"))
            return peer.answer(200,
                               R"({"Id":"e1","State":{"Status":"paused","Running":true,"Paused":true}})");
        if (request.find("/e1/kill?") != std::string::npos) return peer.answer(204, "");
        if (request.find("/e1/unpause ") != std::string::npos ||
            request.find("/e1/unpause\r\n") != std::string::npos)
            return peer.answer(500, R"({"message":"an end in words that nobody knows"})");
        if (request.find("/e1/wait?") != std::string::npos) return peer.answer(200, R"({"StatusCode":143})");
        nothing_else(request, peer);
    }));
    DockerRuntime runtime({.socket = engine.socket()});
    REQUIRE(runtime.connect({}));
    CHECK(runtime.stop("e1", {.grace = std::chrono::seconds(60), .force = false}, {}));
}

TEST_CASE("a container whose keeper has gone when the signal comes has stopped", "[CM-16][runtime]") {
    StubEngine engine(engine_of("1.45", [](const std::string& request, Peer& peer) {
        if (request.starts_with("GET /v1.45/containers/e1/json"))
            return peer.answer(200, R"({"Id":"e1","State":{"Status":"running","Running":true}})");
        if (request.find("/e1/kill?") != std::string::npos)
            return peer.answer(500, R"({"message":"Cannot kill container: e1: ttrpc: closed: unknown"})");
        if (request.find("/e1/wait?") != std::string::npos) return peer.answer(200, R"({"StatusCode":0})");
        nothing_else(request, peer);
    }));
    DockerRuntime runtime({.socket = engine.socket()});
    REQUIRE(runtime.connect({}));
    CHECK(runtime.stop("e1", {.grace = std::chrono::seconds(60), .force = false}, {}));
}

TEST_CASE("a container is moved so that it is never without a network while it is needed",
          "[BX-22][runtime]") {
    std::string networks = R"({"berth0":{}})";
    StubEngine engine(engine_of("1.41", [&](const std::string& request, Peer& peer) {
        if (!request.starts_with("GET ")) return peer.answer(200, "{}");
        peer.answer(200, R"({"Id":"e1","Name":"/web","NetworkSettings":{"Networks":)" + networks + "}}");
    }));
    DockerRuntime runtime({.socket = engine.socket()});
    const auto spec = make_spec("web", "1a2b3c4d-0000-4000-8000-000000000000");
    std::size_t asked = 0;
    const auto move = [&](Place place) {
        REQUIRE(runtime.move_to("e1", spec, place, {}));
        const auto all = engine.requests();
        const std::vector<std::string> these(all.begin() + static_cast<std::ptrdiff_t>(asked), all.end());
        asked = all.size();
        return these;
    };
    using Lines = std::vector<std::string>;
    CHECK(move(Place::Apart) == Lines{"GET /v1.41/containers/e1/json", "POST /v1.41/networks/create",
                                      "POST /v1.41/networks/berth0-apart-1a2b3c4d/connect",
                                      "POST /v1.41/networks/berth0/disconnect"});
    networks = R"({"berth0-apart-1a2b3c4d":{}})";
    CHECK(move(Place::Apart) ==
          Lines{"GET /v1.41/containers/e1/json", "POST /v1.41/networks/berth0-apart-1a2b3c4d/disconnect",
                "POST /v1.41/networks/create", "POST /v1.41/networks/berth0-apart-1a2b3c4d/connect"});
    CHECK(move(Place::Shared) == Lines{"GET /v1.41/containers/e1/json", "POST /v1.41/networks/berth0/connect",
                                       "POST /v1.41/networks/berth0-apart-1a2b3c4d/disconnect",
                                       "DELETE /v1.41/networks/berth0-apart-1a2b3c4d"});
    networks = R"({"berth0":{}})";
    CHECK(move(Place::Shared) ==
          Lines{"GET /v1.41/containers/e1/json", "DELETE /v1.41/networks/berth0-apart-1a2b3c4d"});
    CHECK(move(Place::Nowhere) == Lines{"GET /v1.41/containers/e1/json",
                                        "POST /v1.41/networks/berth0/disconnect",
                                        "DELETE /v1.41/networks/berth0-apart-1a2b3c4d"});
    auto on_machine = spec;
    on_machine.network = "host";
    REQUIRE(runtime.move_to("e1", on_machine, Place::Nowhere, {}));
    CHECK(engine.requests().size() == asked);
}

TEST_CASE("a connect removes the networks of single instances that no container needs any more",
          "[BX-22][runtime]") {
    std::string left =
        R"([{"Name":"berth0"},{"Name":"berth0-apart-00000001"},{"Name":"berth0-apart-00000002"},)"
        R"({"Name":"other-apart-00000003"},{"Name":7}])";
    int deletion = 200;
    StubEngine engine([&](const std::string& request, Peer& peer) {
        if (request.find("/networks?filters=") != std::string::npos) return peer.answer(200, left);
        engine_of("1.41", [&](const std::string& asked, Peer& asking) {
            if (asked.starts_with("DELETE ")) return asking.answer(deletion, "");
            // one that was to start there and has not
            const bool taken = asked.find("apart-00000002") != std::string::npos;
            asking.answer(200, taken ? R"([{"Id":"e2","Names":["/web"],"State":"created"}])" : "[]");
        })(request, peer);
    });
    const auto deleted = [&] {
        std::vector<std::string> lines;
        for (const auto& line : engine.requests())
            if (line.starts_with("DELETE ")) lines.push_back(line);
        return lines;
    };
    DockerRuntime runtime({.socket = engine.socket()});
    REQUIRE(runtime.connect({}));
    CHECK(deleted() == std::vector<std::string>{"DELETE /v1.41/networks/berth0-apart-00000001"});
    const auto asked = engine.requests().at(3);
    CHECK_THAT(asked, ContainsSubstring(url_escape(encode_filters("berth"))));

    const CapturedLog log;
    deletion = 500;
    REQUIRE(runtime.connect({}));
    CHECK(log.contains("warning: network 'berth0-apart-00000001' is left behind: "));
    left = "no list";
    REQUIRE(runtime.connect({}));
    CHECK(log.contains("warning: left networks not looked for: "));
    CHECK(deleted().size() == 2);
}

TEST_CASE("who waits for a network that is being swept waits no longer than told, and nobody else waits",
          "[BX-22][runtime]") {
    std::promise<void> asked;
    std::promise<void> answer;
    StubEngine engine([&](const std::string& request, Peer& peer) {
        if (request.find("/networks?filters=") != std::string::npos)
            return peer.answer(200, R"([{"Name":"berth0-apart-1a2b3c4d"}])");
        engine_of("1.41", [&](const std::string& other, Peer& asking) {
            if (!other.starts_with("GET ")) return asking.answer(200, "{}");
            if (other.find("/containers/json?") == std::string::npos)
                return asking.answer(200, R"({"Id":"e1","Name":"/web"})");
            asked.set_value();
            answer.get_future().wait();
            asking.answer(200, "[]");
        })(request, peer);
    });
    DockerRuntime runtime({.socket = engine.socket()});
    auto sweeping = std::async(std::launch::async, [&] { return static_cast<bool>(runtime.connect({})); });
    asked.get_future().wait();
    const auto apart = [&](const std::string& id, const Call& call) {
        return std::async(std::launch::async, [&runtime, id, call] {
            return runtime.move_to("e1", make_spec("web", id), Place::Apart, call);
        });
    };
    constexpr std::chrono::seconds kPatience{20};
    Call short_one{};
    short_one.deadline = steady_clock::now() + std::chrono::milliseconds(300);
    std::stop_source stop;
    Call stopped_one{};
    stopped_one.stop = stop.get_token();
    auto late = apart("1a2b3c4d-0000-4000-8000-000000000000", short_one);
    auto stopped = apart("1a2b3c4d-0000-4000-8000-000000000000", stopped_one);
    auto another = apart("5e6f7a8b-0000-4000-8000-000000000000", {});
    CHECK(late.wait_for(kPatience) == std::future_status::ready);
    stop.request_stop();
    CHECK(stopped.wait_for(kPatience) == std::future_status::ready);
    CHECK(another.wait_for(kPatience) == std::future_status::ready);
    answer.set_value();
    CHECK(sweeping.get());
    const auto too_late = late.get();
    REQUIRE_FALSE(too_late);
    CHECK(too_late.error().code == Errc::Timeout);
    const auto given_up = stopped.get();
    REQUIRE_FALSE(given_up);
    CHECK(given_up.error().code == Errc::Interrupted);
    CHECK(another.get());
}

TEST_CASE("what an update cannot carry out as asked is in the log", "[CM-06][runtime]") {
    StubEngine engine(engine_of("1.41", [](const std::string& request, Peer& peer) {
        if (request.starts_with("GET ")) return peer.answer(200, R"({"Id":"e1","Name":"/web"})");
        peer.answer(200, R"({"Warnings":null})");
    }));
    const CapturedLog log;
    DockerRuntime runtime({.socket = engine.socket()});
    REQUIRE(runtime.update("e1", {.resources = Resources{.memory = "4M"}}, {}));
    CHECK(log.contains("warning: update web: "));
}

TEST_CASE("an event stream that ends is unavailable", "[runtime]") {
    StubEngine engine(engine_of("1.41", [](const std::string&, Peer& peer) {
        peer.open_stream();
        peer.chunk(R"({"Action":"start","Actor":{"ID":"e1"}})"
                   "\n"
                   R"({"Action":"attach","Actor":{"ID":"e1"}})"
                   "\n");
        peer.end_stream();
    }));
    int subscribed = 0;
    std::vector<EngineEvent> events;
    const auto ended =
        DockerRuntime({.socket = engine.socket()})
            .watch([&] { ++subscribed; }, [&](EngineEvent e) { events.push_back(std::move(e)); }, {});
    REQUIRE_FALSE(ended);
    CHECK(ended.error().code == Errc::Unavailable);
    CHECK(subscribed == 1);
    REQUIRE(events.size() == 1);
    CHECK(events[0].kind == EngineEventKind::Start);
}

TEST_CASE("an event that is too long does not end the stream", "[runtime]") {
    StubEngine engine(engine_of("1.41", [](const std::string&, Peer& peer) {
        const std::string label(kMaxLine, 'x');
        peer.open_stream();
        for (int i = 0; i < 2; ++i)
            peer.chunk(R"({"Action":"start","Actor":{"ID":"e0","Attributes":{"a":")" + label + "\"}}}\n");
        peer.chunk(R"({"Action":"die","Actor":{"ID":"e1"}})"
                   "\n");
        peer.end_stream();
    }));
    const CapturedLog log;
    std::vector<EngineEvent> events;
    const auto ended = DockerRuntime({.socket = engine.socket()})
                           .watch([] {}, [&](EngineEvent e) { events.push_back(std::move(e)); }, {});
    CHECK(ended.error().code == Errc::Unavailable);
    REQUIRE(events.size() == 1);
    CHECK(events[0].engine_id == "e1");
    CHECK(log.count("warning: the engine tells of a container with labels of more than 1 MiB") == 1);
}
