// The inbox folder: messages that the broker was told we have, a small file each, until a record of the
// journal has them or their answer. Written on the client library's thread, which acknowledges when it is
// done here, and so waits for the disk and for nobody else.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "service/link.hpp"

namespace berth::service {

class MessageInbox {
 public:
    struct Limits {
        std::size_t messages{128};
        std::size_t bytes{4 * 1024 * 1024};  // of topics and payloads
    };

    explicit MessageInbox(std::filesystem::path folder) : MessageInbox(std::move(folder), Limits{}) {}
    MessageInbox(std::filesystem::path folder, Limits limits);

    // What an earlier process has left with numbers above `taken`, in order; all else in there is removed,
    // and so is one that ten processes in a row began with. Once, before the first keep(), whose numbers go
    // on from these.
    std::vector<Message> left_over(std::uint64_t taken);

    // Its number, once the file is there and, where it is to outlive a power cut, on disk. 0: there is no
    // room for it, or it cannot be written; a warning says so once. From any thread.
    std::uint64_t keep(const Message& message, Keep wanted);

    void done(std::uint64_t up_to);  // the files with numbers up to this one go; from any thread

 private:
    bool is_given_up(std::uint64_t first) const;
    std::string starts_file() const;
    std::filesystem::path file_of(std::uint64_t number) const;
    std::set<std::uint64_t> numbers() const;
    std::optional<Message> read(std::uint64_t number) const;
    void erase(std::uint64_t number) const;
    std::uint64_t reserve(std::size_t bytes);
    void release(std::uint64_t number);

    const std::filesystem::path folder_;
    const Limits limits_;
    std::mutex mutex_;                            // not held while the disk is waited for
    std::map<std::uint64_t, std::size_t> bytes_;  // of each file
    std::size_t all_bytes_{0};
    std::uint64_t last_{0};
    std::atomic<bool> told_{false};  // that messages are not kept, since one was
};

}  // namespace berth::service
