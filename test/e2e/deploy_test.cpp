// A desired state from mosquitto_pub to running containers: what is said on the way, and what is there then.
#include <algorithm>

#include "test/e2e/device.hpp"
#include "test/support/catch.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

using Lines = std::vector<std::string>;

bool has(const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

TEST_CASE("the first message of a newcomer deploys, the next one replaces, an empty one removes",
          "[BX-01][UA-53][UA-35][UA-36][UA-37][e2e]") {
    Device device;
    device.probe.desire(R"({
      "activityId": "hello",
      "payload": {"domains": [{"id": "containers", "components": [
        {"id": "hello-world", "version": "latest",
         "config": [{"key": "image", "value": "docker.io/library/hello-world:latest"}]}]}]}})");
    device.probe.await("hello", "COMPLETED");
    CHECK(device.containers() == Lines{"hello-world"});
    const auto first = device.engine.id("hello-world");
    CHECK(device.engine.field("hello-world", "/State/StartedAt") >
          "2000");  // it ran, and may have ended since

    device.deploy("foo",
                  {{"hello-world", "docker.io/library/hello-world:latest", {{"env", "FOO=BAR"}}, "latest"}});
    // While its process comes and goes the engine may refuse it the name for a while, also half-way.
    const auto bears_the_name = [&] {
        return device.containers() == Lines{"hello-world"} &&
               has(device.engine.env("hello-world"), "FOO=BAR");
    };
    CHECK(eventually(bears_the_name, std::chrono::seconds(60)));
    CHECK(device.engine.id("hello-world") != first);

    device.deploy("nothing", {});
    CHECK(device.containers().empty());
    CHECK(device.probe.ask("left").names().empty());
}

TEST_CASE("with one action at a time the feedback is Kanto's, message by message",
          "[UA-44][UA-27][UA-02][e2e]") {
    Device device({{"update_agent.parallel", "1"}});

    device.deploy("first", {{"a", kSleeper}, {"b", kSleeper}});
    CHECK(device.probe.lines("first") ==
          Lines{"IDENTIFYING", "IDENTIFIED a:IDENTIFIED b:IDENTIFIED",
                "DOWNLOADING a:DOWNLOADING b:IDENTIFIED", "DOWNLOADING a:DOWNLOAD_SUCCESS b:DOWNLOADING",
                "DOWNLOAD_SUCCESS a:DOWNLOAD_SUCCESS b:DOWNLOAD_SUCCESS",
                "UPDATE_SUCCESS a:DOWNLOAD_SUCCESS b:DOWNLOAD_SUCCESS",
                "ACTIVATING a:ACTIVATING b:DOWNLOAD_SUCCESS", "ACTIVATING a:ACTIVATION_SUCCESS b:ACTIVATING",
                "ACTIVATION_SUCCESS a:ACTIVATION_SUCCESS b:ACTIVATION_SUCCESS",
                "CLEANUP_SUCCESS a:ACTIVATION_SUCCESS b:ACTIVATION_SUCCESS",
                "COMPLETED a:ACTIVATION_SUCCESS b:ACTIVATION_SUCCESS"});

    device.deploy("new image", {{"a", "berth-test/sleeper:2"}, {"b", kSleeper}});
    CHECK(device.probe.lines("new image") ==
          Lines{"IDENTIFYING", "IDENTIFIED a:IDENTIFIED b:IDENTIFIED",
                "DOWNLOADING a:DOWNLOADING b:IDENTIFIED", "DOWNLOAD_SUCCESS a:DOWNLOAD_SUCCESS b:IDENTIFIED",
                "UPDATING a:UPDATING b:IDENTIFIED", "UPDATE_SUCCESS a:UPDATE_SUCCESS b:IDENTIFIED",
                "ACTIVATING a:ACTIVATING b:IDENTIFIED", "ACTIVATING a:ACTIVATION_SUCCESS b:ACTIVATING",
                "ACTIVATION_SUCCESS a:ACTIVATION_SUCCESS b:ACTIVATION_SUCCESS",
                "CLEANUP_SUCCESS a:ACTIVATION_SUCCESS b:ACTIVATION_SUCCESS",
                "COMPLETED a:ACTIVATION_SUCCESS b:ACTIVATION_SUCCESS"});

    device.deploy("without b", {{"a", "berth-test/sleeper:2"}});
    CHECK(device.probe.lines("without b") ==
          Lines{"IDENTIFYING", "IDENTIFIED a:IDENTIFIED b:IDENTIFIED",
                "DOWNLOAD_SUCCESS a:IDENTIFIED b:IDENTIFIED", "UPDATING a:IDENTIFIED b:UPDATING",
                "UPDATE_SUCCESS a:IDENTIFIED b:UPDATE_SUCCESS", "ACTIVATING a:ACTIVATING b:UPDATE_SUCCESS",
                "ACTIVATION_SUCCESS a:ACTIVATION_SUCCESS b:UPDATE_SUCCESS",
                "CLEANUP_SUCCESS a:ACTIVATION_SUCCESS b:REMOVAL_SUCCESS",
                "COMPLETED a:ACTIVATION_SUCCESS b:REMOVAL_SUCCESS"});

    device.deploy("nothing", {});
    device.deploy("nothing again", {});
    CHECK(device.probe.lines("nothing again") == Lines{"IDENTIFYING", "IDENTIFIED", "COMPLETED"});

    std::int64_t last = 0;
    for (const auto& said : device.probe.feedback()) {
        CHECK(said.timestamp >= last);
        last = said.timestamp;
        CHECK_FALSE(said.retained);
    }
}

TEST_CASE("a stamped message waits for commands, one phase each",
          "[UA-53][UA-29][UA-30][UA-31][UA-32][UA-35][UA-36][UA-37][e2e]") {
    Device device;
    device.deploy("before", {{"web", kSleeper}});
    const auto old = device.engine.id("web");

    Extra stamped{};
    stamped.timestamp = 1718000010000;
    device.probe.desire(desired_state("act", {{"web", "berth-test/sleeper:2"}}, stamped));
    const auto identified = device.probe.await("act", "IDENTIFIED");
    CHECK(identified.message ==
          "waiting for commands because the message has a timestamp (update_agent.apply_mode = \"hybrid\"); "
          "send "
          "DOWNLOAD, or leave the timestamp out to apply at once");

    device.probe.command("another", "DOWNLOAD");
    device.probe.command("act", "download");
    device.probe.command("act", "ACTIVATE");
    const auto refused = device.probe.await("act", "ACTIVATION_FAILURE");
    CHECK_THAT(refused.message, ContainsSubstring("UPDATE_SUCCESS") && ContainsSubstring("IDENTIFIED"));
    CHECK(refused.action("web").status == "IDENTIFIED");
    CHECK(device.probe.feedback("act").size() == 3);  // not a word about the first two commands
    CHECK(device.containers() == Lines{"web"});

    device.probe.command("act", "DOWNLOAD", "*");
    CHECK(device.probe.await("act", "DOWNLOAD_SUCCESS").baseline == "*");
    const auto staged =
        "web.staged-" +
        device.engine.field(device.containers().back(), "/Config/Labels/io.berth.id").substr(0, 8);
    CHECK(device.containers() == Lines{"web", staged});
    CHECK(device.engine.state("web") == "running");
    CHECK(device.engine.state(staged) == "created");
    CHECK(device.engine.id("web") == old);

    device.probe.command("act", "UPDATE");
    device.probe.await("act", "UPDATE_SUCCESS");
    CHECK(device.engine.state("web") == "exited");
    CHECK(device.engine.state(staged) == "created");

    device.probe.command("act", "ACTIVATE");
    device.probe.await("act", "ACTIVATION_SUCCESS");
    CHECK(device.engine.state("web") == "running");
    CHECK(device.engine.id("web") != old);
    CHECK(device.engine.field("web", "/Config/Image") == "berth-test/sleeper:2");
    CHECK(device.engine.state(old) == "exited");

    device.probe.command("act", "CLEANUP");
    device.probe.await("act", "COMPLETED");
    CHECK(device.containers() == Lines{"web"});
    CHECK(device.engine.state(old).empty());
}

TEST_CASE("in mode command a message without a timestamp waits too", "[UA-29][e2e]") {
    Device device({{"update_agent.apply_mode", Daemon::quoted("command")}});
    device.probe.desire(desired_state("act", {{"web", kSleeper}}));
    CHECK(device.probe.await("act", "IDENTIFIED").message.empty());
    device.probe.command("act", "UPDATE");
    CHECK(device.probe.await("act", "UPDATE_FAILURE").action("web").status == "IDENTIFIED");
    CHECK(device.containers().empty());
    device.probe.command("act", "DOWNLOAD");
    device.probe.await("act", "DOWNLOAD_SUCCESS");
    device.probe.command("act", "CLEANUP");
    device.probe.await("act", "INCOMPLETE");
    CHECK(device.containers().empty());
}

TEST_CASE("an image that only the registry has is pulled, and its progress only rises", "[UA-47][e2e]") {
    Device device({{"update_agent.feedback_interval", Daemon::quoted("1ms")}});
    const auto image = device.lab.registry() + "/layers:1";
    device.engine.remove_image(image);
    device.deploy("pull", {{"web", image}});
    CHECK(device.engine.state("web") == "running");
    int last = 0;
    for (const auto& said : device.probe.feedback("pull")) {
        const auto progress = said.actions.empty() ? 0 : said.action("web").progress;
        if (said.status != "DOWNLOADING") CHECK(progress == 0);
        CHECK(progress <= 100);
        if (progress != 0) CHECK(progress >= last);
        last = std::max(last, progress);
    }
    CHECK(last > 0);
    device.deploy("gone", {});
    device.engine.remove_image(image);
}
