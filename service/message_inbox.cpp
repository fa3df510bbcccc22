#include "service/message_inbox.hpp"

#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "protocol/digest.hpp"
#include "service/boot_id.hpp"
#include "service/files.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

// A file is lines: the checksum of all that follows, the run of the machine for which it counts, whether the
// broker had sent it before, the topic; then the payload.
constexpr std::string_view kAnyRun = "any";
constexpr std::string_view kFirst = "first";
constexpr std::string_view kAgain = "again";

constexpr unsigned kMostStarts = 10;  // that begin with the same message

struct Found {
    std::string run{};
    Message message{};
};

std::string text_of_file(const Message& message, Keep wanted) {
    std::string text(wanted == Keep::Always ? kAnyRun : std::string_view(boot_id()));
    text += '\n';
    text += message.duplicate ? kAgain : kFirst;
    text += '\n';
    text += message.topic;
    text += '\n';
    text += message.payload;
    return sha256(text) + '\n' + text;
}

std::string_view take_line(std::string_view& text) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    return line;
}

// Nothing: damaged.
std::optional<Found> found_in(std::string_view text) {
    const auto checksum = take_line(text);
    if (checksum != sha256(text)) return std::nullopt;
    Found found{};
    found.run = take_line(text);
    found.message.duplicate = take_line(text) == kAgain;
    found.message.topic = take_line(text);
    found.message.payload = text;
    return found;
}

}  // namespace

MessageInbox::MessageInbox(std::filesystem::path folder, Limits limits)
    : folder_(std::move(folder)), limits_(limits) {}

std::vector<Message> MessageInbox::left_over(std::uint64_t taken) {
    const std::lock_guard lock(mutex_);
    last_ = taken;
    std::vector<Message> messages;
    for (const auto number : numbers()) {
        last_ = std::max(last_, number);
        auto message = number > taken ? read(number) : std::nullopt;
        if (message && messages.empty() && is_given_up(number)) {
            log::error("{}: {} starts in a row ended before it was acted on: the message on '{}' is given up",
                       file_of(number).string(), kMostStarts, message->topic);
            message.reset();
        }
        if (!message) {
            erase(number);
            continue;
        }
        bytes_[number] = message->bytes();
        all_bytes_ += message->bytes();
        messages.push_back(*std::move(message));
    }
    if (!messages.empty())
        log::info("messages that an earlier berthd had received and not acted on: {}", messages.size());
    else
        ::unlink(starts_file().c_str());
    return messages;
}

std::uint64_t MessageInbox::keep(const Message& message, Keep wanted) {
    const auto number = reserve(message.bytes());
    auto kept = number != 0 ? make_folder(folder_)
                            : Result<>(fail(Errc::Busy, "too many messages are in " + folder_.string()));
    const auto outlives = wanted == Keep::Always ? Outlives::PowerCut : Outlives::Nothing;
    if (kept) kept = replace_file(file_of(number), text_of_file(message, wanted), 0600, outlives);
    if (kept) {
        told_ = false;
        return number;
    }
    if (number != 0) release(number);
    if (!told_.exchange(true))
        log::warn("the broker is told that we have a message before it is on disk: {}", kept.error().message);
    return 0;
}

void MessageInbox::done(std::uint64_t up_to) {
    std::vector<std::uint64_t> files;
    {
        const std::lock_guard lock(mutex_);
        for (auto first = bytes_.begin(); first != bytes_.end() && first->first <= up_to;
             first = bytes_.erase(first)) {
            files.push_back(first->first);
            all_bytes_ -= first->second;
        }
    }
    for (const auto number : files)
        erase(number);
}

// Whatever it is about a message that ends one berthd after the other, before it connects: one of them has to
// get past it, or nobody reaches this device again.
bool MessageInbox::is_given_up(std::uint64_t first) const {
    const auto before = read_file(starts_file());
    std::istringstream text(before ? *before : std::string());
    std::uint64_t number = 0;
    unsigned starts = 0;
    text >> number >> starts;
    if (number == first && starts >= kMostStarts) return true;
    starts = number == first ? starts + 1 : 1;
    const auto noted = replace_file(starts_file(), std::to_string(first) + ' ' + std::to_string(starts), 0600,
                                    Outlives::Nothing);
    if (!noted) log::debug("{}", noted.error().message);
    return false;
}

std::string MessageInbox::starts_file() const {
    return folder_.string() + ".starts";
}

std::filesystem::path MessageInbox::file_of(std::uint64_t number) const {
    return folder_ / std::to_string(number);
}

// Of a message that a cut left in the middle of a write the broker was told nothing.
std::set<std::uint64_t> MessageInbox::numbers() const {
    std::error_code error;
    auto found = numbered_files(folder_, error);
    if (error) log::warn("read {}: {}", folder_.string(), error.message());
    return found;
}

// Nothing: damaged, or of an earlier run of the machine, whose sender may have given up.
std::optional<Message> MessageInbox::read(std::uint64_t number) const {
    const auto file = file_of(number).string();
    const auto text = read_file(file);
    auto found = text ? found_in(*text) : std::nullopt;
    if (!found) {
        const auto why = text ? std::string("is damaged") : text.error().message;
        log::warn("{}: {}; the message in it is lost", file, why);
        return std::nullopt;
    }
    if (found->run != kAnyRun && (found->run.empty() || found->run != boot_id())) {
        log::info("a message on '{}' came before the machine was started anew: not acted on",
                  found->message.topic);
        return std::nullopt;
    }
    found->message.inbox_number = number;
    return std::move(found->message);
}

// A file that stays, also for want of a flush, does no harm: the journal knows how far it had come.
void MessageInbox::erase(std::uint64_t number) const {
    std::error_code ignored;
    std::filesystem::remove(file_of(number), ignored);
}

std::uint64_t MessageInbox::reserve(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (bytes_.size() >= limits_.messages || all_bytes_ + bytes > limits_.bytes) return 0;
    bytes_[++last_] = bytes;
    all_bytes_ += bytes;
    return last_;
}

void MessageInbox::release(std::uint64_t number) {
    erase(number);
    const std::lock_guard lock(mutex_);
    if (const auto file = bytes_.find(number); file != bytes_.end()) {
        all_bytes_ -= file->second;
        bytes_.erase(file);
    }
}

}  // namespace berth::service
