// Asking what a desired state would do, on an engine in memory.
#include "service/planner.hpp"

#include <stdexcept>

#include "test/support/catch.hpp"
#include "test/support/gateway.hpp"

using namespace berth;
using berth::test::Gateway;
using berth::test::message;
using berth::test::pair;
using berth::test::Station;
using berth::test::Verb;
using berth::test::Wanted;
using berth::test::Words;

namespace {

constexpr std::int64_t kMebibyte = 1024 * 1024;

std::vector<PlanResult> plans_of(const std::vector<berth::service::Publication>& all) {
    std::vector<PlanResult> found;
    for (const auto& publication : all) {
        if (publication.topic != "containersupdate/desiredstate/plan/result") continue;
        auto decoded = decode_plan_result(publication.payload, "containers");
        if (!decoded) throw std::logic_error("plan does not decode: " + decoded.error().message);
        found.push_back(*decoded);
    }
    return found;
}

// The answers so far, once there are so many.
std::vector<PlanResult> await_plans(Station& station, std::size_t count) {
    REQUIRE(station.link.await([count](const auto& all) { return plans_of(all).size() >= count; }));
    return plans_of(station.link.all());
}

std::vector<int> changing_calls(const berth::test::FakeRuntime& engine) {
    std::vector<int> counts;
    for (const auto verb : {Verb::Pull, Verb::Create, Verb::Start, Verb::Stop, Verb::Kill, Verb::Pause,
                            Verb::Unpause, Verb::Rename, Verb::Update, Verb::Remove, Verb::MoveTo})
        counts.push_back(engine.calls(verb));
    return counts;
}

}  // namespace

TEST_CASE("a plan names what a desired state would do, and does nothing", "[BX-07][service]") {
    Gateway device;
    device.deploy("one", {{"web", "app:1", pair("env", "MY_SECRET=x1y2z3")},
                          {"db", "app:1", pair("memory", "64M")},
                          {"gone"},
                          {"same"}});
    const auto calls = changing_calls(device.engine);
    const std::vector<Wanted> next = {{"web", "app:2", pair("env", "MY_SECRET=a4b5c6")},
                                      {"db", "app:1", pair("memory", "96M")},
                                      {"new"},
                                      {"same", "app:1", pair("colour", "red")}};
    device.on().send("desiredstate/plan", message("ask", next));
    const auto plan = await_plans(device.on(), 1).back();
    CHECK(plan.activity_id == "ask");
    CHECK(plan.status == Word::Identified);
    CHECK(plan.message == "component same, key colour: unknown key, ignored");
    const std::vector<PlannedAction> expected = {
        {"web",
         "1",
         Action::Recreate,
         {{"image", "app:1", "app:2"}, {"env", "MY_SECRET=***", "MY_SECRET=***"}},
         true,
         0},
        {"db", "1", Action::Update, {{"memory", "64M", "96M"}, {"memorySwap", "128M", "192M"}}, false},
        {"new", "1", Action::Create, {}, false, 0},
        {"same", "1", Action::Check, {}, false},
        {"gone", "", Action::Destroy, {}, true}};
    CHECK(plan.actions == expected);
    CHECK(plan.need_bytes == 0);
    CHECK_FALSE(plan.free_bytes);  // this engine does not tell
    CHECK(changing_calls(device.engine) == calls);
    CHECK(device.on().words_until("ask", "").empty());
    CHECK(device.names_and_images() == Words{"db=app:1", "gone=app:1", "same=app:1", "web=app:1"});
    for (const auto& said : device.on().link.all()) {
        CHECK(said.payload.find("x1y2z3") == std::string::npos);
        CHECK(said.payload.find("a4b5c6") == std::string::npos);
        if (!said.topic.ends_with("/plan/result")) continue;
        CHECK(said.qos == 1);
        CHECK_FALSE(said.retain);
    }

    device.deploy("two", next);
    const auto done = device.on().last("two")->actions;
    REQUIRE(done.size() == expected.size());
    for (std::size_t i = 0; i < done.size(); ++i) {
        CHECK(done[i].name == expected[i].name);
        CHECK(done[i].version == expected[i].version);
    }
}

TEST_CASE("a plan is answered while an update is open, and leaves it alone", "[BX-07][service]") {
    Gateway device;
    device.deploy("before", {{"web"}});
    device.on().desire(message("act", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("act", "IDENTIFIED"));
    device.on().command("act", "DOWNLOAD");
    REQUIRE(device.on().says("act", "DOWNLOAD_SUCCESS"));
    device.on().send("desiredstate/plan", message("ask", {{"web"}}));
    const auto plan = await_plans(device.on(), 1).back();
    CHECK(plan.message == "planned against what is there now, while the update 'act' is open");
    CHECK(plan.actions == std::vector<PlannedAction>{{"web", "1", Action::Check, {}, false}});
    for (const std::string word : {"UPDATE", "ACTIVATE", "CLEANUP"})
        device.on().command("act", word);
    REQUIRE(device.on().says("act", "COMPLETED"));

    device.on().send("desiredstate/plan", message("ask again", {{"web"}}));
    const auto after = await_plans(device.on(), 2).back();
    CHECK(after.message.empty());
    CHECK(after.actions[0].action == Action::Recreate);
}

TEST_CASE("a plan follows the system containers of configuration and message", "[BX-07][service]") {
    auto config = berth::test::one_by_one();
    config.system_containers = {"sua"};
    Gateway device(config);
    device.deploy("one", {{"web"}});
    device.on().send("desiredstate/plan", message("ask", {{"sua"}}));
    const auto plan = await_plans(device.on(), 1).back();
    CHECK(plan.message == "component sua: a system container, skipped");
    CHECK(plan.actions == std::vector<PlannedAction>{{"web", "", Action::Destroy, {}, true}});
    device.on().send("desiredstate/plan",
                     message("own", {}, 0, R"(,"config":[{"key":"systemContainers","value":"web"}])"));
    CHECK(await_plans(device.on(), 2).back().actions.empty());
}

TEST_CASE("a plan tells what starts first, and where that is refused", "[BX-07][BX-22][service]") {
    Gateway device;
    const auto first = pair("updateOrder", "start-first");
    const auto mounted = pair("mount", "/data:/data") + first;
    device.deploy("one", {{"web"}, {"db", "app:1", mounted}});
    device.on().send("desiredstate/plan",
                     message("fine", {{"web", "app:2", first}, {"db", "app:1", mounted}}));
    const auto fine = await_plans(device.on(), 1).back();
    CHECK(fine.message == "component web: recreate, start-first: image differs");
    const std::vector<PlannedAction> expected = {
        {"web", "1", Action::Recreate, {{"image", "app:1", "app:2"}}, false, 0},
        {"db", "1", Action::Check, {}, false}};
    CHECK(fine.actions == expected);

    const auto shared = message("shared", {{"web"}, {"db", "app:2", mounted}});
    device.on().send("desiredstate/plan", shared);
    const auto refused = await_plans(device.on(), 2).back();
    CHECK(refused.status == Word::IdentificationFailed);
    CHECK_THAT(refused.message,
               ContainsSubstring("component db, key updateOrder") && ContainsSubstring("mount /data:/data"));
    CHECK(refused.actions.empty());
    device.on().desire(shared);
    REQUIRE(device.on().says("shared", "IDENTIFICATION_FAILED"));
    CHECK(device.on().last("shared")->message == refused.message);
}

TEST_CASE("a plan tells what has to be pulled, and whether there is room", "[BX-07][BX-02][service]") {
    Gateway device;
    device.steps.reserve_bytes = 20 * kMebibyte;
    device.engine.set_free(120 * kMebibyte);
    device.engine.put_layers("app:1", {{"base", 10 * kMebibyte}});
    device.engine.put_in_registry("far:1");
    device.engine.put_in_registry("far:2");
    device.engine.put_layers("far:1",
                             {{"base", 10 * kMebibyte}, {"middle", 4 * kMebibyte}, {"one", 5 * kMebibyte}});
    device.engine.put_layers("far:2", {{"middle", 4 * kMebibyte}, {"two", 2 * kMebibyte}});
    const auto asked = message("ask", {{"web", "far:1"}, {"db", "far:2"}, {"there"}});
    device.on().send("desiredstate/plan", asked);
    const auto fits = await_plans(device.on(), 1).back();
    const std::vector<PlannedAction> expected = {
        {"web", "1", Action::Create, {}, false, 9 * kMebibyte},  // the engine has the base
        {"db", "1", Action::Create, {}, false, 2 * kMebibyte},   // what is in the middle comes with web
        {"there", "1", Action::Create, {}, false, 0}};
    CHECK(fits.actions == expected);
    CHECK(fits.need_bytes == 33 * kMebibyte);
    CHECK(fits.free_bytes == 120 * kMebibyte);
    CHECK(fits.message.empty());
    CHECK(device.engine.calls(Verb::Pull) == 0);

    device.engine.set_free(50 * kMebibyte);
    device.on().send("desiredstate/plan", asked);
    const auto refused = await_plans(device.on(), 2).back();
    CHECK(refused.status == Word::Identified);
    CHECK(refused.message == "no space: need 33 MiB, free 50 MiB, reserve 20 MiB");
    CHECK(refused.actions == expected);
    device.on().desire(asked);
    REQUIRE(device.on().says("ask", "INCOMPLETE"));
    CHECK(device.on().last("ask")->actions.at(0).message == refused.message);
}

TEST_CASE("a plan leaves out the sizes that nobody tells", "[BX-07][service]") {
    Gateway device;
    device.engine.set_free(120 * kMebibyte);
    device.engine.put_in_registry("far:1");
    device.engine.put_in_registry("near.example/far:2");
    device.engine.put_layers("near.example/far:2", {{"two", 2 * kMebibyte}});
    device.on().send("desiredstate/plan", message("ask", {{"web", "far:1"}, {"db", "near.example/far:2"}}));
    const auto some = await_plans(device.on(), 1).back();
    CHECK_FALSE(some.actions.at(0).pull_bytes);
    CHECK(some.actions.at(1).pull_bytes == 2 * kMebibyte);
    CHECK_FALSE(some.need_bytes);
    CHECK(some.free_bytes == 120 * kMebibyte);
    CHECK(some.message ==
          "component web, key image: could not be asked for: image far:1: no registry answers");

    device.engine.fail_next(Verb::Space, fail(Errc::Unavailable, "connection refused"));
    device.on().send("desiredstate/plan", message("ask", {{"db", "near.example/far:2"}}));
    const auto none = await_plans(device.on(), 2).back();
    CHECK(none.status == Word::Identified);
    CHECK(none.actions == std::vector<PlannedAction>{{"db", "1", Action::Create, {}, false}});
    CHECK_FALSE(none.need_bytes);
    CHECK_FALSE(none.free_bytes);
}

TEST_CASE("a plan asks nobody for an image that is refused by its name", "[BX-07][service]") {
    Gateway device;
    device.steps.require_qualified = true;
    device.on().send("desiredstate/plan", message("ask", {{"web"}}));
    const auto plan = await_plans(device.on(), 1).back();
    CHECK(plan.actions == std::vector<PlannedAction>{{"web", "1", Action::Create, {}, false}});
    CHECK_FALSE(plan.need_bytes);
    CHECK(device.engine.calls(Verb::ImagePresent) == 0);
    device.on().desire(message("act", {{"web"}}));
    REQUIRE(device.on().says("act", "INCOMPLETE"));
    CHECK_THAT(plan.message, StartsWith("component web, key image: failed to resolve reference \"app:1\""));
    CHECK(device.on().last("act")->actions.at(0).message == plan.message);
}

TEST_CASE("a plan says which image cannot be had, and why", "[BX-07][service]") {
    Gateway device;
    const auto answers = [&](Errc code, const std::string& why) {
        device.engine.fail_next(Verb::ImageLayers, fail(code, why));
    };
    // Images are asked for in this order, each registry until it does not answer.
    answers(Errc::NotFound, "image a.example/none:1: status 404");
    answers(Errc::Forbidden, "image b.example/closed:1: status 401");
    answers(Errc::Unavailable, "image c.example/far:1: no route to host");
    answers(Errc::Unsupported, "image d.example/odd:1: of no known kind");
    device.on().send("desiredstate/plan", message("ask", {{"far", "c.example/far:1"},
                                                          {"farther", "c.example/far:2"},
                                                          {"none", "a.example/none:1"},
                                                          {"odd", "d.example/odd:1"},
                                                          {"closed", "b.example/closed:1"},
                                                          {"there"}}));
    const auto plan = await_plans(device.on(), 1).back();
    CHECK(plan.status == Word::Identified);
    CHECK(plan.message ==
          "component far, key image: could not be asked for: image c.example/far:1: no route to host; "
          "component farther, key image: could not be asked for: image c.example/far:2: its registry did not "
          "answer for image c.example/far:1; "
          "component none, key image: does not exist: image a.example/none:1: status 404; "
          "component closed, key image: refused, or does not exist: image b.example/closed:1: status 401");
    CHECK(device.engine.calls(Verb::ImageLayers) == 4);
    CHECK_FALSE(plan.need_bytes);
    REQUIRE(plan.actions.size() == 6);
    CHECK_FALSE(plan.actions.at(2).pull_bytes);
    CHECK(plan.actions.at(5).pull_bytes == 0);
}

TEST_CASE("a plan that Berth's own folder has no room for fails as its message would",
          "[BX-07][BX-02][service]") {
    Gateway device;
    device.on().store_reserve = std::int64_t{1} << 60;
    device.on().send("desiredstate/plan", message("ask", {{"web"}}));
    const auto plan = await_plans(device.on(), 1).back();
    CHECK(plan.status == Word::IdentificationFailed);
    device.on().desire(message("act", {{"web"}}));
    REQUIRE(device.on().says("act", "IDENTIFICATION_FAILED"));
    CHECK_THAT(plan.message, StartsWith("no space: need 1 MiB, free "));
    CHECK(device.engine.calls(Verb::ImagePresent) == 0);
}

TEST_CASE("whatever is wrong with a plan, it is answered", "[BX-07][service]") {
    struct Case {
        std::string payload;
        std::string activity;
        std::string reason;
    };
    const std::vector<Case> cases = {
        {R"({"activityId":"cut","payload":{"domains":[)", "cut", "not JSON"},
        {"hello", "", "not JSON"},
        {"", "", "not JSON"},
        {"[]", "", "expected one JSON object"},
        {R"({"activityId":"deep","payload":)" + std::string(40, '['), "deep", "nested too deeply"},
        {R"({"payload":{}})", "", "expected exactly one domain"},
        {message("bad", {{"web", "app:1", pair("memory", "64")}}), "bad", "component web, key memory"},
    };
    Gateway device;
    std::size_t count = 0;
    for (const auto& c : cases) {
        INFO(c.payload);
        device.on().send("desiredstate/plan", c.payload);
        const auto plan = await_plans(device.on(), ++count).back();
        CHECK(plan.activity_id == c.activity);
        CHECK(plan.status == Word::IdentificationFailed);
        CHECK_THAT(plan.message, ContainsSubstring(c.reason));
        CHECK(plan.actions.empty());
    }
    device.on().send("desiredstate/plan", message("old", {{"web"}}), true);
    device.on().send("desiredstate/plan", message("fine", {{"web"}}));
    CHECK(await_plans(device.on(), ++count).back().activity_id == "fine");
}

TEST_CASE("without the engine a plan says why there is none", "[BX-07][service]") {
    Gateway device;
    device.on();
    device.engine.set_reachable(false);
    device.on().send("desiredstate/plan", message("away", {{"web"}}));
    const auto plan = await_plans(device.on(), 1).back();
    CHECK(plan.status == Word::IdentificationFailed);
    CHECK_FALSE(plan.message.empty());
    device.engine.set_reachable(true);
    device.on().await_ready();
    device.on().send("desiredstate/plan", message("back", {{"web"}}));
    CHECK(await_plans(device.on(), 2).back().status == Word::Identified);
}

TEST_CASE("plans wait for the engine's first word, but not any number of them", "[BX-07][service]") {
    Gateway device;
    device.engine.hang_lists(true);
    device.station = std::make_unique<Station>(device.engine, device.folder.path(), device.config);
    for (int i = 0; i < 20; ++i)
        device.on().send("desiredstate/plan", message("ask " + std::to_string(i), {{"web"}}));
    device.on().on_loop([] {});
    const auto refused = plans_of(device.on().link.all());
    REQUIRE(refused.size() == 4);
    CHECK(refused[0].activity_id == "ask 16");
    CHECK(refused[0].message == "too many messages are waiting; send it again later");
    device.engine.hang_lists(false);
    const auto all = await_plans(device.on(), 20);
    CHECK(all[4].activity_id == "ask 0");
    CHECK(all[4].status == Word::Identified);
    CHECK(all[19].activity_id == "ask 15");
}
