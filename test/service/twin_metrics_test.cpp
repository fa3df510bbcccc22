// Reports of what containers use, from the engine in memory: its processes have no kernel files.
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "test/service/twin_bench.hpp"
#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/child.hpp"

using namespace berth;
using namespace berth::test;
using nlohmann::json;

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

struct Meter : TwinBench {
    explicit Meter(service::ThingsConfig config = {}, const json& made = json::object(),
                   service::MetricsConfig metrics = {})
        : TwinBench(std::move(config), {}, std::move(metrics)) {
        start();
        connect();
        id = create("make", {{"imageRef", "app:1"}, {"name", "web"}, {"start", true}, {"config", made}});
        require([&] { return cloud.status("Container:" + id)["state"]["status"] == "RUNNING"; });
        use(1, 10);
        cloud.take_said();
    }
    EngineId engine_id() { return engine_id_of(id); }
    EngineId engine_id_of(const std::string& which) {
        for (const auto& container : engine.containers())
            if (container.spec.id == which) return container.engine_id;
        return {};
    }
    void use(std::uint64_t container_s, std::uint64_t host_s) {
        Usage usage{};
        usage.cpu = CpuUse{container_s * kSecond, host_s * kSecond};
        usage.memory = MemoryUse{3000, 1000, 4096};
        usage.net = Transfer{100, 200};
        usage.pids = 2;
        engine.put_usage(engine_id(), usage);
    }
    void use_memory(std::uint64_t bytes) { use_memory(bytes, id); }
    void use_memory(std::uint64_t bytes, const std::string& which) {
        Usage usage{};
        usage.memory = MemoryUse{bytes, 0, 1'000'000};
        usage.pids = 2;
        engine.put_usage(engine_id_of(which), usage);
    }
    // One more report has been read, and judged.
    void await_another_reading() {
        if (!engine.await_calls(Verb::Stats, engine.calls(Verb::Stats) + 2))
            throw std::runtime_error("the engine is not asked");
        settle();
    }
    // What was published since, in order.
    std::vector<std::string> after_answer(const std::string& request) {
        std::vector<std::string> words;
        bool answered = false;
        for (const auto& one : station().link.all()) {
            const auto has = [&](const std::string& part) {
                return one.payload.find(part) != one.payload.npos;
            };
            answered |= one.topic.ends_with("/res/" + request + "/204");
            if (!answered) continue;
            if (has("\"path\":\"/features/Container:" + id + "\"")) words.emplace_back("shown");
            if (has("/outbox/messages/data")) words.emplace_back("report");
        }
        return words;
    }
    // The snapshots that a broker which is there has got, in order.
    std::vector<json> arrived() {
        std::vector<json> snapshots;
        station().link.await_arrived([&snapshots](const std::vector<service::Publication>& all) {
            for (const auto& one : all)
                if (one.importance == service::Importance::Metrics)
                    snapshots.push_back(json::parse(one.payload).at("value").at("snapshot"));
            return true;
        });
        return snapshots;
    }
    std::size_t waiting() { return station().link.waiting(service::Importance::Metrics); }
    // The newest report says it.
    bool reports_memory(std::uint64_t bytes) {
        return until([&] {
            const auto& all = cloud.reports();
            return !all.empty() && value(all.back(), "memory.used") == bytes;
        });
    }
    json value(const json& report, const std::string& metric) {
        for (const auto& measurement : report["snapshot"][0]["measurements"])
            if (measurement["id"] == metric) return measurement["value"];
        return nullptr;
    }

    std::string id;
};

// What each container uses of it, in a report on nothing else.
std::map<std::string, double> memory_in(const json& report) {
    std::map<std::string, double> all;
    for (const auto& entry : report["snapshot"])
        all[entry["originator"].get<std::string>()] = entry["measurements"][0]["value"].get<double>();
    return all;
}

}  // namespace

TEST_CASE("metrics are reported until they are not wanted any more",
          "[TW-59][TW-61][TW-63][TW-64][TW-65][service]") {
    Meter meter;
    REQUIRE(meter.ask("Metrics", "request", "m1", {{"frequency", "1s"}}) == 204);
    REQUIRE(meter.says("+Container:" + meter.id));
    REQUIRE(meter.engine.await_calls(Verb::Stats, 1));  // the baseline
    meter.use(2, 14);
    REQUIRE(meter.until([&] { return !meter.cloud.reports().empty(); }));
    const auto report = meter.cloud.reports()[0];
    CHECK(meter.value(report, "cpu.utilization") == 25);
    CHECK(meter.value(report, "memory.used") == 2000);
    CHECK(meter.value(report, "memory.total") == 4096);
    CHECK(meter.value(report, "net.writeBytes") == 200);
    CHECK(meter.value(report, "io.readBytes").is_null());
    CHECK(report["snapshot"][0]["originator"] == "Container:" + meter.id);
    CHECK(report["timestamp"].get<std::int64_t>() < 100'000'000'000);
    CHECK(meter.after_answer("m1").front() == "shown");

    // From the first on each is measured from the one before.
    meter.use(3, 24);
    json next;
    REQUIRE(meter.until([&] {
        const auto& reports = meter.cloud.reports();
        for (std::size_t i = 1; i < reports.size() && next.is_null(); ++i)
            next = meter.value(reports[i], "cpu.utilization");
        return !next.is_null();
    }));
    CHECK(next == 10);

    REQUIRE(meter.ask("Metrics", "request", "m2", {{"frequency", "soon"}}) == 400);
    const auto heard = meter.cloud.reports().size();
    REQUIRE(meter.until([&] { return meter.cloud.reports().size() > heard; }));  // goes on
    const auto said = meter.after_answer("m1");
    CHECK(said.front() == "shown");
    CHECK(std::count(said.begin(), said.end(), "shown") == 1);
    REQUIRE(meter.ask("Metrics", "request", "m3", {{"frequency", "1s"}, {"filter", {{{"id", {"pids"}}}}}}) ==
            204);
    const auto before = meter.cloud.reports().size();
    REQUIRE(meter.until([&] { return meter.cloud.reports().size() > before; }));
    CHECK(meter.cloud.reports().back()["snapshot"][0]["measurements"] ==
          json({{{"id", "pids"}, {"value", 2}}}));

    REQUIRE(meter.ask("Metrics", "request", "m4", {{"frequency", "0s"}}) == 204);
    meter.settle();
    const auto last = meter.cloud.reports().size();
    const auto reads = meter.engine.calls(Verb::Stats);
    CHECK_FALSE(meter.engine.await_calls(Verb::Stats, reads + 1, std::chrono::milliseconds(1500)));
    CHECK(meter.cloud.reports().size() == last);
}

TEST_CASE("a report that takes long makes others fall out, and is not said once it is not wanted",
          "[TW-64][service]") {
    constexpr int kNeverSoMany = 1000;
    Meter meter;
    REQUIRE(meter.ask("Metrics", "request", "m1", {{"frequency", "1s"}}) == 204);
    REQUIRE(meter.engine.await_calls(Verb::Stats, 1));  // the baseline
    meter.engine.gather_stats(kNeverSoMany);
    REQUIRE(meter.engine.await_calls(Verb::Stats, 2));  // the report, held up for two periods
    CHECK_FALSE(meter.engine.await_calls(Verb::Stats, 3, std::chrono::milliseconds(2300)));
    CHECK(meter.ask("Metrics", "request", "m2", {{"frequency", "0s"}}) == 204);
    meter.engine.gather_stats(0);
    CHECK_FALSE(meter.engine.await_calls(Verb::Stats, 3, std::chrono::milliseconds(500)));  // none queued up
    meter.settle();
    CHECK(meter.cloud.reports().empty());

    const auto of = [](const char* metric) { return json::array({{{"id", json::array({metric})}}}); };
    REQUIRE(meter.ask("Metrics", "request", "m3", {{"frequency", "1s"}, {"filter", of("pids")}}) == 204);
    REQUIRE(meter.engine.await_calls(Verb::Stats, 3));
    meter.engine.gather_stats(kNeverSoMany);
    REQUIRE(meter.engine.await_calls(Verb::Stats, 4));
    CHECK(meter.ask("Metrics", "request", "m4", {{"frequency", "1s"}, {"filter", of("memory.used")}}) == 204);
    meter.engine.gather_stats(0);
    REQUIRE(meter.until([&] { return !meter.cloud.reports().empty(); }));
    CHECK(meter.cloud.reports()[0]["snapshot"][0]["measurements"] ==
          json({{{"id", "memory.used"}, {"value", 2000}}}));
}

TEST_CASE("nothing is refreshed where that is off, and an empty report is not sent",
          "[TW-60][TW-61][TW-65][service]") {
    service::ThingsConfig config{};
    config.metrics_refresh = false;
    Meter meter(config);
    REQUIRE(meter.ask("Metrics", "request", "m1",
                      {{"frequency", "1s"}, {"filter", {{{"originator", "Container:other"}}}}}) == 204);
    meter.settle();
    CHECK(meter.cloud.said().empty());
    CHECK_FALSE(meter.engine.await_calls(Verb::Stats, 1, std::chrono::milliseconds(1300)));
    meter.settle();
    CHECK(meter.cloud.reports().empty());
}

TEST_CASE("who starts later is measured from there", "[TW-63][service]") {
    Meter meter;
    // No report comes meanwhile: what is read are baselines.
    REQUIRE(meter.ask("Metrics", "request", "m1", {{"frequency", "1h"}}) == 204);
    REQUIRE(meter.engine.await_calls(Verb::Stats, 1));
    const auto later = meter.create("later", {{"imageRef", "app:1"}, {"name", "later"}, {"start", true}});
    REQUIRE_FALSE(later.empty());
    CHECK(meter.engine.await_calls(Verb::Stats, 2));
    REQUIRE(meter.ask("Container:" + meter.id, "stop", "s1") == 204);
    REQUIRE(meter.ask("Container:" + meter.id, "start", "s2") == 204);
    CHECK(meter.engine.await_calls(Verb::Stats, 3));
    meter.settle();
    CHECK(meter.engine.calls(Verb::Stats) == 3);
}

TEST_CASE("what a container used before it started anew counts for nothing", "[TW-63][service]") {
    Meter meter;
    REQUIRE(meter.ask("Metrics", "request", "m1", {{"frequency", "1s"}}) == 204);
    const auto& reports = meter.cloud.reports();
    REQUIRE(meter.until([&] { return !reports.empty(); }));
    const auto engine_id = meter.engine_id();
    const auto other = meter.create("other", {{"imageRef", "app:1"}, {"name", "other"}});
    const bool is_pid_known = GENERATE(true, false);
    REQUIRE(meter.engine.stop(engine_id, {}, {}));
    REQUIRE(meter.says("Container:" + meter.id + " state STOPPED"));
    meter.use(5, 30);
    meter.settle();
    const auto before = reports.size();
    if (!is_pid_known) meter.engine.fail_next(Verb::Inspect, fail(Errc::Timeout, "no answer"), 10);
    REQUIRE(meter.engine.start(engine_id, {}));
    REQUIRE(meter.until([&] { return reports.size() > before; }));
    CHECK(meter.value(reports[before], "memory.used") == 2000);
    CHECK(meter.value(reports[before], "cpu.utilization").is_null());
    REQUIRE(meter.ask("Container:" + other, "rename", "n1", "elsewhere") == 204);  // changes nothing here
    meter.use(6, 34);
    REQUIRE(meter.until([&] { return !meter.value(reports.back(), "cpu.utilization").is_null(); }));
    CHECK(meter.value(reports.back(), "cpu.utilization") == 25);
}

TEST_CASE("a request for metrics is followed by the containers that it is about", "[TW-65][service]") {
    Meter meter;
    const auto other = meter.create("other", {{"imageRef", "app:1"}, {"name", "other"}});
    meter.settle();
    meter.cloud.take_said();
    REQUIRE(meter.ask("Metrics", "request", "m1",
                      {{"frequency", "1h"}, {"filter", {{{"originator", "Container:" + other}}}}}) == 204);
    REQUIRE(meter.says("+Container:" + other));
    meter.settle();
    CHECK(meter.cloud.said() == std::vector<std::string>{"+Container:" + other});
}

TEST_CASE("on the machine's network a container has no traffic of its own", "[TW-62][service]") {
    Meter meter({}, {{"networkMode", "HOST"}});
    REQUIRE(meter.ask("Metrics", "request", "m1", {{"frequency", "1s"}}) == 204);
    REQUIRE(meter.until([&] { return !meter.cloud.reports().empty(); }));
    CHECK(meter.value(meter.cloud.reports()[0], "net.readBytes") == 0);
    CHECK(meter.value(meter.cloud.reports()[0], "net.writeBytes") == 0);
    CHECK(meter.value(meter.cloud.reports()[0], "pids") == 2);
}

TEST_CASE("a lost connection ends the reports", "[TW-64][service]") {
    Meter meter;
    REQUIRE(meter.ask("Metrics", "request", "m1", {{"frequency", "1s"}}) == 204);
    REQUIRE(meter.engine.await_calls(Verb::Stats, 1));
    meter.station().lose_broker();
    meter.station().connect_broker();
    meter.tell("edge/thing/response", meter.cloud.edge_response());
    meter.settle();
    const auto reads = meter.engine.calls(Verb::Stats);
    CHECK_FALSE(meter.engine.await_calls(Verb::Stats, reads + 1, std::chrono::milliseconds(1300)));
}

TEST_CASE("what hardly moves is not reported again", "[BX-13][service]") {
    service::MetricsConfig config{};
    config.change = 10;
    Meter meter({}, json::object(), config);
    meter.use_memory(1000);
    const auto filter = json::array({{{"id", json::array({"memory.used", "pids"})}}});
    REQUIRE(meter.ask("Metrics", "request", "m1", {{"frequency", "1s"}, {"filter", filter}}) == 204);
    const auto& reports = meter.cloud.reports();
    REQUIRE(meter.until([&] { return reports.size() == 1; }));
    CHECK(reports[0]["snapshot"][0]["measurements"].size() == 2);

    meter.use_memory(1090);
    meter.await_another_reading();
    CHECK(reports.size() == 1);
    meter.use_memory(1100);
    REQUIRE(meter.until([&] { return reports.size() == 2; }));
    CHECK(reports[1]["snapshot"][0]["measurements"] == json({{{"id", "memory.used"}, {"value", 1100}}}));

    // Whoever waits for a report that there was no room for has not heard it.
    meter.station().link.drop_next("/outbox/messages/data");
    meter.use_memory(5000);
    REQUIRE(meter.until([&] { return reports.size() == 3; }));
    CHECK(reports[2]["snapshot"][0]["measurements"].size() == 2);

    // A new request and a new start begin anew.
    REQUIRE(meter.ask("Metrics", "request", "m2", {{"frequency", "1s"}, {"filter", filter}}) == 204);
    REQUIRE(meter.until([&] { return reports.size() == 4; }));
    CHECK(reports[3]["snapshot"][0]["measurements"].size() == 2);
    REQUIRE(meter.ask("Container:" + meter.id, "stop", "s1") == 204);
    REQUIRE(meter.ask("Container:" + meter.id, "start", "s2") == 204);
    REQUIRE(meter.until([&] { return reports.size() == 5; }));
    CHECK(reports[4]["snapshot"][0]["measurements"].size() == 2);

    // What the broker refuses nobody has heard either.
    meter.station().link.refuse("/outbox/messages/data");
    meter.use_memory(9000);
    REQUIRE(meter.until([&] { return reports.size() >= 7; }));
    CHECK(reports[6]["snapshot"][0]["measurements"].size() == 2);
}

TEST_CASE("while the broker is slow only the newest report of its kind waits", "[BX-15][service]") {
    const auto of = [](const char* metric) { return json::array({{{"id", json::array({metric})}}}); };
    Meter meter;
    const auto& reports = meter.cloud.reports();
    meter.use_memory(1000);
    meter.station().link.set_broker(false);
    REQUIRE(meter.ask("Metrics", "request", "m1", {{"frequency", "1s"}, {"filter", of("memory.used")}}) ==
            204);
    REQUIRE(meter.reports_memory(1000));
    CHECK(meter.waiting() == 1);
    meter.use_memory(2000);
    REQUIRE(meter.reports_memory(2000));
    CHECK(meter.waiting() == 1);

    // One of more containers, or for another request, is not of its kind.
    const auto other = meter.create("other", {{"imageRef", "app:1"}, {"name", "other"}, {"start", true}});
    meter.use_memory(500, other);
    REQUIRE(meter.until([&] { return reports.back()["snapshot"].size() == 2; }));
    CHECK(meter.waiting() == 2);
    for (const char* request : {"m2", "m3"}) {
        REQUIRE(meter.ask("Metrics", "request", request, {{"frequency", "1s"}, {"filter", of("pids")}}) ==
                204);
        const auto before = reports.size();
        REQUIRE(meter.until([&] { return reports.size() > before; }));
    }
    CHECK(meter.waiting() == 4);

    meter.station().broker_comes();
    const auto arrived = meter.arrived();
    REQUIRE(arrived.size() >= 4);
    CHECK(arrived[0].size() == 1);
    CHECK(arrived[0][0]["measurements"] == json({{{"id", "memory.used"}, {"value", 2000}}}));
    CHECK(arrived[1].size() == 2);
    for (const std::size_t which : {2U, 3U})
        CHECK(arrived[which][0]["measurements"] == json({{{"id", "pids"}, {"value", 2}}}));
}

TEST_CASE("a report of what has moved takes nothing from one with more", "[BX-13][BX-15][service]") {
    service::MetricsConfig config{};
    config.change = 10;
    Meter meter({}, json::object(), config);
    meter.use_memory(1000);
    meter.station().link.set_broker(false);
    const auto filter = json::array({{{"id", json::array({"memory.used", "pids"})}}});
    REQUIRE(meter.ask("Metrics", "request", "m1", {{"frequency", "1s"}, {"filter", filter}}) == 204);
    REQUIRE(meter.reports_memory(1000));
    meter.use_memory(2000);
    REQUIRE(meter.reports_memory(2000));
    meter.use_memory(3000);
    REQUIRE(meter.reports_memory(3000));

    meter.station().broker_comes();
    const auto arrived = meter.arrived();
    REQUIRE(arrived.size() == 2);
    CHECK(meter.value({{"snapshot", arrived[0]}}, "memory.used") == 1000);
    CHECK(meter.value({{"snapshot", arrived[0]}}, "pids") == 2);
    CHECK(arrived[1][0]["measurements"] == json({{{"id", "memory.used"}, {"value", 3000}}}));
}

TEST_CASE("where only the kernel is read the engine is never asked", "[BX-13][service]") {
    service::MetricsConfig config{};
    config.source = "kernel";
    Meter meter({}, json::object(), config);
    REQUIRE(meter.ask("Metrics", "request", "m1", {{"frequency", "1s"}}) == 204);
    CHECK_FALSE(meter.engine.await_calls(Verb::Stats, 1, std::chrono::milliseconds(1300)));
    meter.settle();
    CHECK(meter.cloud.reports().empty());
}

TEST_CASE("the connectivity and the request for metrics of Leda's documentation are understood",
          "[TW-06][TW-65][service]") {
    const std::string data = BERTH_SOURCE_DIR "/test/data/";
    // Its placeholders are those of the device that the request is for.
    auto connectivity = read_file(data + "simulate-connectivity.json");
    const std::vector<std::pair<std::string, std::string>> words = {{"<namespace>", "dummy-namespace"},
                                                                    {"<gatewayId>", "dummy-gateway"},
                                                                    {"<deviceId>", "dummy-device-id"},
                                                                    {"<tenantId>", "dummy-tenant"}};
    for (const auto& [placeholder, word] : words)
        connectivity.replace(connectivity.find(placeholder), placeholder.size(), word);

    TwinBench bench;
    bench.cloud = Cloud("dummy-namespace:dummy-gateway:dummy-device-id", "dummy-tenant");
    bench.start();
    bench.station().await_ready();
    bench.station().connect_broker();
    bench.require([&] { return bench.asked() == 1; });
    bench.tell("edge/thing/response", connectivity);
    REQUIRE(bench.until([&] { return bench.is_subscribed(bench.cloud.command_filter()); }));
    const auto id = bench.create("make", {{"imageRef", "app:1"}, {"start", true}});
    bench.require([&] { return bench.cloud.status("Container:" + id)["state"]["status"] == "RUNNING"; });
    bench.cloud.take_said();

    bench.tell(bench.cloud.command_topic("m1", "request"),
               read_file(data + "container-metrics-request.json"));
    REQUIRE(bench.answered("m1") == 204);
    CHECK(bench.cloud.answer("m1")->envelope["headers"]["correlation-id"] ==
          "3fdc463c-293c-4f39-ab19-24aef7944550");
    CHECK(bench.says("+Container:" + id));
    CHECK(bench.engine.await_calls(Verb::Stats, 1));  // the baseline of what is reported later
    CHECK(bench.cloud.complaints().empty());
}

TEST_CASE("a hundred containers are in each report, and one that goes is in none that follows",
          "[TW-61][service]") {
    constexpr int kMany = 100;
    service::MetricsConfig from_engine{};
    from_engine.source = "engine";
    TwinBench bench({}, {}, from_engine);
    std::map<std::string, double> expected;
    EngineId going;
    for (int i = 0; i < kMany; ++i) {
        auto made = running(spec("c" + std::to_string(i)));
        made.state.pid = 77;
        going = bench.engine.put(made);
        Usage usage{};
        usage.memory = MemoryUse{static_cast<std::uint64_t>(1000 + i), 0, 1'000'000};
        bench.engine.put_usage(going, usage);
        expected["Container:" + made.spec.id] = 1000 + i;
    }
    bench.start();
    bench.connect();
    const auto& reports = bench.cloud.reports();
    REQUIRE(bench.ask("Metrics", "request", "m1",
                      {{"frequency", "1s"}, {"filter", {{{"id", {"memory.used"}}}}}}) == 204);
    REQUIRE(bench.until([&] { return reports.size() >= 2; }));
    for (const auto& report : reports) {
        CHECK(report["snapshot"].size() == kMany);
        CHECK(memory_in(report) == expected);
    }

    REQUIRE(bench.engine.remove(going, {}));  // the last of them
    const auto gone = "Container:id-c" + std::to_string(kMany - 1);
    REQUIRE(expected.erase(gone) == 1);
    REQUIRE(bench.until([&] { return memory_in(reports.back()) == expected; }));
    const auto heard = reports.size();
    REQUIRE(bench.until([&] { return reports.size() > heard; }));
    CHECK(memory_in(reports.back()) == expected);
    for (const auto& report : reports) {  // also in one that was being read meanwhile
        auto others = memory_in(report);
        others.erase(gone);
        CHECK(others == expected);
    }
}
