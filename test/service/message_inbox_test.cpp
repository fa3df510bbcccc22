// The inbox folder: what is kept is there again, in order, until it is done. What is damaged, too much, or of
// another run of the machine is told and holds nobody up.
#include "service/message_inbox.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "protocol/digest.hpp"
#include "test/support/captured_log.hpp"
#include "test/support/catch.hpp"
#include "test/support/station.hpp"

using berth::service::Keep;
using berth::service::MessageInbox;
using berth::test::CapturedLog;
using berth::test::TemporaryFolder;

namespace {

using Payloads = std::vector<std::string>;

struct InboxFolder {
    TemporaryFolder folder{};
    std::filesystem::path path{folder.path() / "inbox"};

    std::filesystem::path file(std::uint64_t number) const { return path / std::to_string(number); }
    std::size_t files() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
    }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(path / name, std::ios::binary) << text;
    }
    // As the next process finds it.
    Payloads left_over(std::uint64_t taken = 0) const {
        Payloads payloads;
        for (const auto& left : MessageInbox(path).left_over(taken))
            payloads.push_back(left.payload);
        return payloads;
    }
};

berth::service::Message in_inbox(const std::string& payload) {
    return {.topic = "a/topic", .payload = payload};
}

}  // namespace

TEST_CASE("what was kept is there for the next process, in order, until it is done", "[UA-73][service]") {
    const InboxFolder folder;
    {
        MessageInbox inbox(folder.path);
        REQUIRE(inbox.left_over(0).empty());
        for (std::uint64_t number = 1; number <= 12; ++number)
            REQUIRE(inbox.keep(in_inbox(std::to_string(number)), Keep::Always) == number);
        inbox.done(2);
        CHECK(folder.files() == 10);
    }
    MessageInbox next(folder.path);
    const auto left = next.left_over(3);  // a record has the third, though its file is still there
    REQUIRE(left.size() == 9);
    CHECK(folder.files() == 9);
    for (std::size_t i = 0; i < left.size(); ++i) {
        CHECK(left[i].inbox_number == i + 4);
        CHECK(left[i].payload == std::to_string(i + 4));
        CHECK(left[i].topic == "a/topic");
    }
    CHECK(next.keep(in_inbox("13"), Keep::Always) == 13);
    next.done(13);
    CHECK(folder.files() == 0);
}

TEST_CASE("a message comes out of the inbox as it went in", "[UA-73][service]") {
    const InboxFolder folder;
    MessageInbox inbox(folder.path);
    inbox.left_over(0);
    auto sent = in_inbox(std::string("line\n\nline\0\xff", 12));
    sent.duplicate = GENERATE(false, true);
    REQUIRE(inbox.keep(sent, Keep::Always) == 1);
    const auto left = MessageInbox(folder.path).left_over(0);
    REQUIRE(left.size() == 1);
    CHECK(left[0].payload == sent.payload);
    CHECK(left[0].duplicate == sent.duplicate);
    CHECK_FALSE(left[0].retained);
}

TEST_CASE("numbers of the inbox go on after those that a record knows", "[UA-73][service]") {
    const InboxFolder folder;
    MessageInbox inbox(folder.path);
    CHECK(inbox.left_over(7).empty());
    CHECK(inbox.keep(in_inbox("x"), Keep::Always) == 8);
}

TEST_CASE("a damaged file of the inbox is named and removed, the others count", "[UA-73][service]") {
    const InboxFolder folder;
    {
        MessageInbox inbox(folder.path);
        inbox.left_over(0);
        for (const std::string payload : {"1", "2", "3", "4"})
            inbox.keep(in_inbox(payload), Keep::Always);
    }
    SECTION("cut") {
        std::filesystem::resize_file(folder.file(2), 70);
    }
    SECTION("empty") {
        folder.write("2", "");
    }
    SECTION("changed") {
        std::fstream file(folder.file(2), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(-1, std::ios::end);
        file.put('x');
    }
    folder.write("5.new", "a power cut came in between");
    folder.write("a file of somebody else", "");
    const CapturedLog log;
    CHECK(folder.left_over() == Payloads{"1", "3", "4"});
    CHECK(log.count("warning: " + folder.file(2).string()) == 1);
    CHECK_FALSE(std::filesystem::exists(folder.file(2)));
    CHECK_FALSE(std::filesystem::exists(folder.path / "5.new"));
    CHECK(folder.files() == 4);
}

TEST_CASE("what is kept until a reboot does not count in another run of the machine", "[UA-73][service]") {
    const InboxFolder folder;
    {
        MessageInbox inbox(folder.path);
        inbox.left_over(0);
        inbox.keep(in_inbox("now"), Keep::UntilReboot);
    }
    CHECK(folder.left_over() == Payloads{"now"});
    const std::string before = "another run\nfirst\na/topic\nbefore";
    folder.write("2", berth::sha256(before) + '\n' + before);
    CHECK(folder.left_over() == Payloads{"now"});
    CHECK(folder.files() == 1);
}

TEST_CASE("a message that ends one berthd after the other is given up", "[UA-73][service]") {
    const InboxFolder folder;
    {
        MessageInbox inbox(folder.path);
        inbox.left_over(0);
        for (const std::string payload : {"1", "2", "3"})
            inbox.keep(in_inbox(payload), Keep::Always);
    }
    const CapturedLog log;
    CHECK(folder.left_over() == Payloads{"1", "2", "3"});
    for (int starts = 0; starts < 10; ++starts)
        REQUIRE(folder.left_over(1) == Payloads{"2", "3"});
    CHECK(log.count("error: ") == 0);
    CHECK(folder.left_over(1) == Payloads{"3"});
    CHECK(log.count("error: " + folder.file(2).string()) == 1);
    CHECK(folder.left_over(3).empty());
    CHECK_FALSE(std::filesystem::exists(folder.path.string() + ".starts"));
}

TEST_CASE("the inbox has bounds, and room again for what is done", "[UA-73][service]") {
    const InboxFolder folder;
    const CapturedLog log;
    MessageInbox inbox(folder.path, {.messages = 2, .bytes = 100});
    inbox.left_over(0);
    CHECK(inbox.keep(in_inbox(std::string(100, 'x')), Keep::Always) == 0);
    CHECK(inbox.keep(in_inbox(std::string(100, 'x')), Keep::Always) == 0);
    CHECK(log.count("warning: the broker is told that we have a message before it is on disk") == 1);
    const auto first = inbox.keep(in_inbox("1"), Keep::Always);
    CHECK(first != 0);
    CHECK(inbox.keep(in_inbox("2"), Keep::Always) != 0);
    CHECK(inbox.keep(in_inbox("3"), Keep::Always) == 0);
    inbox.done(first);
    CHECK(inbox.keep(in_inbox("4"), Keep::Always) != 0);
    CHECK(folder.left_over() == Payloads{"2", "4"});
}

TEST_CASE("a disk that takes no message is told of once and costs no message", "[UA-73][service]") {
    const InboxFolder folder;
    const CapturedLog log;
    MessageInbox inbox(folder.path);
    inbox.left_over(0);
    std::ofstream(folder.path) << "no folder";
    for (int times = 0; times < 3; ++times)
        CHECK(inbox.keep(in_inbox("x"), Keep::Always) == 0);
    CHECK(log.count("warning: ") == 1);
    CHECK(log.contains(folder.path.string()));
    std::filesystem::remove(folder.path);
    CHECK(inbox.keep(in_inbox("y"), Keep::Always) != 0);
    CHECK(folder.left_over() == Payloads{"y"});
}
