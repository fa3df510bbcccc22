#include "service/journal.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "service/files.hpp"
#include "service/kill_points.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

constexpr std::array<char, 8> kMagic = {'B', 'E', 'R', 'T', 'H', 'J', 'R', 'N'};

// At the start of each slot; the checksum covers what follows it and the record.
struct Header {
    std::array<char, 8> magic{kMagic};
    std::array<unsigned char, 32> checksum{};
    std::uint64_t sequence{};
    std::uint64_t length{};
    std::uint32_t version{kJournalVersion};
    std::uint32_t reserved{};
};
static_assert(sizeof(Header) == 64);
constexpr std::size_t kChecked = offsetof(Header, sequence);

std::array<unsigned char, 32> checksum_of(const Header& header, const std::string& text) {
    std::array<unsigned char, 32> digest{};
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
    EVP_DigestUpdate(context, reinterpret_cast<const char*>(&header) + kChecked, sizeof(Header) - kChecked);
    EVP_DigestUpdate(context, text.data(), text.size());
    EVP_DigestFinal_ex(context, digest.data(), nullptr);
    EVP_MD_CTX_free(context);
    return digest;
}

off_t offset_of(int slot) {
    return static_cast<off_t>(slot) * static_cast<off_t>(Journal::kSlotBytes);
}

struct Slot {
    int number{};
    Header header{};
    std::string text{};
};

// Nothing: never written, torn or damaged.
std::optional<Slot> read_slot(int fd, int number) {
    Slot slot{.number = number};
    const off_t offset = offset_of(number);
    if (::pread(fd, &slot.header, sizeof(Header), offset) != static_cast<ssize_t>(sizeof(Header))) return {};
    const auto& header = slot.header;
    if (header.magic != kMagic || header.length > Journal::kSlotBytes - sizeof(Header)) return {};
    slot.text.resize(header.length);
    const auto got =
        ::pread(fd, slot.text.data(), slot.text.size(), offset + static_cast<off_t>(sizeof(Header)));
    if (got != static_cast<ssize_t>(slot.text.size())) return {};
    if (header.checksum != checksum_of(header, slot.text)) return {};
    return slot;
}

std::optional<Slot> newest_slot(int fd) {
    auto first = read_slot(fd, 0);
    auto second = read_slot(fd, 1);
    if (!first || (second && second->header.sequence > first->header.sequence)) return second;
    return first;
}

bool is_blank(int fd) {
    std::array<char, sizeof(Header)> bytes{};
    for (const int slot : {0, 1}) {
        // Less where there was never room for it: what is not there stays zero here.
        if (::pread(fd, bytes.data(), bytes.size(), offset_of(slot)) < 0) return false;
        for (const char byte : bytes)
            if (byte != 0) return false;
    }
    return true;
}

Result<> write_whole(int fd, const void* data, std::size_t size, off_t offset) {
    const char* at = static_cast<const char*>(data);
    while (size > 0) {
        const ssize_t written = ::pwrite(fd, at, size, offset);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return os_error("write the journal");
        at += written;
        offset += written;
        size -= static_cast<std::size_t>(written);
    }
    return {};
}

constexpr std::size_t kRoom = Journal::kSlotBytes - sizeof(Header);

// An operation must not fail for what waits behind it: of that the newest stays, where it has room.
std::string text_fitting(const JournalRecord& record) {
    auto text = encode(record);
    if (text.size() <= kRoom || record.waiting.empty()) return text;
    auto shorter = record;
    while (text.size() > kRoom && !shorter.waiting.empty()) {
        shorter.waiting.erase(shorter.waiting.begin());
        text = encode(shorter);
    }
    return text;
}

}  // namespace

Journal::Journal(Loop& loop, std::filesystem::path file) : loop_(loop), file_(std::move(file)) {}

Journal::~Journal() {
    stop();
    if (fd_ >= 0) ::close(fd_);
}

void Journal::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

Result<std::optional<JournalRecord>> Journal::open() {
    const auto prepared = prepare();
    ready_ = static_cast<bool>(prepared);
    if (fd_ < 0) fd_ = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC);
    if (!prepared && fd_ >= 0)
        log::error("{}; no update is taken up until that can be done", prepared.error().message);
    Result<std::optional<JournalRecord>> record = fd_ < 0 ? prepared.error() : read();
    thread_ = std::thread([this] { work(); });
    return record;
}

Result<> Journal::prepare() {
    if (auto made = make_folder(file_.parent_path()); !made) return made;
    const int fd = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return os_error("open " + file_.string());
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
    errno = ::posix_fallocate(fd_, 0, static_cast<off_t>(2 * kSlotBytes));
    if (errno != 0) return os_error("make room for the journal " + file_.string());
    if (::fsync(fd_) != 0) return os_error("flush " + file_.string());
    if (auto flushed = flush_folder(file_.parent_path()); !flushed) return flushed;
    if (const auto newest = newest_slot(fd_)) {
        sequence_ = newest->header.sequence;
        flushed_slot_ = newest->number;
    }
    return {};
}

Result<std::optional<JournalRecord>> Journal::read() const {
    const auto newest = newest_slot(fd_);
    if (!newest && is_blank(fd_)) return std::optional<JournalRecord>{};
    Result<JournalRecord> record = fail(Errc::Invalid, "both slots of the journal are damaged");
    if (newest && newest->header.version > kJournalVersion)
        record = fail(Errc::Invalid, "the journal is of version " + std::to_string(newest->header.version) +
                                         ", this Berth knows " + std::to_string(kJournalVersion));
    else if (newest)
        record = decode_journal(newest->text);
    if (record) return std::optional<JournalRecord>(*std::move(record));
    std::error_code ignored;  // the copy is for people; without it the error below still tells
    std::filesystem::copy_file(file_, file_.string() + ".bad",
                               std::filesystem::copy_options::overwrite_existing, ignored);
    return record.error();
}

void Journal::write(JournalRecord record, Flush flush, Then then) {
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back({std::move(record), flush, std::move(then)});
    }
    wake_.notify_one();
}

void Journal::after_pending(Task then) {
    {
        std::unique_lock lock(mutex_);
        if (!waiting_.empty() || under_way_ > 0) {
            waiting_.push_back({{}, Flush::Lazy, [then = std::move(then)](const Result<>&) { then(); }});
            lock.unlock();
            // The writer may be idle already: under way means that the loop has not done it yet.
            return wake_.notify_one();
        }
    }
    then();
}

void Journal::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        auto taken = std::exchange(waiting_, {});
        under_way_ += taken.size();
        lock.unlock();
        const JournalRecord* newest = nullptr;
        Flush flush = Flush::Lazy;
        for (const auto& waiting : taken) {
            if (waiting.record) newest = &*waiting.record;
            if (waiting.flush == Flush::Now) flush = Flush::Now;
        }
        const Result<> written = newest == nullptr ? Result<>{} : keep(text_fitting(*newest), flush);
        for (auto& waiting : taken)
            if (waiting.then) loop_.post([then = std::move(waiting.then), written] { then(written); });
        // Only when the loop has run them is nothing pending: order holds for those who come meanwhile.
        loop_.post([this, count = taken.size()] {
            const std::lock_guard inner(mutex_);
            under_way_ -= count;
        });
        lock.lock();
    }
}

// After an error the file is opened anew, as the disk may have been repaired or mounted again since.
Result<> Journal::keep(const std::string& text, Flush flush) {
    if (text.size() > kRoom)
        return fail(Errc::TooLarge,
                    "the operation does not fit the journal: " + std::to_string(text.size()) + " bytes");
    auto kept = ready_ ? Result<>{} : prepare();
    if (kept) kept = write_slot(text, flush);
    ready_ = static_cast<bool>(kept);
    return kept;
}

Result<> Journal::write_slot(const std::string& text, Flush flush) {
    Header header{};
    header.sequence = sequence_ + 1;
    header.length = text.size();
    header.checksum = checksum_of(header, text);
    // Never over the last flushed one: whatever happens to this write, that one stays.
    const int slot = 1 - flushed_slot_;
    const off_t offset = offset_of(slot);
    kill_point("before a journal write");
    if (auto done = write_whole(fd_, text.data(), text.size(), offset + static_cast<off_t>(sizeof(Header)));
        !done)
        return done;
    kill_point("between the parts of a journal write");
    if (auto done = write_whole(fd_, &header, sizeof(Header), offset); !done) return done;
    sequence_ = header.sequence;
    if (flush == Flush::Lazy) return {};
    if (::fdatasync(fd_) != 0) {
        auto error = os_error("flush the journal");
        // Refused is refused: a restart of the process would find the record in the page cache.
        const Header none{.magic = {}};
        if (auto cleared = write_whole(fd_, &none, sizeof(Header), offset); !cleared)
            error.message += "; " + cleared.error().message;
        return error;
    }
    kill_point("after a journal write");
    flushed_slot_ = slot;
    return {};
}

}  // namespace berth::service
