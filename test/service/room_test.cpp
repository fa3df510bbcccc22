// An update that has no room: nothing is pulled, made or stopped, and it says why.
#include <atomic>
#include <chrono>
#include <optional>
#include <stop_token>
#include <thread>

#include "service/admission.hpp"
#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/gateway.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using berth::service::StepsConfig;
using berth::service::survey;
using berth::test::FakeRuntime;
using berth::test::Gateway;
using berth::test::message;
using berth::test::one_by_one;
using berth::test::Station;
using berth::test::UpdateAgentConfig;
using berth::test::Verb;
using berth::test::Words;

namespace {

constexpr std::int64_t kMiB = 1024 * 1024;

// 120 MiB free, of which 20 MiB stay free: room for 33 MiB of layers.
struct Narrow : Gateway {
    explicit Narrow(UpdateAgentConfig given = one_by_one()) : Gateway(std::move(given)) {
        StepsConfig narrow{};
        narrow.stop_timeout = std::chrono::seconds(2);
        narrow.reserve_bytes = 20 * kMiB;
        station = std::make_unique<Station>(engine, folder.path(), config, narrow);
        station->await_ready();
        engine.set_free(120 * kMiB);
    }
    void put_remote(const std::string& image, std::vector<Layer> layers) {
        engine.put_in_registry(image);
        engine.put_layers(image, std::move(layers));
    }
    std::string message_of(const std::string& activity, std::size_t action) {
        return on().last(activity)->actions.at(action).message;
    }
};

}  // namespace

TEST_CASE("without room nothing happens, and the old set runs", "[BX-02][UA-54][service]") {
    auto config = one_by_one();
    config.parallel = GENERATE(1, 4);
    Narrow device(config);
    device.deploy("before", {{"web"}});
    device.put_remote("far:1", {{"a", 30 * kMiB}, {"b", 4 * kMiB}});
    device.on().desire(message("big", {{"web", "app:2"}, {"db", "far:1"}}));
    REQUIRE(device.on().says("big", "INCOMPLETE"));
    CHECK(device.on().says("big", "DOWNLOAD_FAILURE"));
    const std::string why = "no space: need 102 MiB, free 120 MiB, reserve 20 MiB";
    CHECK(device.message_of("big", 0) == why);  // the first to begin tells it for all
    CHECK(device.on().last("big")->actions[0].status == Word::DownloadFailure);
    if (config.parallel > 1) CHECK(device.message_of("big", 1) == why);
    CHECK(device.engine.calls(Verb::Pull) == 0);
    CHECK(device.engine.calls(Verb::Create) == 1);
    CHECK(device.engine.calls(Verb::Stop) == 0);
    CHECK(device.names_and_images() == Words{"web=app:1"});
    CHECK(device.records() == 1);
}

TEST_CASE("all images of a phase have to fit together, a shared layer counts once", "[BX-02][service]") {
    Narrow device;
    device.put_remote("far:1", {{"base", 15 * kMiB}, {"one", 5 * kMiB}});
    device.put_remote("far:2", {{"base", 15 * kMiB}, {"two", 10 * kMiB}});
    device.put_remote("far:3", {{"three", 20 * kMiB}});
    device.on().desire(message("both", {{"web", "far:1"}, {"db", "far:3"}}));
    REQUIRE(device.on().says("both", "INCOMPLETE"));
    CHECK(device.message_of("both", 0) == "no space: need 120 MiB, free 120 MiB, reserve 20 MiB");
    CHECK(device.engine.calls(Verb::Pull) == 0);
    device.deploy("shared", {{"web", "far:1"}, {"db", "far:2"}});
}

TEST_CASE("layers that the engine has need no room", "[BX-02][service]") {
    Narrow device;
    device.engine.put_layers("app:1", {{"base", 100 * kMiB}});
    device.put_remote("app:3", {{"base", 100 * kMiB}, {"top", 1 * kMiB}});
    device.deploy("fits", {{"web", "app:3"}});
    device.put_remote("app:4", {{"base", 100 * kMiB}, {"top-of-4", 40 * kMiB}});
    device.on().desire(message("too much", {{"web", "app:4"}}));
    REQUIRE(device.on().says("too much", "INCOMPLETE"));
    CHECK(device.message_of("too much", 0) == "no space: need 120 MiB, free 120 MiB, reserve 20 MiB");
    CHECK(device.names_and_images() == Words{"web=app:3"});
}

TEST_CASE("where every image is there, nobody is asked anything", "[BX-02][service]") {
    Narrow device;
    device.engine.set_free(0);
    device.deploy("one", {{"web"}, {"db", "app:2"}, {"third"}});
    CHECK(device.engine.calls(Verb::ImagePresent) == 2);  // once an image
    CHECK(device.engine.calls(Verb::Space) == 0);
    CHECK(device.engine.calls(Verb::ImageLayers) == 0);
    device.deploy("two", {{"web"}, {"db", "app:2"}, {"third"}});
    CHECK(device.engine.calls(Verb::ImagePresent) == 2);
}

TEST_CASE("an image of unknown size is pulled above the reserve, and not at it", "[BX-02][service]") {
    Narrow device;
    device.engine.put_in_registry("far:1", kMiB);
    device.deploy("above", {{"web", "far:1"}});
    device.engine.set_free(20 * kMiB);
    device.engine.put_in_registry("far:2", kMiB);
    device.on().desire(message("at", {{"web", "far:2"}}));
    REQUIRE(device.on().says("at", "INCOMPLETE"));
    CHECK(device.message_of("at", 0) == "no space: need unknown, free 20 MiB, reserve 20 MiB");
    CHECK(device.engine.calls(Verb::Pull) == 1);
    CHECK(device.names_and_images() == Words{"web=far:1"});
}

TEST_CASE("a pull that turns out too large is cancelled", "[BX-02][service]") {
    Narrow device;
    device.put_remote("far:1", {{"known", 20 * kMiB}});
    device.engine.put_in_registry("far:2", 14 * kMiB);
    device.deploy("before", {{"web"}});
    device.engine.hang_pulls(true);
    device.on().desire(message("big", {{"web", "far:2"}, {"db", "far:1"}}));
    REQUIRE(device.on().says("big", "INCOMPLETE"));
    CHECK(device.message_of("big", 0) == "no space: need 102 MiB, free 120 MiB, reserve 20 MiB");
    CHECK(device.engine.calls(Verb::Pull) == 1);
    CHECK(device.names_and_images() == Words{"web=app:1"});
    device.engine.hang_pulls(false);
    device.engine.put_in_registry("far:2", 13 * kMiB);
    device.deploy("fits", {{"web", "far:2"}, {"db", "far:1"}});
}

TEST_CASE("where it cannot be told what the engine has of an image, its pull tells", "[BX-02][service]") {
    Narrow device;
    device.engine.put_layers("app:1", {{"base", 100 * kMiB}});
    device.put_remote("app:3", {{"base", 100 * kMiB}, {"top", 1 * kMiB}});
    device.engine.put_in_registry("app:3", 1 * kMiB);
    device.engine.hide_deltas(true);
    device.deploy("fits", {{"web", "app:3"}});
    device.put_remote("app:4", {{"base", 100 * kMiB}, {"top-of-4", 40 * kMiB}});
    device.engine.put_in_registry("app:4", 40 * kMiB);
    device.engine.hang_pulls(true);
    device.on().desire(message("too much", {{"web", "app:4"}}));
    REQUIRE(device.on().says("too much", "INCOMPLETE"));
    CHECK_THAT(device.message_of("too much", 0), ContainsSubstring("no space: need 120 MiB, free 120 MiB"));
    CHECK(device.engine.calls(Verb::Pull) == 2);
}

TEST_CASE("beside an image of unknown size the others count by what is missing", "[BX-02][service]") {
    Narrow device;
    device.engine.put_layers("app:1", {{"base", 25 * kMiB}});
    device.put_remote("app:3", {{"base", 25 * kMiB}, {"top", 1 * kMiB}});
    device.engine.put_in_registry("far:2", 20 * kMiB);
    device.deploy("fits", {{"web", "app:3"}, {"db", "far:2"}});
}

TEST_CASE("an engine that is slow to tell hinders no update", "[BX-02][service]") {
    Narrow device;
    const auto slow = fail(Errc::Timeout, "it took too long");
    device.put_remote("far:1", {{"a", 1000 * kMiB}});
    device.engine.fail_next(Verb::Space, slow);
    device.deploy("no room told", {{"web", "far:1"}});
    device.put_remote("far:2", {{"b", 1000 * kMiB}});
    device.engine.fail_next(Verb::ImagePresent, slow);
    device.deploy("no image told", {{"web", "app:2"}, {"db", "far:2"}});
    CHECK(device.engine.calls(Verb::Pull) == 2);
    // It is there for all else.
    device.put_remote("far:3", {{"c", 1000 * kMiB}});
    device.engine.fail_next(Verb::Space, fail(Errc::Unavailable, "connection refused"), 2);
    device.deploy("no answer to that", {{"web", "far:3"}});
    CHECK(device.engine.calls(Verb::Pull) == 3);
}

TEST_CASE("a registry that says nothing is asked for one image", "[BX-02][service]") {
    FakeRuntime engine;
    engine.set_free(kMiB);
    const auto found = survey(engine, {"reg.lan/a:1", "reg.lan/b:1", "other.lan/c:1"}, 0, {});
    REQUIRE(found);
    CHECK(found->missing.size() == 3);
    CHECK(found->sizes.empty());
    CHECK_FALSE(found->refused);
    CHECK(engine.calls(Verb::ImageLayers) == 2);
    // What names no registry is in one and the same.
    REQUIRE(survey(engine, {"app:1", "acme/app:1", "docker.io/acme/other:1"}, 0, {}));
    CHECK(engine.calls(Verb::ImageLayers) == 3);
}

TEST_CASE("an image that has gone since the phase began is pulled", "[BX-02][UA-54][service]") {
    Narrow device;
    device.engine.put_in_registry("far:1");
    device.engine.hang_pulls(true);
    device.on().desire(message("one", {{"web", "far:1"}, {"db", "app:2"}}));
    REQUIRE(device.engine.await_calls(Verb::Pull, 1));
    device.engine.remove_image("app:2");
    device.engine.put_in_registry("app:2");
    device.engine.hang_pulls(false);
    REQUIRE(device.on().says("one", "COMPLETED"));
    CHECK(device.engine.calls(Verb::Pull) == 2);
    CHECK(device.names_and_images() == Words{"db=app:2", "web=far:1"});
}

TEST_CASE("a folder that cannot be seen refuses nothing", "[BX-02][service]") {
    Gateway device;
    device.engine.put_in_registry("far:1", 1'000'000 * kMiB);
    device.engine.put_layers("far:1", {{"a", 1'000'000 * kMiB}});
    device.deploy("one", {{"web", "far:1"}});
    CHECK(device.engine.calls(Verb::ImageLayers) == 0);
}

TEST_CASE("the way back is never refused for room", "[BX-02][UA-69][service]") {
    Narrow device;
    device.put_remote("far:1", {{"a", 10 * kMiB}});
    device.deploy("before", {{"web", "far:1"}});
    device.on().desire(message("two", {{"web", "app:1"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    device.on().command("two", "DOWNLOAD");
    device.on().command("two", "UPDATE");
    REQUIRE(device.on().says("two", "UPDATE_SUCCESS"));
    for (const auto& one : device.engine.containers())
        if (one.spec.image == "far:1") REQUIRE(device.engine.remove(one.engine_id, {}));
    device.engine.remove_image("far:1");
    device.engine.set_free(0);
    device.on().command("two", "CLEANUP");
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.names_and_images() == Words{"web=far:1"});
}

TEST_CASE("a DOWNLOAD that goes on after a restart looks for room again", "[BX-02][UA-57][service]") {
    Narrow device;
    device.put_remote("far:1", {{"a", 10 * kMiB}});
    device.engine.hang_pulls(true);
    device.on().desire(message("one", {{"web", "far:1"}}));
    REQUIRE(device.engine.await_calls(Verb::Pull, 1));
    device.station.reset();
    CHECK(device.engine.calls(Verb::Space) == 1);
    device.engine.hang_pulls(false);
    REQUIRE(device.on().says("one", "COMPLETED"));
    CHECK(device.engine.calls(Verb::Space) == 2);
}

TEST_CASE("at the reserve of its own folder nothing is made, and what makes room is done",
          "[BX-02][UA-63][service]") {
    Gateway device;
    device.deploy("before", {{"web"}});
    device.on().desire(message("open", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("open", "IDENTIFIED"));
    device.on().store_reserve = std::int64_t{1} << 60;
    device.on().desire(message("new", {{"db"}}));
    REQUIRE(device.on().says("new", "IDENTIFICATION_FAILED"));
    CHECK(device.on().words_until("new", "") == Words{"IDENTIFICATION_FAILED"});
    CHECK_THAT(device.on().last("new")->message,
               StartsWith("no space: need 1 MiB, free ") &&
                   ContainsSubstring(", reserve 1099511627776 MiB in " + device.folder.path().string()));
    CHECK(device.names_and_images() == Words{"web=app:1"});
    for (const std::string word : {"DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP"})
        device.on().command("open", word);
    REQUIRE(device.on().says("open", "COMPLETED"));  // what was open goes on
    device.deploy("no change", {{"web", "app:2"}});
    device.deploy("only less", {});
    CHECK(device.engine.containers().empty());
    device.on().store_reserve = 1;
    device.deploy("again", {{"db"}});
}

TEST_CASE("the reserve of its own folder counts also for what came before the engine answered",
          "[BX-02][service]") {
    Gateway device;
    device.deploy("before", {{"web"}});
    device.station.reset();
    device.engine.hang_lists(true);
    device.station = std::make_unique<Station>(device.engine, device.folder.path(), device.config);
    device.on().store_reserve = std::int64_t{1} << 60;
    device.on().desire(message("early", {{"web", "app:2"}}));
    device.on().on_loop([] {});
    device.engine.hang_lists(false);
    REQUIRE(device.on().says("early", "IDENTIFICATION_FAILED"));
    CHECK_THAT(device.on().last("early")->message, StartsWith("no space: need 1 MiB, free "));
    CHECK(device.names_and_images() == Words{"web=app:1"});
}

TEST_CASE("a survey ends with the call, and with an engine that is away", "[BX-02][service]") {
    FakeRuntime engine;
    engine.set_free(kMiB);
    std::stop_source stop;
    stop.request_stop();
    const auto stopped = survey(engine, {"far:1"}, 0, {.stop = stop.get_token()});
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == Errc::Interrupted);
    engine.fail_next(Verb::Space, fail(Errc::Unavailable, "no engine answers"));
    const auto away = survey(engine, {"far:1"}, 0, {});
    REQUIRE_FALSE(away);
    CHECK(away.error().code == Errc::Unavailable);
    // What it says of one image is for whoever uses that.
    engine.fail_next(Verb::ImagePresent, fail(Errc::Invalid, "not an image reference"));
    const auto odd = survey(engine, {"odd"}, 0, {});
    REQUIRE(odd);
    CHECK(odd->missing.contains("odd"));
    CHECK_FALSE(odd->refused);
}

TEST_CASE("an image that was there before it was found too large is used", "[BX-02][service]") {
    test::TemporaryFolder folder;
    FakeRuntime engine;
    engine.put_in_registry("far:1", 40 * kMiB);
    engine.set_free(120 * kMiB);
    std::atomic<bool> may_pull{false};
    service::Loop loop;
    service::Workers workers(loop, {{service::Lane::Pulls, 1U},
                                    {service::Lane::Steps, 1U},
                                    {service::Lane::Quick, 1U},
                                    {service::Lane::Surveys, 1U}});
    service::World world(loop, workers, engine, folder.path().string());
    StepsConfig narrow{};
    narrow.reserve_bytes = 20 * kMiB;
    service::Steps steps(loop, workers, engine, world, narrow);
    workers.submit(service::Lane::Pulls, {}, [&](const std::stop_token& stop) -> service::Task {
        while (!may_pull && !stop.stop_requested())
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return {};
    });
    bool ended = false;
    bool made = false;
    loop.post([&] {
        steps.make_new(test::missing(test::spec("web", "far:1")), [&](const std::optional<Error>& error) {
            ended = true;
            made = !error.has_value();
        });
    });
    // The survey has asked for it, and who pulls it; then that waits behind the other pull.
    REQUIRE(test::run_until(loop, [&] { return engine.calls(Verb::ImagePresent) == 2; }));
    bool waits = false;
    workers.submit(service::Lane::Steps, {},
                   [&](const std::stop_token&) -> service::Task { return [&] { waits = true; }; });
    REQUIRE(test::run_until(loop, [&] { return waits; }));
    // All of it is there before anybody has heard how large it is.
    may_pull = true;
    REQUIRE(test::eventually([&] {
        const auto there = engine.image_present("far:1", {});
        return there && *there;
    }));
    REQUIRE(test::run_until(loop, [&] { return ended; }));
    CHECK(made);
    CHECK(engine.calls(Verb::Create) == 1);
    workers.stop();
}
