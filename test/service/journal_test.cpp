#include "service/journal.hpp"

#include <dlfcn.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <future>
#include <memory>
#include <random>
#include <thread>

#include <nlohmann/json.hpp>

#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/gateway.hpp"
#include "test/support/operation_player.hpp"
#include "test/support/station.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using berth::service::Flush;
using berth::service::Journal;
using berth::service::Loop;
using berth::test::TemporaryFolder;

namespace {
std::atomic<bool> flushing_fails{false};
std::atomic<bool> flushing_hangs{false};
std::atomic<int> flushes_begun{0};
std::atomic<bool> making_room_fails{false};
}  // namespace

// Stands before the C library's, as no disk here can be made to fail in that moment.
extern "C" int fdatasync(int file) {
    static const auto real = reinterpret_cast<int (*)(int)>(::dlsym(RTLD_NEXT, "fdatasync"));
    ++flushes_begun;
    while (flushing_hangs)
        std::this_thread::yield();
    if (!flushing_fails) return real(file);
    errno = EIO;
    return -1;
}

extern "C" int posix_fallocate(int file, off_t offset, off_t size) {
    static const auto real =
        reinterpret_cast<int (*)(int, off_t, off_t)>(::dlsym(RTLD_NEXT, "posix_fallocate"));
    return making_room_fails ? EROFS : real(file, offset, size);
}

namespace {

JournalRecord record_of(const std::string& text) {
    JournalRecord record{};
    record.last_said = text;
    record.boot_id = "boot";
    return record;
}

// A journal on a loop of its own; write() waits until the record is kept or refused.
struct Desk {
    explicit Desk(const std::filesystem::path& file) : journal(loop, file) {
        found = journal.open();
        thread = std::thread([this] { loop.run(); });
    }
    ~Desk() {
        journal.stop();
        loop.stop();
        thread.join();
    }
    Result<> write(const JournalRecord& record, Flush flush = Flush::Now) {
        std::promise<Result<>> kept;
        journal.write(record, flush, [&kept](const Result<>& result) { kept.set_value(result); });
        return kept.get_future().get();
    }
    std::string said() const { return found && *found ? (*found)->last_said : "nothing"; }

    Loop loop{};
    Journal journal;
    Result<std::optional<JournalRecord>> found = std::optional<JournalRecord>{};
    std::thread thread{};
};

void damage(const std::filesystem::path& file, std::streamoff offset) {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out.seekg(offset);
    const char byte = static_cast<char>(out.get());
    out.seekp(offset);
    out.put(static_cast<char>(byte ^ 0x5a));
}

struct FlushingReleased {  // also when the test ends early: the journal's thread is joined after it
    ~FlushingReleased() { flushing_hangs = flushing_fails = making_room_fails = false; }
};

// Whether the next Berth would find it ended, with all that was said of it still to be sent.
bool has_ended_on_disk(const test::Gateway& device, const std::string& activity) {
    const TemporaryFolder apart;
    const auto copy = apart.path() / "journal";
    std::filesystem::copy_file(device.folder.path() / "operation" / "journal", copy);
    const Desk desk(copy);
    if (!desk.found || !*desk.found) return false;  // it is written just then
    const JournalRecord& record = **desk.found;
    return record.operation && record.operation->activity_id == activity && record.operation->ended &&
           !record.unsent.empty() && record.unsent.back() == record.last_said;
}

constexpr std::streamoff kSecond = static_cast<std::streamoff>(Journal::kSlotBytes);

}  // namespace

TEST_CASE("the newest record is found again, whichever slot holds it", "[UA-65][service]") {
    TemporaryFolder folder;
    const auto file = folder.path() / "operation" / "journal";
    {
        Desk desk(file);
        CHECK(desk.said() == "nothing");
        for (const std::string text : {"one", "two", "three"})
            REQUIRE(desk.write(record_of(text)));
    }
    CHECK(std::filesystem::file_size(file) == 2 * Journal::kSlotBytes);
    struct stat status{};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    CHECK(static_cast<std::size_t>(status.st_blocks) * 512 >=
          2 * Journal::kSlotBytes);  // room is there already
    CHECK((status.st_mode & 0777) == 0600);
    {
        Desk desk(file);
        CHECK(desk.said() == "three");
        REQUIRE(desk.write(record_of("four")));
    }
    CHECK(Desk(file).said() == "four");
}

TEST_CASE("what waits behind a record is done, also when nothing is written after it", "[UA-65][service]") {
    TemporaryFolder folder;
    Desk desk(folder.path() / "journal");
    // Again and again: the writer must be found between its last post and its next wait, and after it.
    for (int round = 0; round < 200; ++round) {
        const auto done = std::make_shared<std::promise<void>>();
        auto ready = done->get_future();
        desk.journal.write(record_of("one"), Flush::Lazy, [&desk, done](const Result<>&) {
            desk.journal.after_pending([done] { done->set_value(); });
        });
        REQUIRE(ready.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
    }
}

TEST_CASE("a torn write leaves the record before it", "[UA-65][service]") {
    TemporaryFolder folder;
    const auto file = folder.path() / "journal";
    {
        Desk desk(file);
        REQUIRE(desk.write(record_of("one")));
        REQUIRE(desk.write(record_of("two")));
    }
    SECTION("in the record") {
        damage(file, kSecond + 70);
    }
    SECTION("in its length") {
        damage(file, kSecond + 50);
    }
    SECTION("in its checksum") {
        damage(file, kSecond + 10);
    }
    Desk desk(file);
    CHECK(desk.said() == "one");
    REQUIRE(desk.write(record_of("three")));
}

TEST_CASE("what was not flushed is never in the way of what was", "[UA-65][service]") {
    TemporaryFolder folder;
    const auto file = folder.path() / "journal";
    {
        Desk desk(file);
        REQUIRE(desk.write(record_of("flushed")));
        REQUIRE(desk.write(record_of("lazy 1"), Flush::Lazy));
        REQUIRE(desk.write(record_of("lazy 2"), Flush::Lazy));
    }
    CHECK(Desk(file).said() == "lazy 2");
    damage(file, kSecond + 70);
    CHECK(Desk(file).said() == "flushed");
}

TEST_CASE("a record that could not be flushed is not found by the next process", "[UA-65][service]") {
    TemporaryFolder folder;
    const auto file = folder.path() / "journal";
    {
        Desk desk(file);
        REQUIRE(desk.write(record_of("one")));
        flushing_fails = true;
        const auto kept = desk.write(record_of("two"));
        flushing_fails = false;
        REQUIRE_FALSE(kept);
        CHECK_THAT(kept.error().message, ContainsSubstring("flush the journal"));
    }
    Desk again(file);
    CHECK(again.said() == "one");
    REQUIRE(again.write(record_of("three")));
}

TEST_CASE("a copy of a message that could not be recorded is not told that it was accepted",
          "[UA-56][UA-73][service]") {
    test::Gateway device;
    device.deploy("one", {{"web"}});
    REQUIRE(test::eventually([&] { return device.on().is_at_rest(); }));
    device.station.reset();  // what the broker has taken is on disk as well
    device.on().on_loop([] {});
    const FlushingReleased released;
    const auto text = test::message("two", {{"web", "app:2"}}, 5);
    const int before = flushes_begun;
    flushing_fails = true;
    flushing_hangs = true;
    device.on().desire(text);
    REQUIRE(test::eventually([&] { return flushes_begun > before; }));
    device.on().desire(text);
    device.on().on_loop([] {});
    flushing_hangs = false;
    REQUIRE(device.on().says("two", "IDENTIFICATION_FAILED"));
    REQUIRE(test::eventually([&] { return device.on().is_at_rest(); }));
    CHECK(device.on().words_until("two", "") == test::Words{"IDENTIFYING", "IDENTIFICATION_FAILED"});
    CHECK(device.names_and_images() == test::Words{"web=app:1"});
}

TEST_CASE("how an update has ended while the disk took nothing is on disk once it takes something",
          "[UA-65][UA-71][service]") {
    test::Gateway device;
    device.deploy("one", {{"web"}});
    device.engine.put_in_registry("big:1");
    device.engine.hang_pulls(true);
    device.on().link.set_broker(false);  // no acknowledgement makes another record
    device.on().desire(test::message("two", {{"web", "big:1"}}));
    REQUIRE(device.engine.await_calls(test::Verb::Pull, 1));
    const FlushingReleased released;
    flushing_fails = true;
    device.on().command("two", "CLEANUP");
    REQUIRE(device.on().says("two", "INCOMPLETE"));
    REQUIRE(test::eventually([&] { return device.on().is_at_rest(); }));
    const int before = flushes_begun;
    REQUIRE(test::eventually([&] { return flushes_begun > before; }));  // in vain
    REQUIRE(test::eventually([&] { return !has_ended_on_disk(device, "two"); }));
    flushing_fails = false;
    CHECK(test::eventually([&] { return has_ended_on_disk(device, "two"); }));
}

TEST_CASE("the end of an unchanged set is flushed before it is told where commands drive it",
          "[UA-65][service]") {
    test::Gateway device;
    device.deploy("one", {{"web"}});
    device.on().desire(test::message("two", {{"web"}}, 5));
    REQUIRE(device.on().says("two", "IDENTIFIED"));
    for (const std::string done : {"DOWNLOAD_SUCCESS", "UPDATE_SUCCESS", "ACTIVATION_SUCCESS"}) {
        device.on().command("two",
                            done == "ACTIVATION_SUCCESS" ? "ACTIVATE" : done.substr(0, done.find('_')));
        REQUIRE(device.on().says("two", done));
    }
    const int before = flushes_begun;
    device.on().command("two", "CLEANUP");
    REQUIRE(device.on().says("two", "COMPLETED"));
    CHECK(flushes_begun > before);
}

TEST_CASE("two damaged slots or a later version are told, kept aside and written over", "[UA-65][service]") {
    TemporaryFolder folder;
    const auto file = folder.path() / "journal";
    {
        Desk desk(file);
        REQUIRE(desk.write(record_of("one")));
        REQUIRE(desk.write(record_of("two")));
    }
    damage(file, 70);
    damage(file, kSecond + 70);
    {
        Desk desk(file);
        REQUIRE_FALSE(desk.found);
        CHECK_THAT(desk.found.error().message, ContainsSubstring("both slots"));
        CHECK(std::filesystem::exists(file.string() + ".bad"));
        REQUIRE(desk.write(record_of("new")));
    }
    CHECK(Desk(file).said() == "new");
}

TEST_CASE("a folder that cannot be had leaves no journal, and every write says so", "[UA-65][service]") {
    Desk desk("/dev/null/operation/journal");
    CHECK_FALSE(desk.found);
    CHECK_FALSE(desk.write(record_of("one")));
}

TEST_CASE("a journal that cannot be made at the start is made once it can be", "[UA-65][service]") {
    TemporaryFolder folder;
    const auto in_the_way = folder.path() / "operation";
    const auto file = in_the_way / "journal";
    std::ofstream(in_the_way) << "no folder";
    {
        Desk desk(file);
        CHECK_FALSE(desk.found);
        CHECK_FALSE(desk.write(record_of("one")));
        std::filesystem::remove(in_the_way);
        CHECK(desk.write(record_of("two")));
    }
    CHECK(Desk(file).said() == "two");
}

TEST_CASE("a journal that can only be read at the start counts, and is written once it can be",
          "[UA-65][service]") {
    TemporaryFolder folder;
    const FlushingReleased released;
    const auto file = folder.path() / "journal";
    CHECK(Desk(file).write(record_of("one")));
    making_room_fails = true;
    {
        Desk desk(file);
        CHECK(desk.said() == "one");
        const auto refused = desk.write(record_of("two"));
        REQUIRE_FALSE(refused);
        CHECK_THAT(refused.error().message, ContainsSubstring("Read-only file system"));
        CHECK(Desk(file).said() == "one");
        making_room_fails = false;
        CHECK(desk.write(record_of("three")));
    }
    CHECK(Desk(file).said() == "three");
}

TEST_CASE("a record that does not fit is refused, the last one stays", "[UA-65][service]") {
    TemporaryFolder folder;
    const auto file = folder.path() / "journal";
    {
        Desk desk(file);
        REQUIRE(desk.write(record_of("one")));
        const auto refused = desk.write(record_of(std::string(Journal::kSlotBytes, 'x')));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Errc::TooLarge);
    }
    CHECK(Desk(file).said() == "one");
}

TEST_CASE("what waits is kept where it has room beside the operation, the newest first", "[UA-73][service]") {
    struct Case {
        std::size_t operation;
        std::vector<std::size_t> waiting;
        std::vector<std::size_t> kept;
    };
    constexpr std::size_t kMiB = 1024 * 1024;
    const std::vector<Case> cases = {
        {kMiB, {kMiB, kMiB}, {kMiB, kMiB}},
        {2 * kMiB, {kMiB + 1, kMiB}, {kMiB}},
        {3 * kMiB, {10, kMiB}, {}},
    };
    for (const auto& c : cases) {
        TemporaryFolder folder;
        const auto file = folder.path() / "journal";
        auto record = record_of(std::string(c.operation, 'x'));
        for (const auto size : c.waiting)
            record.waiting.emplace_back(std::string(size, 'y'));
        {
            Desk desk(file);
            REQUIRE(desk.write(record));
        }
        const Desk desk(file);
        REQUIRE(desk.found);
        REQUIRE(*desk.found);
        CHECK((*desk.found)->last_said == record.last_said);
        std::vector<std::size_t> kept;
        for (const auto& waiting : (*desk.found)->waiting)
            kept.push_back(std::get<std::string>(waiting).size());
        CHECK(kept == c.kept);
    }
}

TEST_CASE("records that wait are merged, their answers keep the order", "[UA-65][service]") {
    TemporaryFolder folder;
    std::vector<int> order;
    {
        Desk desk(folder.path() / "journal");
        std::promise<void> last;
        desk.loop.post([&] {
            for (int i = 0; i < 50; ++i) {
                desk.journal.write(record_of(std::to_string(i)), Flush::Now,
                                   [&order, i](const Result<>&) { order.push_back(2 * i); });
                desk.journal.after_pending([&order, i] { order.push_back(2 * i + 1); });
            }
            desk.journal.after_pending([&last] { last.set_value(); });
        });
        last.get_future().wait();
    }
    std::vector<int> expected(100);
    for (int i = 0; i < 100; ++i)
        expected[static_cast<std::size_t>(i)] = i;
    CHECK(order == expected);
    CHECK(Desk(folder.path() / "journal").said() == "49");
}

TEST_CASE("whatever state an operation is in reads back as it was", "[UA-57][service]") {
    std::mt19937 rng(11);
    for (int run = 0; run < 50; ++run) {
        test::OperationPlayer player;
        auto limited = test::spec("b");
        limited.resources = {"64M", "32M", "128M"};
        auto wanted = test::desired({test::spec("a", "app:2"), limited, test::spec("c")});
        wanted.baselines = {{"shop", {"a"}}};
        if (rng() % 2 == 0) wanted.components[0].order = UpdateOrder::StartFirst;
        reconcile::Identification how{};
        how.drive = rng() % 2 == 0 ? reconcile::Drive::Itself : reconcile::Drive::WaitsForCommands;
        how.parallel = 1 + rng() % 4;
        player.begin(wanted,
                     {test::running(test::spec("a")), test::running(test::spec("b")),
                      test::running(test::spec("x")), test::missing(test::spec("d"))},
                     how);
        player.send(reconcile::CommandReceived{Command::Download, {}});
        for (std::size_t steps = rng() % 8; steps > 0 && player.open_steps() > 0; --steps)
            player.finish_first();
        JournalRecord record{player.state(), {"{}"}, "{}",   17, {"digest"}, {"two DOWNLOAD"},
                             "boot",         {"{}"}, "boot", 5,  6,          7};
        if (rng() % 2 == 0)
            record.waiting.emplace_back(CommandMessage{"one", Command::Update, "UPDATE", "shop"});
        const auto back = decode_journal(encode(record));
        REQUIRE(back);
        REQUIRE(*back == record);
    }
    CHECK_FALSE(decode_journal("{}"));
    CHECK_FALSE(decode_journal("no json"));
}

TEST_CASE("a record of an earlier Berth is read: stop-first, and nobody knows when it moved",
          "[BX-22][UA-57][service]") {
    test::OperationPlayer player;
    player.begin(test::desired({test::spec("a", "app:2")}), {test::running(test::spec("a"))}, {});
    const JournalRecord record{player.state(), {}, "", 0, {}, {}, "boot"};
    auto json = nlohmann::json::parse(encode(record));
    for (auto& action : json["operation"]["actions"])
        for (const std::string later : {"startFirst", "held"})
            REQUIRE(action.erase(later) == 1U);
    REQUIRE(json.erase("movedUptime") == 1U);
    const auto back = decode_journal(json.dump());
    REQUIRE(back);
    CHECK(*back == record);
}
