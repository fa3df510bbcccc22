// The journal of the update agent: two preallocated slots in <home_dir>/operation/journal, overwritten in
// place in turn, each with a checksum, flushed by one fdatasync on a thread of its own. A full disk cannot
// stop it, and a torn write leaves the other slot.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "protocol/journal_record.hpp"
#include "protocol/result.hpp"
#include "service/loop.hpp"

namespace berth::service {

enum class Flush {
    Now,  // on disk before `then`
    Lazy  // with the next one: says nothing that a power cut could make wrong
};

class Journal {
 public:
    using Then = std::function<void(const Result<>&)>;

    static constexpr std::size_t kSlotBytes = 4 * 1024 * 1024;

    Journal(Loop& loop, std::filesystem::path file);
    ~Journal();  // writes what waits, then joins
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    // Makes the file and its room if needed, reads the newer sound slot, starts the thread. Once, before the
    // loop runs. Nothing: a new or an empty journal. Invalid: both slots are damaged, or of a later version;
    // the file is kept beside as journal.bad. NoSpace, Internal: there is no journal; each write() tries
    // again to make it. What can be read and not be written counts, and an error line says so.
    Result<std::optional<JournalRecord>> open();

    // `then` on the loop, in the order of the calls. Records that wait are merged into the newest.
    // It is made to text by the writer. What waits is left out, oldest first, where it has no room beside the
    // rest; a record that does not fit without it is TooLarge.
    void write(JournalRecord record, Flush flush, Then then);
    // `then` on the loop after everything that was written before; at once if nothing waits.
    void after_pending(Task then);

    void stop();  // after the last write() everything is on disk

 private:
    struct Waiting {
        std::optional<JournalRecord> record{};  // nothing: only `then`
        Flush flush{Flush::Now};
        Then then{};
    };

    Result<> prepare();
    Result<std::optional<JournalRecord>> read() const;
    void work();
    Result<> keep(const std::string& text, Flush flush);
    Result<> write_slot(const std::string& text, Flush flush);

    Loop& loop_;
    const std::filesystem::path file_;
    int fd_{-1};
    std::uint64_t sequence_{0};  // of the newest record; the writer's once the thread runs, like the next
    int flushed_slot_{1};        // holds the last record that is certainly on disk
    bool ready_{false};          // open, with its room
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Waiting> waiting_;
    std::size_t under_way_{0};
    bool stopping_{false};
    std::thread thread_;
};

}  // namespace berth::service
