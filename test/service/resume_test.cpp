// An update whose Berth ended in the middle: another one, with the same store and engine, brings it to its
// end.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "protocol/journal_record.hpp"
#include "service/journal.hpp"
#include "test/support/catch.hpp"
#include "test/support/gateway.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using berth::test::Gateway;
using berth::test::message;
using berth::test::pair;
using berth::test::Station;
using berth::test::Verb;
using berth::test::Wanted;
using berth::test::Words;

namespace {

std::filesystem::path journal_of(const Gateway& device) {
    return device.folder.path() / "operation" / "journal";
}

// What the next Berth would read if this one were killed now. Nothing: it is written just then.
std::optional<JournalRecord> on_disk(const Gateway& device) {
    const berth::test::TemporaryFolder apart;
    const auto copy = apart.path() / "journal";
    std::filesystem::copy_file(journal_of(device), copy);
    service::Loop loop;
    service::Journal journal(loop, copy);
    auto record = journal.open();
    if (!record) return std::nullopt;
    return *std::move(record);
}

bool so_many_wait_on_disk(const Gateway& device, std::size_t count) {
    return berth::test::eventually(
        [&] {
            const auto record = on_disk(device);
            return record && record->waiting.size() == count;
        },
        std::chrono::seconds(20));
}

// Of the inventory that is asked for.
std::int64_t inventory_stamp(Gateway& device, const std::string& activity) {
    device.on().send("currentstate/get", R"({"activityId":")" + activity + "\"}");
    std::int64_t stamp = 0;
    device.on().await_inventory([&](const std::string& payload) {
        const auto json = nlohmann::json::parse(payload);
        if (json.value("activityId", "") != activity) return false;
        stamp = json.at("timestamp");
        return true;
    });
    return stamp;
}

// The newest number in the headers of the two slots.
std::uint64_t records_written(const std::filesystem::path& journal) {
    constexpr std::streamoff kSequence = 8 + 32;  // after the magic and the checksum
    constexpr auto kSlot = static_cast<std::streamoff>(service::Journal::kSlotBytes);
    std::ifstream file(journal, std::ios::binary);
    std::uint64_t newest = 0;
    for (const std::streamoff slot : {std::streamoff{0}, kSlot}) {
        std::uint64_t sequence = 0;
        file.seekg(slot + kSequence);
        REQUIRE(file.read(reinterpret_cast<char*>(&sequence), sizeof sequence).good());
        newest = std::max(newest, sequence);
    }
    return newest;
}

}  // namespace

TEST_CASE("a download that was interrupted goes on and the operation ends", "[UA-57][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.engine.put_in_registry("big:1");
    device.engine.hang_pulls(true);
    device.on().desire(message("two", {{"web", "app:2"}, {"db", "big:1"}}));
    REQUIRE(device.engine.await_calls(Verb::Pull, 1));
    device.station.reset();
    device.engine.hang_pulls(false);
    REQUIRE(device.on().says("two", "COMPLETED"));
    CHECK(device.on().words_until("two", "COMPLETED").front() == "DOWNLOADING");
    CHECK(device.names_and_images() == Words{"db=big:1", "web=app:2"});
    CHECK(device.records() == 2);
}

TEST_CASE("an operation that gives way says so before the newer one begins", "[UA-55][service]") {
    Gateway device;
    device.on().desire(message("one", {{"web"}}, 5));
    REQUIRE(device.on().says("one", "IDENTIFIED"));
    device.on().desire(message("two", {{"web", "app:2"}}));
    REQUIRE(device.on().says("two", "COMPLETED"));
    Words order;
    for (const auto& publication : device.on().link.all()) {
        const auto said = decode_feedback(publication.payload, "containers");
        if (!said || (said->status != Word::Superseded && said->status != Word::Identifying)) continue;
        order.push_back(said->activity_id + " " + std::string(to_string(said->status)));
    }
    CHECK(order == Words{"one IDENTIFYING", "one SUPERSEDED", "two IDENTIFYING"});
}

TEST_CASE("a command that is delivered twice acts once, also across a restart", "[UA-56][UA-57][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.on().desire(message("two", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    const std::vector<std::pair<std::string, std::string>> steps = {
        {"DOWNLOAD", "DOWNLOAD_SUCCESS"}, {"UPDATE", "UPDATE_SUCCESS"}, {"ACTIVATE", "ACTIVATION_SUCCESS"}};
    for (const auto& [word, success] : steps) {
        INFO(word);
        device.on().command("two", word);
        REQUIRE(device.on().says("two", success));
        device.on().command("two", word, {}, true);
        device.station.reset();
        device.on().command("two", word, {}, true);
    }
    device.on().command("two", "CLEANUP");
    REQUIRE(device.on().says("two", "COMPLETED"));
    CHECK(device.names_and_images() == Words{"web=app:2"});
    for (const auto& word : device.on().words_until("two", ""))
        CHECK(word.find("FAILURE") == std::string::npos);
}

TEST_CASE("a command-driven operation waits on for its commands", "[UA-57][UA-73][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.on().desire(message("two", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    for (const std::string word : {"DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP"}) {
        device.station.reset();
        INFO(word);
        device.on().command("two", word);
        REQUIRE(device.on().says("two", word == "CLEANUP"    ? "COMPLETED"
                                        : word == "ACTIVATE" ? "ACTIVATION_SUCCESS"
                                                             : word + "_SUCCESS"));
    }
    CHECK(device.names_and_images() == Words{"web=app:2"});
    CHECK(device.records() == 1);
}

TEST_CASE("what an engine leaves down runs again while an update stands open",
          "[BX-08][CM-27][UA-57][service]") {
    const auto kept_down = pair("restartPolicy", "on-failure");
    Gateway device;
    device.deploy("one", {{"web", "app:1", kept_down}, {"side", "app:1", kept_down}});
    device.on().desire(message("two", {{"web", "app:2", kept_down}, {"side", "app:1", kept_down}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    const auto power_cut = [&] {
        device.station.reset();
        for (const auto& container : device.engine.containers())
            device.engine.end_process(container.engine_id, 0);
        device.on();
    };
    const auto comes_to_be = [&](const Words& all) {
        const bool came = berth::test::eventually([&] { return device.names_and_images() == all; });
        CHECK(device.names_and_images() == all);
        return came;
    };
    SECTION("where nothing was touched") {
        power_cut();
        CHECK(comes_to_be({"side=app:1", "web=app:1"}));
    }
    SECTION("but not what an UPDATE has stopped") {
        device.on().command("two", "DOWNLOAD");
        device.on().command("two", "UPDATE");
        REQUIRE(device.on().says("two", "UPDATE_SUCCESS"));
        power_cut();
        REQUIRE(berth::test::eventually([&] { return device.engine.named("side")->runs(); }));
        CHECK_FALSE(device.engine.named("web")->runs());
    }
    SECTION("where the new instance runs already") {
        for (const std::string word : {"DOWNLOAD", "UPDATE", "ACTIVATE"})
            device.on().command("two", word);
        REQUIRE(device.on().says("two", "ACTIVATION_SUCCESS"));
        power_cut();
        REQUIRE(berth::test::eventually([&] { return device.engine.named("web")->runs(); }));
        device.on().command("two", "CLEANUP");
        CHECK(device.on().says("two", "COMPLETED"));
        CHECK(comes_to_be({"side=app:1", "web=app:2"}));
    }
}

TEST_CASE("stamps of feedback and inventories never fall, whatever the clock does", "[UA-68][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    const auto stamp = device.on().last("one")->timestamp;
    device.on().clock_shift = -3'600'000;
    const auto then = inventory_stamp(device, "then");
    CHECK(then > stamp);
    device.deploy("two", {{"web"}});
    CHECK(device.on().last("two")->timestamp > then);
    const auto last = device.on().last("two")->timestamp;
    device.station.reset();
    device.on().clock_shift = -3'600'000;
    CHECK(inventory_stamp(device, "later") > last);
    device.deploy("three", {{"web"}});
    CHECK(device.on().last("three")->timestamp > last);
}

TEST_CASE("no stamp falls below what was said without a record before a kill and a clock set back",
          "[UA-68][service]") {
    Gateway device;
    device.on().clock_shift = 3'600'000;  // what comes after it has the clock set back
    device.deploy("one", {{"web"}});
    std::optional<JournalRecord> record;
    REQUIRE(berth::test::eventually([&] {
        record = on_disk(device);
        return record.has_value();
    }));
    std::int64_t said = 0;
    int round = 0;
    REQUIRE(berth::test::eventually([&] {
        said = inventory_stamp(device, "then " + std::to_string(++round));
        return said > record->last_stamp + 50;
    }));
    device.station.reset();
    SECTION("in the same run of the machine") {}
    SECTION("after the machine was started anew") {
        record->stamp_boot_id = "of another run of the machine";
    }
    {
        service::Loop loop;
        service::Journal journal(loop, journal_of(device));
        REQUIRE(journal.open());
        journal.write(*record, service::Flush::Now, {});
    }
    const auto later = inventory_stamp(device, "later");
    CHECK(later > said);
    CHECK(later < said + 120'000);  // nor far ahead
}

TEST_CASE("feedback that no broker took is sent by the next Berth", "[BX-15][UA-57][service]") {
    Gateway device;
    device.on().link.set_broker(false);
    device.on().desire(message("one", {{"web"}}));
    REQUIRE(device.on().says("one", "COMPLETED"));
    const auto before = device.on().words_until("one", "COMPLETED");
    device.station.reset();
    REQUIRE(device.on().says("one", "COMPLETED"));
    CHECK(device.on().words_until("one", "COMPLETED") == before);
}

TEST_CASE("a refusal that no broker took is told by the next Berth, and not by the one after it",
          "[BX-15][service]") {
    Gateway device;
    device.on().link.set_broker(false);
    device.on().desire(message("bad", {{"web", "app:1", pair("memory", "64")}}));
    REQUIRE(device.on().says("bad", "IDENTIFICATION_FAILED"));
    device.station.reset();
    CHECK(device.on().words_until("bad", "") == Words{"IDENTIFICATION_FAILED"});
    device.station.reset();
    CHECK(device.on().words_until("bad", "").empty());
}

TEST_CASE("the refusal of a command that no broker took is on disk", "[BX-15][service]") {
    Gateway device;
    device.on().link.set_broker(false);
    device.on().desire(message("one", {{"web"}}, 5));
    REQUIRE(device.on().says("one", "IDENTIFIED"));
    device.on().command("one", "ACTIVATE");
    REQUIRE(device.on().says("one", "ACTIVATION_FAILURE"));
    const auto is_recorded = [&] {
        const auto record = on_disk(device);
        return record && !record->unsent.empty() &&
               record->unsent.back().find("ACTIVATION_FAILURE") != std::string::npos;
    };
    CHECK(berth::test::eventually(is_recorded, std::chrono::seconds(20)));
}

TEST_CASE("a flood of what is refused pushes no update's feedback out of its record", "[BX-15][service]") {
    Gateway device;
    device.on().link.set_broker(false);
    device.on().desire(message("one", {{"web"}}));
    REQUIRE(device.on().says("one", "COMPLETED"));
    const auto before = device.on().words_until("one", "COMPLETED");
    // More than twice of what a record holds of them: a refusal names its activity.
    for (int i = 0; i < 140; ++i)
        device.on().desire(R"({"activityId":")" + std::to_string(i) + std::string(4000, 'x') +
                           R"(","payload":{"domains":[]}})");
    device.on().on_loop([] {});
    device.station.reset();
    CHECK(device.on().words_until("one", "COMPLETED") ==
          Words(before.begin() + 1, before.end()));  // IDENTIFYING is not the operation's
    const auto told = device.on().link.all().size();
    CHECK(told > before.size() + 20);  // the newest of them
    CHECK(told < 100);
}

TEST_CASE("an end in the middle of a burst of acknowledgements forgets none", "[BX-15][service]") {
    Gateway device;
    device.on().link.set_broker(false);
    device.on().desire(message("one", {{"web"}, {"db"}}));
    REQUIRE(device.on().says("one", "COMPLETED"));
    REQUIRE(berth::test::eventually([&] { return device.on().is_at_rest(); }));
    device.on().on_loop([&] {
        device.station->link.broker_comes();
        device.station->loop.stop();
    });
    device.station.reset();
    CHECK(device.on().words_until("one", "").empty());
}

TEST_CASE("feedback that had to go for want of room is told as lost and not sent after later ones",
          "[BX-15][service]") {
    Gateway device;
    device.on().link.set_broker(false);
    device.on().link.drop_next("DOWNLOAD_SUCCESS");
    device.on().desire(message("one", {{"web"}}));
    REQUIRE(device.on().says("one", "COMPLETED"));
    const auto before = device.on().words_until("one", "COMPLETED");
    CHECK(std::find(before.begin(), before.end(), "DOWNLOAD_SUCCESS") == before.end());
    device.on().connect_broker();
    CHECK(device.on().await_inventory([](const auto& text) {
        return text.find(R"({"key":"droppedFeedback","value":"1"})") != std::string::npos;
    }));
    device.station.reset();
    CHECK(device.on().words_until("one", "COMPLETED") == before);
}

TEST_CASE("a record says up to which number the messages of the inbox are in it or answered",
          "[UA-73][service]") {
    Gateway device;
    const auto is_recorded = [&](std::uint64_t number) {
        return berth::test::eventually(
            [&] {
                const auto record = on_disk(device);
                return record && record->taken == number;
            },
            std::chrono::seconds(20));
    };
    const auto deliver = [&](const std::string& topic_end, const std::string& payload, std::uint64_t number) {
        service::Message arrived{};
        arrived.topic = "containersupdate/" + topic_end;
        arrived.payload = payload;
        arrived.inbox_number = number;
        device.on().deliver(std::move(arrived));
    };
    deliver("desiredstate", message("bad", {{"web", "app:1", pair("memory", "64")}}), 3);
    CHECK(is_recorded(3));
    deliver("desiredstate/command", "no command", 4);
    CHECK(is_recorded(4));
    deliver("desiredstate", message("one", {{"web"}}), 5);
    REQUIRE(device.on().says("one", "IDENTIFIED"));
    CHECK(is_recorded(5));
    REQUIRE(device.on().says("one", "COMPLETED"));
    deliver("desiredstate", message("two", {{"web", "app:2"}}, 5), 6);
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    deliver("desiredstate/command", R"({"activityId":"two","timestamp":1,"payload":{"command":"DOWNLOAD"}})",
            7);
    CHECK(is_recorded(7));
    device.station.reset();
    device.deploy("three", {{"web", "app:2"}});
    CHECK(is_recorded(7));
}

TEST_CASE("a desired state that waits behind an open update is not lost with its Berth", "[UA-73][service]") {
    Gateway device;
    device.steps.gate = std::chrono::hours(1);
    device.deploy("one", {{"web"}});
    device.on().desire(message("two", {{"web", "app:2", pair("updateOrder", "start-first")}}));
    REQUIRE(device.on().says("two", "ACTIVATING"));
    const bool is_large = GENERATE(false, true);
    const auto more = is_large ? pair("env", "A=" + std::string(500'000, 'a')) : "";
    device.on().desire(message("three", {{"web"}, {"db", "app:1", more}}));
    REQUIRE(so_many_wait_on_disk(device, 1));
    CHECK(device.on().words_until("three", "").empty());
    device.station.reset();
    device.steps.gate = std::chrono::milliseconds(10);
    REQUIRE(device.on().says("three", "COMPLETED"));
    CHECK(device.names_and_images() == Words{"db=app:1", "web=app:1"});
}

TEST_CASE("a desired state that waits for a removal is not lost with its Berth", "[UA-73][service]") {
    Gateway device;
    device.activate("one", {{"web"}});
    device.engine.fail_next(Verb::Remove, fail(Errc::Internal, "device or resource busy"), 2);
    device.engine.fail_next(Verb::Remove, fail(Errc::Busy, "in use"), 60);  // 50 ms each
    device.on().command("one", "ROLLBACK");
    device.on().command("one", "CLEANUP");
    REQUIRE(device.on().says("one", "INCOMPLETE"));
    REQUIRE(berth::test::eventually([&] {
        const auto record = on_disk(device);
        return record && record->operation && record->operation->ended && record->unsent.empty();
    }));
    device.on().link.set_broker(false);  // an acknowledgement would be recorded, and the message with it
    device.on().desire(message("two", {{"web", "app:2"}}));
    REQUIRE(so_many_wait_on_disk(device, 1));
    CHECK(device.on().words_until("two", "") == Words{"IDENTIFYING"});
    device.station.reset();
    REQUIRE(device.on().says("two", "COMPLETED"));
    CHECK(device.names_and_images() == Words{"web=app:2"});
}

TEST_CASE("a desired state that waited and was refused does not wait on disk", "[UA-63][UA-73][service]") {
    Gateway device;
    const auto mounted = pair("mount", "/data:/data");
    device.deploy("zero", {{"web", "app:1", mounted}});
    device.on().desire(message("one", {{"web", "app:2", mounted}}, 5));
    REQUIRE(device.on().says("one", "IDENTIFIED"));
    device.engine.hang_lists(true);  // it is asked before anything gives way
    device.on().desire(message("two", {{"web", "app:2", mounted + pair("updateOrder", "start-first")}}));
    REQUIRE(so_many_wait_on_disk(device, 1));
    SECTION("for what it asks") {
        device.engine.hang_lists(false);
    }
    SECTION("as the engine went away") {
        device.engine.set_reachable(false);
    }
    REQUIRE(device.on().says("two", "IDENTIFICATION_FAILED"));
    CHECK(so_many_wait_on_disk(device, 0));
    const auto record = on_disk(device);
    REQUIRE(record);
    CHECK(record->operation->activity_id == "one");
}

TEST_CASE("of two desired states that wait the older one is answered and not on disk", "[UA-73][service]") {
    Gateway device;
    device.on().desire(message("one", {{"web"}}, 5));
    REQUIRE(device.on().says("one", "IDENTIFIED"));
    device.engine.hang_lists(true);
    device.on().desire(message("two", {{"web", "app:2"}}));
    REQUIRE(so_many_wait_on_disk(device, 1));
    device.on().desire(message("three", {{"db"}}));
    REQUIRE(device.on().says("two", "SUPERSEDED"));
    CHECK(berth::test::eventually([&] {
        const auto record = on_disk(device);
        return record && record->waiting == std::vector<WaitingMessage>{message("three", {{"db"}})};
    }));
    device.engine.hang_lists(false);
    REQUIRE(device.on().says("three", "COMPLETED"));
    CHECK(so_many_wait_on_disk(device, 0));
}

TEST_CASE("that the machine was started anew is known until the update has been looked at",
          "[UA-61][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.on().desire(message("two", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    for (const std::string word : {"DOWNLOAD", "UPDATE"}) {
        device.on().command("two", word);
        REQUIRE(device.on().says("two", word + "_SUCCESS"));
    }
    device.station.reset();
    auto record = on_disk(device);
    REQUIRE(record);
    record->boot_id = "of another run of the machine";
    {
        service::Loop loop;
        service::Journal journal(loop, journal_of(device));
        REQUIRE(journal.open());
        journal.write(*record, service::Flush::Now, {});
    }
    device.engine.hang_lists(true);
    device.station = std::make_unique<Station>(device.engine, device.folder.path(), device.config);
    device.station.reset();  // it ends before the engine has said anything
    device.engine.hang_lists(false);
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.names_and_images() == Words{"web=app:1"});
}

TEST_CASE("commands that wait are not lost with their Berth, and keep their place",
          "[UA-08][UA-57][service]") {
    Gateway device;
    SECTION("behind a phase of their operation") {
        device.engine.put_in_registry("big:1");
        device.engine.hang_pulls(true);
        device.on().desire(message("three", {{"web", "big:1"}}, 5));
        REQUIRE(device.on().says("three", "IDENTIFIED"));
        for (const std::string word : {"DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP"})
            device.on().command("three", word);
        REQUIRE(device.engine.await_calls(Verb::Pull, 1));
        device.on().on_loop([] {});
        device.station.reset();
        device.engine.hang_pulls(false);
    }
    SECTION("behind their desired state, which waits as well") {
        device.steps.gate = std::chrono::hours(1);
        device.deploy("one", {{"web"}});
        device.on().desire(message("two", {{"web", "app:2", pair("updateOrder", "start-first")}}));
        REQUIRE(device.on().says("two", "ACTIVATING"));
        device.on().desire(message("three", {{"db"}}, 5));
        for (const std::string word : {"DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP"})
            device.on().command("three", word);
        device.on().on_loop([] {});
        device.station.reset();
        device.steps.gate = std::chrono::milliseconds(10);
    }
    SECTION("but not the one that is acted on") {
        device.engine.put_in_registry("big:1");
        device.engine.hang_pulls(true);
        device.on().desire(message("three", {{"web", "big:1"}}, 5));
        REQUIRE(device.on().says("three", "IDENTIFIED"));
        device.on().command("three", "DOWNLOAD");
        REQUIRE(device.engine.await_calls(Verb::Pull, 1));
        // As a kill would leave it.
        const auto journal = device.folder.path() / "operation" / "journal";
        const auto aside = device.folder.path() / "journal";
        std::filesystem::copy_file(journal, aside);
        device.station.reset();
        std::filesystem::rename(aside, journal);
        device.engine.hang_pulls(false);
        REQUIRE(device.on().says("three", "DOWNLOAD_SUCCESS"));
        for (const std::string word : {"UPDATE", "ACTIVATE", "CLEANUP"})
            device.on().command("three", word);
    }
    REQUIRE(device.on().says("three", "COMPLETED"));
    CHECK(device.names_and_images().size() == 1);
    for (const auto& word : device.on().words_until("three", ""))
        CHECK(word.find("FAILURE") == std::string::npos);
}

// Without the broker this operation says more than a record holds.
TEST_CASE("an update does not fail for the feedback that waits for a broker", "[BX-08][UA-57][service]") {
    Gateway device;
    std::vector<Wanted> old_set;
    std::vector<Wanted> new_set;
    for (int i = 10; i < 26; ++i) {
        old_set.push_back({"web" + std::to_string(i)});
        new_set.push_back({"web" + std::to_string(i), "app:2"});
    }
    device.deploy("one", old_set);
    auto update = message("two", new_set);
    const std::string version = R"("version":"1)";
    for (auto at = update.find(version); at != std::string::npos; at = update.find(version, at + 1))
        update.insert(at + version.size(), std::string(6000, '.'));
    // To read all of it again with each message would take minutes.
    const auto completes = [](const auto& all) {
        return !all.empty() && all.back().payload.find(R"("status":"COMPLETED")") != std::string::npos &&
               all.back().payload.find(R"("two")") != std::string::npos;
    };
    device.on().link.set_broker(false);
    device.on().desire(update);
    REQUIRE(device.on().link.await(completes));
    std::size_t said = 0;
    for (const auto& publication : device.on().link.all())
        said += publication.payload.size();
    CHECK(said > service::Journal::kSlotBytes);
    device.station.reset();
    REQUIRE(device.on().link.await(completes));
    CHECK(device.names_and_images().front() == "web10=app:2");
    CHECK(device.names_and_images().size() == 16);
}

TEST_CASE("feedback that the broker took is not sent again by the next Berth", "[UA-57][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.station.reset();
    device.deploy("two", {{"web"}});
    CHECK(device.on().words_until("one", "").empty());
}

TEST_CASE("an unchanged set costs three records, however large it is", "[UA-22][UA-73][service]") {
    Gateway device;
    std::vector<Wanted> set;
    for (int i = 0; i < 20; ++i)
        set.push_back({"web" + std::to_string(i)});
    device.deploy("one", set);
    device.station.reset();
    const auto journal = journal_of(device);
    const auto before = records_written(journal);
    device.deploy("two", set);
    // Accepted, its end, and that the broker has heard of it.
    CHECK(berth::test::eventually([&] { return records_written(journal) == before + 3; }));
    device.station.reset();
    CHECK(records_written(journal) == before + 3);
}

TEST_CASE("without a journal nothing new is accepted, and what runs stays", "[UA-65][UA-73][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.station.reset();
    std::filesystem::remove_all(device.folder.path() / "operation");
    std::ofstream(device.folder.path() / "operation") << "a file in its place";
    device.on().desire(message("two", {{"web", "app:2"}}));
    REQUIRE(device.on().says("two", "IDENTIFICATION_FAILED"));
    CHECK_THAT(device.on().last("two")->message,
               ContainsSubstring("journal") || ContainsSubstring("operation"));
    CHECK(device.names_and_images() == Words{"web=app:1"});
    CHECK(device.on().words_until("two", "") == Words{"IDENTIFYING", "IDENTIFICATION_FAILED"});
}

TEST_CASE("an operation that nobody finishes ends by itself where something is down", "[UA-61][service]") {
    auto config = berth::test::one_by_one();
    config.abandon_after = std::chrono::milliseconds(150);
    Gateway device(config);
    device.deploy("one", {{"web"}});
    device.on().desire(message("two", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    device.on().command("two", "DOWNLOAD");
    REQUIRE(device.on().says("two", "DOWNLOAD_SUCCESS"));
    device.on().command("two", "UPDATE");
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.names_and_images() == Words{"web=app:1"});
}

TEST_CASE("the time that nobody finishes an operation in goes on while Berth is started anew",
          "[UA-61][service]") {
    Gateway device;
    device.deploy("one", {{"web"}});
    device.on().desire(message("two", {{"web", "app:2"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    for (const std::string word : {"DOWNLOAD", "UPDATE"}) {
        device.on().command("two", word);
        REQUIRE(device.on().says("two", word + "_SUCCESS"));
    }
    device.station.reset();
    const auto before = on_disk(device);
    REQUIRE(before);
    device.on();
    device.station.reset();
    auto record = on_disk(device);
    REQUIRE(record);
    CHECK(record->moved_uptime == before->moved_uptime);  // to be looked at again is no move
    record->moved_uptime -= device.config.abandon_after.count();
    {
        service::Loop loop;
        service::Journal journal(loop, journal_of(device));
        REQUIRE(journal.open());
        journal.write(*record, service::Flush::Now, {});
    }
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    CHECK(device.names_and_images() == Words{"web=app:1"});
}
