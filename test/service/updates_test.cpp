// The update agent as a sender sees it, on an engine in memory.
#include "service/updates.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "service/clock.hpp"
#include "service/store.hpp"
#include "test/support/captured_log.hpp"
#include "test/support/catch.hpp"
#include "test/support/gateway.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using berth::service::ApplyMode;
using berth::test::Gateway;
using berth::test::message;
using berth::test::one_by_one;
using berth::test::pair;
using berth::test::Station;
using berth::test::TemporaryFolder;
using berth::test::Verb;
using berth::test::Wanted;
using berth::test::Words;

TEST_CASE("a message without a timestamp deploys by itself", "[BX-01][UA-53][service]") {
    Gateway device;
    device.on().desire(message("one", {{"web"}, {"db"}}));
    CHECK(device.on().words_until("one", "COMPLETED") ==
          Words{"IDENTIFYING", "IDENTIFIED", "DOWNLOADING", "DOWNLOADING", "DOWNLOAD_SUCCESS",
                "UPDATE_SUCCESS", "ACTIVATING", "ACTIVATING", "ACTIVATION_SUCCESS", "CLEANUP_SUCCESS",
                "COMPLETED"});
    CHECK(device.names_and_images() == Words{"db=app:1", "web=app:1"});

    device.on().desire(message("two", {{"web", "app:2"}}));
    REQUIRE(device.on().says("two", "COMPLETED"));
    CHECK(device.names_and_images() == Words{"web=app:2"});
    CHECK(device.engine.policy_of(device.engine.containers()[0].engine_id) == "unless-stopped");
    CHECK(device.records() == 1);
}

TEST_CASE("a message with a timestamp waits for commands and says so",
          "[BX-01][UA-53][UA-29][UA-30][service]") {
    Gateway device;
    device.on().desire(message("act", {{"web"}}, 1700000000000));
    REQUIRE(device.on().says("act", "IDENTIFIED"));
    CHECK(device.on().last("act")->message ==
          "waiting for commands because the message has a timestamp (update_agent.apply_mode = \"hybrid\"); "
          "send "
          "DOWNLOAD, or leave the timestamp out to apply at once");
    device.on().command("other", "DOWNLOAD");
    device.on().command("act", "download");
    device.on().command("act", "DOWNLOAD");
    REQUIRE(device.on().says("act", "DOWNLOAD_SUCCESS"));
    CHECK(device.on().words_until("act", "DOWNLOAD_SUCCESS") ==
          Words{"IDENTIFYING", "IDENTIFIED", "DOWNLOADING", "DOWNLOAD_SUCCESS"});
    CHECK(device.on().words_until("other", "").empty());
    for (const std::string word : {"ACTIVATE", "UPDATE", "ACTIVATE", "CLEANUP"})
        device.on().command("act", word);
    CHECK(device.on().words_until("act", "COMPLETED") ==
          Words{"IDENTIFYING", "IDENTIFIED", "DOWNLOADING", "DOWNLOAD_SUCCESS", "ACTIVATION_FAILURE",
                "UPDATE_SUCCESS", "ACTIVATING", "ACTIVATION_SUCCESS", "CLEANUP_SUCCESS", "COMPLETED"});
}

TEST_CASE("apply modes decide who drives", "[UA-53][UA-29][service]") {
    auto config = one_by_one();
    SECTION("auto drives a stamped message") {
        config.apply_mode = ApplyMode::Auto;
        Gateway device(config);
        device.on().desire(message("act", {{"web"}}, 5));
        CHECK(device.on().says("act", "COMPLETED"));
    }
    SECTION("command waits with an unstamped one, without a notice") {
        config.apply_mode = ApplyMode::Command;
        Gateway device(config);
        device.on().desire(message("act", {{"web"}}));
        REQUIRE(device.on().says("act", "IDENTIFIED"));
        CHECK(device.on().last("act")->message.empty());
        device.on().command("act", "DOWNLOAD");
        CHECK(device.on().words_until("act", "DOWNLOAD_SUCCESS").size() == 4);
    }
    SECTION("a grace lets the message wait") {
        config.standalone_grace = std::chrono::milliseconds(50);
        Gateway device(config);
        device.on().desire(message("act", {{"web"}}));
        CHECK(device.on().says("act", "COMPLETED"));
    }
}

TEST_CASE("a bad desired state is answered and leaves the open operation usable",
          "[BX-01][UA-58][UA-63][UA-09][service]") {
    Gateway device;
    device.on().desire(message("good", {{"web"}}, 5));
    REQUIRE(device.on().says("good", "IDENTIFIED"));
    device.on().desire(message("bad", {{"web", "app:1", pair("memory", "64")}}));
    REQUIRE(device.on().says("bad", "IDENTIFICATION_FAILED"));
    CHECK(device.on().words_until("bad", "IDENTIFICATION_FAILED") == Words{"IDENTIFICATION_FAILED"});
    CHECK_THAT(device.on().last("bad")->message, ContainsSubstring("component web, key memory"));
    device.on().desire(R"({"activityId":"broken","payload":{"domains":)");
    CHECK(device.on().says("broken", "IDENTIFICATION_FAILED"));
    device.on().command("good", "DOWNLOAD");
    CHECK(device.on().says("good", "DOWNLOAD_SUCCESS"));
}

TEST_CASE("with the engine away a desired state fails and the open operation stays", "[UA-63][service]") {
    Gateway device;
    device.on().desire(message("open", {{"web"}}, 5));
    REQUIRE(device.on().says("open", "IDENTIFIED"));
    device.engine.set_reachable(false);
    device.on().desire(message("new", {{"db"}}));
    CHECK(device.on().words_until("new", "IDENTIFICATION_FAILED") ==
          Words{"IDENTIFYING", "IDENTIFICATION_FAILED"});
    device.engine.set_reachable(true);
    device.on().await_ready();
    device.on().command("open", "DOWNLOAD");
    CHECK(device.on().says("open", "DOWNLOAD_SUCCESS"));
}

TEST_CASE("a desired state in the moment of the start waits for the engine's first word",
          "[UA-63][service]") {
    Gateway device;
    device.engine.hang_lists(true);
    device.station = std::make_unique<Station>(device.engine, device.folder.path(), device.config);
    device.on().desire(message("one", {{"web"}}));
    REQUIRE(device.engine.await_calls(Verb::List, 1));
    device.on().on_loop([] {});
    CHECK(device.on().words_until("one", "").empty());
    SECTION("it answers") {
        device.engine.hang_lists(false);
        CHECK(device.on().says("one", "COMPLETED"));
    }
    SECTION("it goes away") {
        device.engine.set_reachable(false);
        CHECK(device.on().says("one", "IDENTIFICATION_FAILED"));
    }
}

TEST_CASE("an image that cannot be pulled touches nothing and leaves nothing", "[UA-54][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.on().desire(message("two", {{"web", "app:2"}, {"db", "nowhere:1"}}));
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    const auto last = *device.on().last("two");
    CHECK(last.actions[1].status == Word::DownloadFailure);
    CHECK_THAT(last.actions[1].message,
               ContainsSubstring("component db, key image") && ContainsSubstring("nowhere:1"));
    CHECK(device.names_and_images() == Words{"web=app:1"});
    CHECK(device.records() == 1);
    CHECK(device.engine.calls(Verb::Stop) == 0);
}

TEST_CASE("references that the engine would complete are refused where that is asked for",
          "[CM-31][service]") {
    Gateway device;
    device.station =
        std::make_unique<Station>(device.engine, device.folder.path(), device.config,
                                  berth::service::StepsConfig{std::chrono::seconds(2), true, {}});
    device.on().await_ready();
    device.on().desire(message("act", {{"web"}}));
    REQUIRE(device.on().says("act", "INCOMPLETE"));
    CHECK_THAT(device.on().last("act")->actions[0].message,
               ContainsSubstring("failed to resolve reference \"app:1\": object required"));
}

TEST_CASE("a secret reaches the process and nothing else", "[BX-04][service]") {
    TemporaryFolder secrets;
    std::ofstream(secrets.path() / "db") << "hunter2\n";
    std::filesystem::permissions(secrets.path() / "db", std::filesystem::perms::owner_read);
    Gateway device;
    device.station = std::make_unique<Station>(
        device.engine, device.folder.path(), device.config,
        berth::service::StepsConfig{std::chrono::seconds(2), false, secrets.path()});
    device.on().await_ready();
    device.deploy("act", {{"web", "app:1", pair("env", "PASSWORD=secret:db")}});
    const auto made = device.engine.containers()[0];
    CHECK(device.engine.env_of(made.engine_id) == Words{"PASSWORD=hunter2"});
    CHECK(made.spec.env == Words{"PASSWORD=secret:db"});
    CHECK_THAT(berth::service::store::load(device.folder.path())->records[0].spec.env[0],
               StartsWith("PASSWORD=secret:"));
    device.deploy("again", {{"web", "app:1", pair("env", "PASSWORD=secret:db")}});
    CHECK(device.on().last("again")->actions[0].message == "running");
    for (const auto& said : device.on().link.all())
        CHECK(said.payload.find("hunter2") == std::string::npos);

    for (const std::string name : {"missing", "../db", ""}) {
        device.on().desire(message("bad" + name, {{"db", "app:1", pair("env", "PASSWORD=secret:" + name)}}));
        REQUIRE(device.on().says("bad" + name, "INCOMPLETE"));
        CHECK_THAT(device.on().last("bad" + name)->actions[0].message,
                   ContainsSubstring("variable PASSWORD: secret '" + name + "'"));
    }
}

TEST_CASE("an instance that does not start: the old one runs again", "[UA-54][UA-40][service]") {
    Gateway device;
    device.deploy("one", {{"web"}, {"gone"}});
    const auto old_id = device.engine.named("web")->spec.id;
    device.engine.fail_next(Verb::Start, fail(Errc::Internal, "exec: not found"));
    device.on().desire(message("two", {{"web", "app:2"}}));
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK_THAT(device.on().last("two")->actions[0].message,
               ContainsSubstring("exec: not found; new instance removed, old one running"));
    CHECK(device.names_and_images() == Words{"gone=app:1", "web=app:1"});
    CHECK(device.engine.named("web")->spec.id == old_id);
    CHECK(device.engine.policy_of(device.engine.named("web")->engine_id) == "unless-stopped");
    CHECK(device.records() == 2);
}

TEST_CASE("what is down is started, what is paused resumed, even if nothing differs", "[UA-24][service]") {
    Gateway device;
    device.deploy("one", {{"web"}, {"db"}});
    REQUIRE(device.engine.stop(device.engine.named("web")->engine_id, {}, {}));
    REQUIRE(device.engine.pause(device.engine.named("db")->engine_id, {}));
    device.deploy("two", {{"web"}, {"db"}});
    CHECK(device.engine.named("web")->state.status == Status::Running);
    CHECK(device.engine.named("db")->state.status == Status::Running);
    CHECK(device.engine.calls(Verb::Create) == 2);
}

TEST_CASE("limits and restart policy change in place and are remembered", "[UA-23][service]") {
    Gateway device;
    device.deploy("one", {{"web", "app:1", pair("memory", "64M")}});
    const std::vector<Wanted> changed = {
        {"web", "app:1", pair("memory", "96M") + pair("restartPolicy", "always")}};
    device.deploy("two", changed);
    CHECK(device.engine.calls(Verb::Create) == 1);
    const auto id = device.engine.containers()[0].engine_id;
    CHECK(device.engine.limits_of(id).memory == "96M");
    CHECK(device.engine.policy_of(id) == "always");
    device.station.reset();  // another process: only the store remembers
    device.deploy("three", changed);
    CHECK(device.on().last("three")->actions[0].message == "running");
    CHECK(device.engine.calls(Verb::Update) == 1);
}

TEST_CASE("system containers are never touched", "[UA-25][UA-26][service]") {
    auto config = one_by_one();
    Gateway device(config);
    device.deploy("one", {{"sua"}, {"web"}});
    device.config.system_containers = {"sua"};
    device.station.reset();
    device.deploy("two", {});
    CHECK(device.names_and_images() == Words{"sua=app:1"});
    device.deploy("three", {{"sua", "app:2"}, {"web"}});
    CHECK(device.names_and_images() == Words{"sua=app:1", "web=app:1"});
    device.on().desire(message("four", {}, 0, R"(,"config":[{"key":"systemContainers","value":"web"}])"));
    REQUIRE(device.on().says("four", "COMPLETED"));
    CHECK(device.names_and_images() == Words{"web=app:1"});
    device.on().desire(message("five", {}, 0, R"(,"config":[{"key":"systemContainers","value":""}])"));
    REQUIRE(device.on().says("five", "COMPLETED"));
    CHECK(device.names_and_images().empty());
}

TEST_CASE("a question for the inventory is answered during a pull", "[UA-07][UA-52][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.engine.put_in_registry("big:1");
    device.engine.hang_pulls(true);
    device.on().desire(message("two", {{"web", "app:2"}, {"db", "big:1"}}));
    REQUIRE(device.engine.await_calls(Verb::Pull, 1));
    device.on().send("currentstate/get", R"({"activityId":"question"})");
    REQUIRE(device.on().await_inventory(
        [](const auto& text) { return text.find("\"question\"") != std::string::npos; }));
    const auto inventory = device.on().inventories().back();
    CHECK(inventory.find("app:1") != std::string::npos);
    CHECK(inventory.find("app:2") == std::string::npos);  // staged
    device.engine.hang_pulls(false);
    CHECK(device.on().says("two", "COMPLETED"));
}

TEST_CASE("a newer desired state interrupts a download and supersedes", "[UA-55][UA-62][service]") {
    const berth::test::CapturedLog log;
    Gateway device;
    device.deploy("one", {{"web"}});
    device.engine.put_in_registry("big:1");
    device.engine.hang_pulls(true);
    device.on().desire(message("two", {{"web", "app:2"}, {"db", "big:1"}}));
    REQUIRE(device.engine.await_calls(Verb::Pull, 1));
    device.on().desire(message("waits", {{"x"}}));
    device.on().desire(message("three", {{"web"}}));
    REQUIRE(device.on().says("three", "COMPLETED"));
    CHECK(device.on().words_until("two", "SUPERSEDED").back() == "SUPERSEDED");
    CHECK(device.on().words_until("waits", "SUPERSEDED").back() == "SUPERSEDED");
    CHECK(device.on().last("waits")->message == "not acted on: 'three' came after it");
    CHECK(log.contains("info: activity 'two': component db, key image: interrupted"));
    CHECK(log.count("error: activity") == 0);
    CHECK(device.names_and_images() == Words{"web=app:1"});
    CHECK(device.records() == 1);
}

TEST_CASE("desired states and commands are worked off in the order of arrival", "[UA-08][service]") {
    Gateway device;
    device.on().desire(message("act", {{"web"}}, 5));
    device.on().command("act", "DOWNLOAD");
    REQUIRE(device.on().says("act", "DOWNLOAD_SUCCESS"));
    for (const std::string word : {"UPDATE", "ACTIVATE", "CLEANUP"})
        device.on().command("act", word);
    device.on().desire(message("next", {{"web", "app:2"}}));
    REQUIRE(device.on().says("next", "COMPLETED"));
    CHECK(device.on().words_until("act", "COMPLETED").back() == "COMPLETED");
}

TEST_CASE("a copy of an open message repeats the last feedback", "[UA-56][service]") {
    Gateway device;
    const auto text = message("act", {{"web"}}, 5);
    device.on().desire(text);
    REQUIRE(device.on().says("act", "IDENTIFIED"));
    device.on().desire(text);
    REQUIRE(device.on().says("act", "IDENTIFIED", 2));
    for (const std::string word : {"DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP"})
        device.on().command("act", word);
    REQUIRE(device.on().says("act", "COMPLETED"));
    const auto before = device.on().words_until("act", "COMPLETED");
    device.on().send("desiredstate", text, false, true);
    device.deploy("after", {{"web"}});
    CHECK(device.on().words_until("act", "COMPLETED") == before);
}

TEST_CASE("what was sent last counts, also where it is the one that is open", "[UA-55][UA-56][service]") {
    Gateway device;
    const auto first = message("one", {{"web"}}, 5);
    const bool identified = GENERATE(false, true);
    const bool by_the_broker = GENERATE(false, true);
    if (identified) {
        device.on().desire(first);
        REQUIRE(device.on().says("one", "IDENTIFIED"));
    }
    device.on();
    device.engine.hang_lists(true);  // the engine is asked before anything gives way, too
    if (!identified) device.on().desire(first);
    device.on().desire(message("two", {{"db"}}, 6));
    device.on().send("desiredstate", first, false, by_the_broker);
    device.on().on_loop([] {});
    device.engine.hang_lists(false);
    REQUIRE(device.on().says("two", by_the_broker ? "IDENTIFIED" : "SUPERSEDED"));
    if (by_the_broker) {
        CHECK(device.on().says("one", "SUPERSEDED"));
    } else {
        CHECK(device.on().last("two")->message == "not acted on: 'one' came after it");
        device.on().command("one", "DOWNLOAD");
        CHECK(device.on().says("one", "DOWNLOAD_SUCCESS"));
        const auto words = device.on().words_until("one", "");
        CHECK(std::count(words.begin(), words.end(), "IDENTIFYING") == 1);
        CHECK(std::count(words.begin(), words.end(), "SUPERSEDED") == 0);
    }
}

TEST_CASE("a desired state that is sent again goes on with what is staged", "[service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    const std::vector<Wanted> wanted = {{"web", "app:2"}, {"db"}};
    device.on().desire(message("two", wanted, 5));
    device.on().command("two", "DOWNLOAD");
    REQUIRE(device.on().says("two", "DOWNLOAD_SUCCESS"));
    const auto ids = [&device] {
        std::set<std::string> found;
        for (const auto& one : device.engine.containers())
            found.insert(one.spec.id);
        return found;
    };
    const auto staged = ids();
    REQUIRE(staged.size() == 3);
    device.on().desire(message("two", wanted, 6));
    REQUIRE(device.on().says("two", "IDENTIFIED", 2));
    SECTION("by commands") {
        device.on().command("two", "DOWNLOAD");
        REQUIRE(device.on().says("two", "DOWNLOAD_SUCCESS", 2));
        CHECK(ids() == staged);
        for (const std::string word : {"UPDATE", "ACTIVATE", "CLEANUP"})
            device.on().command("two", word);
    }
    SECTION("by itself") {
        device.on().desire(message("two", wanted));
    }
    SECTION("by the next Berth, which takes it back") {
        device.station.reset();
        device.on().command("two", "CLEANUP");
        REQUIRE(device.on().says("two", "INCOMPLETE"));
        CHECK(device.names_and_images() == Words{"web=app:1"});
        CHECK(device.records() == 1);
        return;
    }
    REQUIRE(device.on().says("two", "COMPLETED"));
    const auto words = device.on().words_until("two", "");
    CHECK(std::count(words.begin(), words.end(), "SUPERSEDED") == 0);
    CHECK(device.names_and_images() == Words{"db=app:1", "web=app:2"});
    CHECK(staged.contains(device.engine.named("web")->spec.id));
    CHECK(staged.contains(device.engine.named("db")->spec.id));
}

TEST_CASE("commands and questions that were retained are of another day", "[service]") {
    Gateway device;
    device.on().desire(message("act", {{"web"}}, 5));
    REQUIRE(device.on().says("act", "IDENTIFIED"));
    device.on().send("desiredstate/command", R"({"activityId":"act","payload":{"command":"DOWNLOAD"}})",
                     true);
    device.on().send("currentstate/get", R"({"activityId":"old"})", true);
    device.on().send("currentstate/get", "");
    REQUIRE(
        device.on().await_inventory([](const auto& text) { return text.find(R"("activityId":"")") == 1; }));
    CHECK(device.on().inventories().size() == 1);
    CHECK(device.on().words_until("act", "IDENTIFIED") == Words{"IDENTIFYING", "IDENTIFIED"});
}

TEST_CASE("an engine that is busy with a container for a moment is asked again", "[CM-12][UA-36][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.engine.fail_next(Verb::Update, fail(Errc::Busy, "cannot update a stopped container"), 3);
    device.engine.fail_next(Verb::Rename, fail(Errc::Busy, "sandbox not found"), 3);
    device.deploy("two", {{"web", "app:2"}});
    CHECK(berth::test::eventually([&] { return device.names_and_images() == Words{"web=app:2"}; }));
}

TEST_CASE("the inventory comes with the connection and after changes", "[UA-06][UA-51][service]") {
    auto config = one_by_one();
    config.current_state_delay = std::chrono::milliseconds(20);
    Gateway device(config);
    device.on().connect_broker();
    REQUIRE(device.on().await_inventory(
        [](const auto& text) { return text.find("\"initial-current-state-") != std::string::npos; }));
    device.deploy("one", {{"web", "app:1", pair("env", "MY_SECRET=x1y2z3")}});
    REQUIRE(device.on().await_inventory([](const auto& text) {
        return text.find(R"("activityId":"")") == 1 && text.find("Running") != std::string::npos;
    }));
    for (const auto& text : device.on().inventories())
        CHECK(text.find("x1y2z3") == std::string::npos);
}

TEST_CASE("all is published with QoS 1, and only the current state to stay", "[UA-02][service]") {
    Gateway device;
    device.on().connect_broker();
    device.deploy("one", {{"web"}});
    REQUIRE(device.on().await_inventory(
        [](const auto& text) { return text.find("\"initial-current-state-") != std::string::npos; }));
    std::set<std::string> topics;
    for (const auto& publication : device.on().link.all()) {
        topics.insert(publication.topic);
        CHECK(publication.qos == 1);
        CHECK(publication.retain == (publication.topic == "containersupdate/currentstate"));
    }
    CHECK(topics ==
          std::set<std::string>{"containersupdate/currentstate", "containersupdate/desiredstatefeedback"});
}

TEST_CASE("two and more at once: everything is deployed, ends in any order", "[UA-45][service]") {
    auto config = one_by_one();
    config.parallel = 4;
    Gateway device(config);
    std::vector<Wanted> many;
    for (int i = 0; i < 20; ++i)
        many.push_back({"c" + std::to_string(i)});
    device.deploy("many", many);
    CHECK(device.names_and_images().size() == 20);
    device.deploy("none", {});
    CHECK(device.names_and_images().empty());
    CHECK(device.records() == 0);
}

TEST_CASE("progress is told once per feedback_interval, and never where that is 0", "[UA-47][service]") {
    auto config = one_by_one();
    const bool never = GENERATE(false, true);
    config.feedback_interval = std::chrono::hours(never ? 0 : 1);
    Gateway device(config);
    const std::vector<Wanted> far = {{"a", "far:1"}, {"b", "far:2"}, {"c", "far:3"}};
    for (const auto& one : far)
        device.engine.put_in_registry(one.image);
    device.deploy("one", far);
    const auto all = device.on().link.all();
    const auto told =
        std::count_if(all.begin(), all.end(), [](const auto& one) { return one.progress_only; });
    CHECK(told == (never ? 0 : 1));
}

TEST_CASE("however many actions are in progress, two of them pull", "[BX-18][service]") {
    auto config = one_by_one();
    config.parallel = 16;
    Gateway device(config);
    std::vector<Wanted> many = {{"quick"}};
    for (int i = 0; i < 8; ++i) {
        many.push_back({"c" + std::to_string(i), "far:" + std::to_string(i)});
        device.engine.put_in_registry(many.back().image);
    }
    device.on();
    const berth::test::CapturedLog log;
    device.engine.hang_pulls(true);
    device.on().desire(message("act", many));
    // All eight are handed to their lane, and what needs no pull is made meanwhile.
    REQUIRE(berth::test::eventually([&] { return log.count("pulling image 'far:") == 8; }));
    REQUIRE(device.engine.await_calls(Verb::Create, 1));
    REQUIRE(device.engine.await_calls(Verb::Pull, 2));
    device.engine.hang_pulls(false);
    REQUIRE(device.on().says("act", "COMPLETED"));
    CHECK(device.engine.calls(Verb::Pull) == 8);
    CHECK(device.engine.most_pulls_at_once() == 2);
    REQUIRE(berth::test::eventually([&] { return device.on().is_at_rest(); }));
}

TEST_CASE("the new instance is made beside the old one, which goes last", "[UA-35][UA-36][UA-37][service]") {
    Gateway device;
    device.deploy("one", {{"web"}, {"gone"}});
    device.on().desire(message("two", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    const auto after = [&](const std::string& word, const std::string& result) {
        device.on().command("two", word);
        REQUIRE(device.on().says("two", result));
        Words found;
        for (const auto& c : device.engine.containers())
            found.push_back(c.engine_name.substr(0, c.engine_name.find('-')) + (c.runs() ? "" : " (down)"));
        return found;
    };
    CHECK(after("DOWNLOAD", "DOWNLOAD_SUCCESS") == Words{"web", "gone", "web.staged (down)"});
    CHECK(after("UPDATE", "UPDATE_SUCCESS") == Words{"web (down)", "gone (down)", "web.staged (down)"});
    CHECK(device.engine.policy_of(device.engine.containers()[0].engine_id) == "no");
    CHECK(after("ACTIVATE", "ACTIVATION_SUCCESS") == Words{"web.old (down)", "gone (down)", "web"});
    CHECK(after("CLEANUP", "COMPLETED") == Words{"web"});
}

TEST_CASE("an engine that goes away in the middle is waited for", "[UA-57][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.engine.put_in_registry("big:1");
    device.engine.hang_pulls(true);
    device.on().desire(message("two", {{"web", "app:2"}, {"db", "big:1"}}));
    REQUIRE(device.engine.await_calls(Verb::Pull, 1));
    device.engine.set_reachable(false);
    device.engine.hang_pulls(false);
    device.engine.set_reachable(true);
    REQUIRE(device.on().says("two", "COMPLETED"));
    CHECK(device.names_and_images() == Words{"db=big:1", "web=app:2"});
}

TEST_CASE("the way back waits for an engine that is away for longer than a step forward would",
          "[UA-40][UA-57][service]") {
    Gateway device;
    device.steps.engine_patience = std::chrono::milliseconds(50);
    device.deploy("one", {{"web"}, {"gone"}});
    device.on().desire(message("two", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    device.on().command("two", "DOWNLOAD");
    device.on().command("two", "UPDATE");
    REQUIRE(device.on().says("two", "UPDATE_SUCCESS"));
    device.engine.set_reachable(false);
    REQUIRE(berth::test::eventually([&] { return !device.on().is_ready(); }));
    device.on().command("two", "CLEANUP");
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    device.engine.set_reachable(true);
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.names_and_images() == Words{"gone=app:1", "web=app:1"});
}

TEST_CASE("the way back waits for an engine that hangs as a whole, with its event stream open",
          "[UA-40][UA-57][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.on().desire(message("two", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    device.on().command("two", "DOWNLOAD");
    device.on().command("two", "UPDATE");
    REQUIRE(device.on().says("two", "UPDATE_SUCCESS"));
    const auto too_long = fail(Errc::Timeout, "the engine took too long");
    for (const auto verb : {Verb::Update, Verb::Start, Verb::List})
        device.engine.fail_next(verb, too_long);
    device.on().command("two", "CLEANUP");
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.on().says("two", "CLEANUP_SUCCESS"));
    CHECK(device.names_and_images() == Words{"web=app:1"});
}

TEST_CASE("after a stop that failed an end is the container's own", "[CM-16][service]") {
    Gateway device;
    device.deploy("one", {{"web", "app:1", pair("restartPolicy", "no")}});
    device.engine.fail_next(Verb::Stop, fail(Errc::Internal, "no"));
    device.on().desire(message("two", {{"web", "app:2", pair("restartPolicy", "no")}}));
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    device.engine.end_process(device.engine.named("web")->engine_id, 3);
    const auto record = [&device] {
        return berth::service::store::load(device.folder.path())->records.at(0);
    };
    REQUIRE(berth::test::eventually([&] { return !record().runs(); }));
    CHECK_FALSE(record().manually_stopped);
}

TEST_CASE("a registry that cannot be reached is asked again and that is told, one that says no is not",
          "[UA-47][UA-54][service]") {
    auto config = one_by_one();
    config.feedback_interval = std::chrono::hours(1);
    Gateway device(config);
    device.engine.put_in_registry("big:0");
    device.deploy("zero", {{"db", "big:0"}});  // its progress holds back all that follows
    device.engine.put_in_registry("big:1");
    device.engine.fail_next(Verb::Pull, fail(Errc::Unavailable, "dial tcp: connection refused"), 1);
    device.deploy("one", {{"db", "big:0"}, {"web", "big:1"}});
    CHECK(device.engine.calls(Verb::Pull) == 3);
    const std::string why =
        R"("status":"DOWNLOADING","message":"create; pull fails: dial tcp: connection refused; )"
        "tried again in 1 s (1 of 3)\"";
    const auto all = device.on().link.all();
    const auto told = std::count_if(all.begin(), all.end(), [&](const auto& one) {
        return one.progress_only && one.payload.find(why) != std::string::npos;
    });
    CHECK(told == 1);
    device.engine.fail_next(Verb::Pull, fail(Errc::NotFound, "manifest unknown"), 1);
    device.on().desire(message("two", {{"web", "big:2"}}));
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.engine.calls(Verb::Pull) == 4);
}

TEST_CASE("a create whose answer is lost leaves nothing behind", "[UA-54][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.engine.lose_answer(Verb::Create);
    device.on().desire(message("two", {{"web", "app:2"}}));
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.names_and_images() == Words{"web=app:1"});
    CHECK(device.records() == 1);
}

TEST_CASE("a retained desired state acts once, ever", "[UA-66][service]") {
    Gateway device;
    const auto retained = message("one", {{"web"}});
    device.on().desire(retained);  // as it is published: without the flag
    REQUIRE(device.on().says("one", "COMPLETED"));
    device.deploy("two", {{"web", "app:2"}});
    device.station.reset();
    device.on().send("desiredstate", retained, true);
    device.deploy("three", {{"web", "app:2"}});
    CHECK(device.on().words_until("one", "").empty());
    CHECK(device.names_and_images() == Words{"web=app:2"});
}

TEST_CASE("a retained desired state acts once, however many others come before it is seen again",
          "[UA-66][service]") {
    Gateway device;
    const bool has_flag = GENERATE(false, true);  // else Berth listens while it is published
    const int others = has_flag ? 140 : 20;
    const auto retained = message("one", {{"web"}});
    device.on().send("desiredstate", retained, has_flag);
    REQUIRE(device.on().says("one", "COMPLETED"));
    for (int i = 0; i < others; ++i) {
        device.on().desire(
            message("other", {}, 0,
                    R"(,"config":[{"key":"systemContainers","value":"s)" + std::to_string(i) + R"("}])"));
        REQUIRE(berth::test::eventually([&] { return device.on().is_at_rest(); }));
    }
    device.station.reset();
    device.on().send("desiredstate", retained, true);
    device.deploy("last", {});
    CHECK(device.on().words_until("one", "").empty());
    CHECK(device.names_and_images().empty());
}

TEST_CASE("a retained desired state that gave way while it waited does not come back later",
          "[UA-66][service]") {
    Gateway device;
    device.engine.hang_lists(true);  // until then everything waits
    device.station = std::make_unique<Station>(device.engine, device.folder.path(), device.config);
    const auto kept = message("kept", {{"web"}});
    device.on().send("desiredstate", kept, true);
    device.on().desire(message("newer", {{"web", "app:2"}}));
    REQUIRE(device.on().says("kept", "SUPERSEDED"));
    device.engine.hang_lists(false);
    REQUIRE(device.on().says("newer", "COMPLETED"));
    device.on().send("desiredstate", kept, true);  // as the broker does with the next connect
    device.deploy("last", {{"web", "app:2"}});
    CHECK(device.on().words_until("kept", "") == Words{"SUPERSEDED"});
    CHECK(device.names_and_images() == Words{"web=app:2"});
}

TEST_CASE("a retained desired state that was refused is no old one for a copy that gave way to it",
          "[UA-66][service]") {
    Gateway device;
    device.deploy("before", {{"web"}});
    device.station.reset();
    device.engine.hang_lists(true);
    device.station = std::make_unique<Station>(device.engine, device.folder.path(), device.config);
    device.on().store_reserve = std::int64_t{1} << 60;
    device.on().send("desiredstate", message("first", {{"web", "app:2"}}), true);
    const auto again = message("again", {{"web", "app:2"}});
    device.on().desire(again);  // and the broker keeps it
    REQUIRE(device.on().says("first", "SUPERSEDED"));
    device.engine.hang_lists(false);
    REQUIRE(device.on().says("again", "IDENTIFICATION_FAILED"));
    device.on().store_reserve = 0;
    device.on().send("desiredstate", again, true);  // as the broker does with the next connect
    CHECK(device.on().says("again", "COMPLETED"));
    CHECK(device.names_and_images() == Words{"web=app:2"});
}

TEST_CASE("a paused container is paused again after a rollback", "[UA-40][service]") {
    Gateway device;
    device.deploy("one", {{"web"}, {"db"}, {"limited", "app:1", pair("memory", "64M")}});
    for (const std::string name : {"web", "limited"})
        REQUIRE(device.engine.pause(device.engine.named(name)->engine_id, {}));
    device.on().desire(
        message("two", {{"web"}, {"db", "app:2"}, {"limited", "app:1", pair("memory", "96M")}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    device.on().command("two", "DOWNLOAD");
    device.on().command("two", "UPDATE");
    device.on().command("two", "ROLLBACK");
    REQUIRE(device.on().says("two", "ROLLBACK_SUCCESS"));
    CHECK(device.engine.named("limited")->state.status == Status::Paused);
    CHECK(device.engine.limits_of(device.engine.named("limited")->engine_id).memory == "64M");
    CHECK(device.engine.named("db")->runs());
}

TEST_CASE("a limit that was set in place goes with a rollback, and the container stays", "[UA-40][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    const auto web = device.engine.named("web")->engine_id;
    const auto before = device.engine.limits_of(web);
    device.activate("two", {{"web", "app:1", pair("memory", "64M")}});
    CHECK(device.engine.limits_of(web).memory == "64M");
    device.on().command("two", "ROLLBACK");
    REQUIRE(device.on().says("two", "ROLLBACK_SUCCESS"));
    CHECK(device.engine.limits_of(web) == before);
    CHECK(device.engine.named("web")->engine_id == web);
    CHECK(device.engine.calls(Verb::Stop) == 0);
    device.on().command("two", "CLEANUP");
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    device.deploy("three", {{"web"}});
    CHECK(device.on().last("three")->actions[0].message == "running");
}

TEST_CASE("one that crashed again and again does so after a rollback, too", "[UA-40][service]") {
    Gateway device;
    auto crashing = berth::test::container(berth::test::spec("web"), Status::Exited);
    crashing.state.restarting = true;
    crashing.state.exit_code = 1;
    const auto engine_id = device.engine.put(crashing);
    device.on().desire(message("one", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("one", "IDENTIFIED"));
    for (const std::string word : {"DOWNLOAD", "UPDATE"})
        device.on().command("one", word);
    REQUIRE(device.on().says("one", "UPDATE_SUCCESS"));
    CHECK(device.engine.policy_of(engine_id) == "no");
    device.on().command("one", "ROLLBACK");
    REQUIRE(device.on().says("one", "ROLLBACK_SUCCESS"));
    CHECK(device.engine.inspect(engine_id, {})->runs());
    CHECK(device.engine.policy_of(engine_id) == "unless-stopped");
    CHECK(device.on().last("one")->actions[0].message == "new instance removed, old one running");
}

TEST_CASE("what an update in place has started is down again after a rollback", "[UA-40][UA-57][service]") {
    const bool by_hand = GENERATE(true, false);
    Gateway device;
    const auto policy = by_hand ? "" : pair("restartPolicy", "no");
    device.deploy("one", {{"web", "app:1", pair("memory", "64M") + policy}});
    const auto engine_id = device.engine.named("web")->engine_id;
    int asked = 0;
    const auto is_marked = [&] {
        const auto activity = "get-" + std::to_string(++asked) + "\"";
        device.on().send("currentstate/get", R"({"activityId":")" + activity + "}");
        bool marked = false;
        device.on().await_inventory([&](const std::string& text) {
            if (text.find(activity) == std::string::npos) return false;
            marked = text.find("manuallyStopped") != std::string::npos;
            return true;
        });
        return marked;
    };
    if (by_hand) {
        REQUIRE(device.engine.stop(engine_id, {}, {}));
    } else {
        device.engine.end_process(engine_id, 0);
    }
    REQUIRE(berth::test::eventually([&] { return is_marked() == by_hand; }));
    device.activate("two", {{"web", "app:1", pair("memory", "96M") + policy}});
    CHECK(device.engine.named("web")->runs());
    REQUIRE(berth::test::eventually([&] { return !is_marked(); }));
    device.station.reset();  // how it was is in the journal
    device.on().command("two", "ROLLBACK");
    REQUIRE(device.on().says("two", "ROLLBACK_SUCCESS"));
    CHECK_FALSE(device.engine.named("web")->runs());
    CHECK(device.engine.limits_of(engine_id).memory == "64M");
    CHECK(device.engine.policy_of(engine_id) == (by_hand ? "unless-stopped" : "no"));
    device.on().command("two", "CLEANUP");
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(berth::test::eventually([&] { return is_marked() == by_hand; }));
    CHECK_FALSE(device.engine.named("web")->runs());
}

TEST_CASE("a newer desired state interrupts a download also behind waiting commands", "[UA-62][service]") {
    Gateway device;
    device.engine.put_in_registry("big:1");
    device.engine.hang_pulls(true);
    device.on().desire(message("one", {{"web", "big:1"}}, 5));
    REQUIRE(device.on().says("one", "IDENTIFIED"));
    device.on().command("one", "DOWNLOAD");
    REQUIRE(device.engine.await_calls(Verb::Pull, 1));
    device.on().command("one", "UPDATE");
    device.on().desire(message("two", {{"db"}}));
    REQUIRE(device.on().says("two", "COMPLETED"));
    CHECK(device.on().says("one", "SUPERSEDED"));
    CHECK(device.names_and_images() == Words{"db=app:1"});
}

TEST_CASE("ROLLBACK and CLEANUP end a download that hangs, whoever drives it", "[UA-62][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.engine.put_in_registry("big:1");
    device.engine.hang_pulls(true);
    const bool by_itself = GENERATE(false, true);
    const bool rolls_back = GENERATE(false, true);
    const std::string word = rolls_back ? "ROLLBACK" : "CLEANUP";
    device.on().desire(message("two", {{"web", "big:1"}}, by_itself ? 0 : 5));
    if (!by_itself) device.on().command("two", "DOWNLOAD");
    REQUIRE(device.engine.await_calls(Verb::Pull, 1));
    device.on().command("two", word);
    REQUIRE(device.on().says("two", "DOWNLOAD_FAILURE"));
    if (!by_itself && rolls_back) {
        REQUIRE(device.on().says("two", "ROLLBACK_SUCCESS"));
        device.on().command("two", "CLEANUP");
    }
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK_THAT(device.on().last("two")->actions[0].message, StartsWith("interrupted by " + word));
    CHECK(device.names_and_images() == Words{"web=app:1"});
    CHECK(device.engine.calls(Verb::Stop) == 0);
}

TEST_CASE("CLEANUP ends a download between two tries", "[UA-62][service]") {
    Gateway device;
    device.engine.put_in_registry("big:1");
    device.engine.fail_next(Verb::Pull, fail(Errc::Unavailable, "dial tcp: connection refused"), 1);
    device.on().desire(message("one", {{"web", "big:1"}}));
    REQUIRE(device.on().link.await([](const auto& all) {
        return std::any_of(all.begin(), all.end(), [](const auto& one) {
            return one.payload.find("tried again in 1 s") != std::string::npos;
        });
    }));
    device.on().command("one", "CLEANUP");
    REQUIRE(device.on().says("one", "INCOMPLETE"));
    CHECK_THAT(device.on().last("one")->actions[0].message, StartsWith("interrupted by CLEANUP"));
    CHECK(device.engine.calls(Verb::Pull) == 1);
    CHECK(device.names_and_images().empty());
}

TEST_CASE("a download whose pull waits behind those of others is interrupted at once", "[UA-62][service]") {
    const berth::test::CapturedLog log;
    Gateway device;
    device.deploy("one", {{"web"}, {"map"}, {"nav"}});
    device.station.reset();
    for (const std::string name : {"map", "nav"})
        REQUIRE(device.engine.remove(device.engine.named(name)->engine_id, {}));
    device.engine.remove_image("app:1");
    device.engine.put_in_registry("app:1");
    device.engine.put_in_registry("big:1");
    device.engine.hang_pulls(true);
    device.on();
    REQUIRE(device.engine.await_calls(Verb::Pull, 2));  // they are made again
    const bool by_newer = GENERATE(false, true);
    device.on().desire(message("two", {{"web", "big:1"}}));
    REQUIRE(berth::test::eventually([&] { return log.contains("pulling image 'big:1'"); }));
    if (by_newer)
        device.on().desire(message("three", {{"web", "app:2"}}));
    else
        device.on().command("two", "CLEANUP");
    REQUIRE(device.on().says("two", "DOWNLOAD_FAILURE"));
    REQUIRE(device.on().says("two", by_newer ? "SUPERSEDED" : "INCOMPLETE"));
    CHECK_THAT(device.on().last("two")->actions[0].message,
               StartsWith(by_newer ? "interrupted by a newer desired state" : "interrupted by CLEANUP"));
    CHECK(device.engine.calls(Verb::Pull) == 2);
    if (!by_newer) return;
    REQUIRE(device.on().says("three", "COMPLETED"));
    CHECK(device.names_and_images() == Words{"web=app:2"});
}

TEST_CASE("a message that is too large even to wait is told so", "[UA-05][service]") {
    Gateway device;
    auto large = message("large", {{"web"}});
    const auto bytes = 17 * 1024 * 1024;
    large.append(static_cast<std::size_t>(bytes) - large.size(), ' ');
    device.on().deliver_too_many({.topic = "containersupdate/desiredstate", .payload = large});
    device.on().deliver_too_many(
        {.topic = "containersupdate/desiredstate", .payload = message("many", {{"web"}})});
    REQUIRE(device.on().says("many", "IDENTIFICATION_FAILED"));
    CHECK_THAT(device.on().last("many")->message, StartsWith("too many messages are waiting"));
    CHECK(device.on().last("large")->message ==
          "$: 17825792 bytes are too many; at most 1048576 are accepted");
}

TEST_CASE("a command that is refused all the same leaves a download alone", "[UA-62][UA-31][service]") {
    Gateway device;
    device.engine.put_in_registry("big:1");
    device.engine.hang_pulls(true);
    device.on().desire(message("one", {{"web", "big:1"}, {"db"}}, 5));
    device.on().command("one", "DOWNLOAD", "containers:web");
    REQUIRE(device.engine.await_calls(Verb::Pull, 1));
    const bool misspelt = GENERATE(false, true);
    if (misspelt)
        device.on().command("one", "CLEANUP", "containers:wbe");
    else
        device.on().command("one", "ROLLBACK", "containers:db");
    device.on().on_loop([] {});
    device.engine.hang_pulls(false);
    REQUIRE(device.on().says("one", misspelt ? "CLEANUP" : "ROLLBACK_FAILURE"));
    const auto words = device.on().words_until("one", "");
    CHECK(std::count(words.begin(), words.end(), "DOWNLOAD_SUCCESS") == 1);
    CHECK(std::count(words.begin(), words.end(), "DOWNLOAD_FAILURE") == 0);
}

TEST_CASE("a rollback before anything was stopped leaves the old one running", "[UA-39][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.on().desire(message("two", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    for (const std::string word : {"DOWNLOAD", "ROLLBACK", "CLEANUP"}) {
        device.on().command("two", word);
        REQUIRE(device.on().says("two", word + "_SUCCESS"));
    }
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.names_and_images() == Words{"web=app:1"});
    CHECK(device.engine.calls(Verb::Stop) == 0);
    CHECK(device.engine.calls(Verb::Start) == 1);
    CHECK(device.records() == 1);
}

TEST_CASE("a rollback follows a failed DOWNLOAD or UPDATE too", "[UA-41][service]") {
    Gateway device;
    device.deploy("one", {{"web"}, {"db"}});
    const bool in_update = GENERATE(false, true);
    device.on().desire(message("two", {{"web", "app:2"}, {"db", in_update ? "app:2" : "nowhere:1"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    device.on().command("two", "DOWNLOAD");
    REQUIRE(device.on().says("two", in_update ? "DOWNLOAD_SUCCESS" : "DOWNLOAD_FAILURE"));
    if (in_update) {
        device.engine.fail_next(Verb::Stop, fail(Errc::Internal, "boom"), 2);
        device.on().command("two", "UPDATE");
        REQUIRE(device.on().says("two", "UPDATE_FAILURE"));
    }
    device.on().command("two", "ROLLBACK");
    REQUIRE(device.on().says("two", "ROLLBACK_SUCCESS"));
    device.on().command("two", "CLEANUP");
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.names_and_images() == Words{"db=app:1", "web=app:1"});
    for (const auto& container : device.engine.containers())
        CHECK(device.engine.policy_of(container.engine_id) == "unless-stopped");
}

TEST_CASE("what an open update stages, replaces or destroys is nobody else's to change", "[UA-67][service]") {
    Gateway device;
    device.deploy("one", {{"web"}, {"db", "app:1", pair("memory", "64M")}, {"gone"}, {"same"}});
    const auto id_of = [&](const std::string& name) { return device.engine.named(name)->spec.id; };
    const auto web = id_of("web");
    const auto gone = id_of("gone");
    device.on().desire(
        message("two", {{"web", "app:2"}, {"db", "app:1", pair("memory", "96M")}, {"same"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    device.on().command("two", "DOWNLOAD");
    REQUIRE(device.on().says("two", "DOWNLOAD_SUCCESS"));
    const auto staged = device.engine.containers().back().spec.id;
    for (const auto& id : {web, gone, staged}) {
        const auto answer = device.on().may_change(id);
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code == Errc::Conflict);
        CHECK_THAT(answer.error().message, ContainsSubstring("open update 'two'"));
    }
    CHECK(device.on().may_change(id_of("db")));
    CHECK(device.on().may_change(id_of("same")));
    for (const std::string word : {"UPDATE", "ACTIVATE", "CLEANUP"})
        device.on().command("two", word);
    REQUIRE(device.on().says("two", "COMPLETED"));
    CHECK(device.on().may_change(staged));
}

TEST_CASE("of two containers with one name the running one is compared, the other goes in the end",
          "[UA-64][service]") {
    Gateway device;
    device.deploy("one", {{"web"}, {"db"}});
    auto other = berth::test::container(berth::test::spec("web"), Status::Exited);
    other.spec.id = "made-by-the-twin";
    other.engine_name = "web-" + berth::runtime::id8(other.spec.id);
    other.engine_id.clear();
    device.station.reset();
    device.engine.put(other);
    const bool goes_back = GENERATE(false, true);
    device.on().desire(message("two", {{"web"}, {"db", "app:2"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    CHECK_THAT(device.on().last("two")->actions[0].message,
               ContainsSubstring("no change") && ContainsSubstring("made-by-the-twin"));
    const Words commands = goes_back ? Words{"DOWNLOAD", "UPDATE", "ROLLBACK", "CLEANUP"}
                                     : Words{"DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP"};
    for (const auto& word : commands)
        device.on().command("two", word);
    REQUIRE(device.on().says("two", goes_back ? "INCOMPLETE" : "COMPLETED"));
    if (goes_back)
        CHECK(device.names_and_images() ==
              Words{"db=app:1", other.engine_name + "=app:1 (down)", "web=app:1"});
    else
        CHECK(device.names_and_images() == Words{"db=app:2", "web=app:1"});
}

TEST_CASE("a running duplicate is stopped, and runs again after a rollback", "[UA-64][service]") {
    Gateway device;
    auto older = berth::test::running(berth::test::spec("web"));
    older.state.created = "2026-01-01T00:00:00Z";
    auto newer = older;
    newer.spec.id = "newer";
    newer.engine_id = "engine-newer";
    newer.engine_name = "web-" + berth::runtime::id8(newer.spec.id);
    newer.state.created = "2026-01-02T00:00:00Z";
    device.engine.put(older);
    device.engine.put(newer);
    device.on().desire(message("one", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("one", "IDENTIFIED"));
    for (const std::string word : {"DOWNLOAD", "UPDATE"})
        device.on().command("one", word);
    REQUIRE(device.on().says("one", "UPDATE_SUCCESS"));
    for (const auto& one : device.engine.containers())
        CHECK_FALSE(one.runs());
    device.station.reset();  // what is to be undone is in the journal
    device.on().command("one", "ROLLBACK");
    device.on().command("one", "CLEANUP");
    REQUIRE(device.on().says("one", "INCOMPLETE"));
    REQUIRE(device.engine.containers().size() == 2);
    for (const auto& one : device.engine.containers()) {
        CHECK(one.runs());
        CHECK(device.engine.policy_of(one.engine_id) == "unless-stopped");
    }
}

TEST_CASE("what was pruned between UPDATE and ACTIVATE is made again from its document", "[UA-69][service]") {
    Gateway device;
    device.deploy("one", {{"web", "app:1", pair("env", "A=1")}, {"gone"}});
    const auto web = device.engine.named("web")->spec.id;
    device.on().desire(message("two", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    device.on().command("two", "DOWNLOAD");
    device.on().command("two", "UPDATE");
    REQUIRE(device.on().says("two", "UPDATE_SUCCESS"));
    const bool while_away = GENERATE(false, true);
    if (while_away) device.station.reset();
    for (const auto& one : device.engine.containers())
        if (!one.runs()) REQUIRE(device.engine.remove(one.engine_id, {}));
    device.on().command("two", "ACTIVATE");
    REQUIRE(device.on().says("two", "ACTIVATION_FAILURE"));
    device.on().command("two", "CLEANUP");
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.names_and_images() == Words{"gone=app:1", "web=app:1"});
    CHECK(device.engine.named("web")->spec.id == web);
    CHECK(device.engine.named("web")->spec.env == Words{"A=1"});
    CHECK(device.records() == 2);
}

TEST_CASE("an old instance that is there but cannot start is not made again", "[UA-69][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.on().desire(message("two", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    device.on().command("two", "DOWNLOAD");
    device.on().command("two", "UPDATE");
    REQUIRE(device.on().says("two", "UPDATE_SUCCESS"));
    const auto created = device.engine.calls(Verb::Create);
    device.engine.fail_next(Verb::Start, fail(Errc::NotFound, "network berth0 not found"), 2);
    device.on().command("two", "CLEANUP");
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.on().says("two", "CLEANUP_FAILURE"));
    CHECK_THAT(device.on().last("two")->actions[0].message,
               ContainsSubstring("not restored") && ContainsSubstring("network berth0 not found"));
    CHECK(device.engine.calls(Verb::Create) == created);
}

TEST_CASE("a new instance that a rollback could not remove does not win when Berth starts",
          "[UA-57][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    const auto web = device.engine.named("web")->spec.id;
    device.activate("two", {{"web", "app:2"}});
    device.take_back_in_vain("two", 2);
    REQUIRE(device.on().says("two", "CLEANUP_FAILURE"));
    REQUIRE(device.engine.containers().size() == 2);
    device.station.reset();
    device.on();
    CHECK(berth::test::eventually([&] { return device.engine.containers().size() == 1; }));
    const auto left = device.engine.containers().front();
    CHECK(left.spec.id == web);
    CHECK(left.runs());
}

TEST_CASE("a new component that a rollback could not remove is none when Berth starts, and goes",
          "[UA-57][service]") {
    Gateway device;
    device.activate("one", {{"web"}});
    device.take_back_in_vain("one", 3);
    device.station.reset();
    device.on();  // the third try
    REQUIRE(berth::test::eventually([&] { return device.engine.calls(Verb::Remove) >= 3; }));
    REQUIRE(device.engine.containers().size() == 1);
    device.station.reset();
    device.on();
    CHECK(berth::test::eventually([&] { return device.engine.containers().empty(); }));
    CHECK(berth::test::eventually([&] { return device.records() == 0; }));
}

TEST_CASE("a new instance that a rollback could not remove does not win where the store is lost",
          "[CM-27][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    const auto web = device.engine.named("web")->spec.id;
    device.activate("two", {{"web", "app:2"}});
    device.take_back_in_vain("two", 2);
    REQUIRE(device.engine.containers().size() == 2);
    REQUIRE(device.engine.named("web"));
    CHECK(device.engine.named("web")->spec.id == web);
    device.station.reset();
    const bool old_one_is_down = GENERATE(false, true);
    if (old_one_is_down) REQUIRE(device.engine.stop(device.engine.named("web")->engine_id, {}, {}));
    std::filesystem::remove_all(device.folder.path() / "containers");
    device.on();
    CHECK(berth::test::eventually([&] { return device.engine.containers().size() == 1; }));
    CHECK(device.engine.containers().front().spec.id == web);
    CHECK(berth::test::eventually([&] { return device.records() == 1; }));
}

TEST_CASE("what a rollback could not remove is gone before the next desired state acts", "[UA-57][service]") {
    Gateway device;
    device.activate("one", {{"web"}});
    const auto removals = device.engine.calls(Verb::Remove);
    device.take_back_in_vain("one", 2);
    REQUIRE(device.engine.calls(Verb::Remove) == removals + 2);
    REQUIRE(device.engine.containers().size() == 1);
    device.deploy("two", {{"web", "app:2"}});
    CHECK(device.names_and_images() == Words{"web=app:2"});
    CHECK(device.records() == 1);
}

TEST_CASE("a desired state does not fail for what still cannot be removed", "[UA-57][service]") {
    Gateway device;
    device.activate("one", {{"web"}});
    device.take_back_in_vain("one", 3);
    device.deploy("two", {{"web", "app:2"}});
    CHECK(device.engine.containers().size() == 2);
    device.deploy("three", {{"web", "app:2"}});
    CHECK(device.engine.containers().size() == 1);
}

TEST_CASE("a second agent on the same topics is told of once", "[UA-72][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    const berth::test::CapturedLog log;
    for (const auto& said : device.on().link.all())
        if (said.topic.ends_with("feedback")) device.on().send("desiredstatefeedback", said.payload);
    const auto foreign = [](const std::string& activity) {
        return R"({"activityId":")" + activity +
               R"(","timestamp":9999999999999,"payload":{"status":"DOWNLOADING"}})";
    };
    device.on().send("desiredstatefeedback", foreign("other"));
    device.on().send("desiredstatefeedback", foreign("one"), true);
    device.on().on_loop([] {});
    CHECK(log.count("SECOND UPDATE AGENT") == 0);
    device.on().send("desiredstatefeedback", foreign("one"));
    device.on().send("desiredstatefeedback", foreign("one"));
    device.on().on_loop([] {});
    CHECK(log.count("SECOND UPDATE AGENT") == 1);
}

TEST_CASE("what the Berth before this one said is not a second agent's", "[UA-72][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    // Progress is in no record; a session that lasts brings it after the restart.
    const auto recorded = device.on().last("one")->timestamp;
    REQUIRE(berth::test::eventually([&] { return berth::service::unix_ms() > recorded; }));
    const std::string progress = R"({"activityId":"one","timestamp":)" +
                                 std::to_string(berth::service::unix_ms()) +
                                 R"(,"payload":{"status":"DOWNLOADING"}})";
    device.station.reset();
    device.on();
    const berth::test::CapturedLog log;
    device.on().send("desiredstatefeedback", progress);
    device.on().on_loop([] {});
    CHECK(log.count("SECOND UPDATE AGENT") == 0);
}
