// What the cloud has asked of software and not heard the end of, on disk: whoever waits for a last word gets
// one, also when this berthd ends in the middle.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "protocol/twin/software.hpp"
#include "service/loop.hpp"
#include "service/workers.hpp"

namespace berth::service {

// Used on the loop.
class SoftwareRecord {
 public:
    struct Part {  // of an action: a module to install, or all that is to be removed
        std::uint64_t number{};
        std::string thing{};  // that asked for it
    };
    struct Said {
        std::uint64_t number{};
        std::string thing{};
        twin::OperationStatus status{};
    };

    SoftwareRecord(Loop& loop, Workers& workers, const std::filesystem::path& folder,
                   std::function<void(const Said&)> says);

    // Before the loop runs; blocks. What had not ended when the berthd before did has failed now.
    void open();

    // `then` gets the first of them, and the others' numbers follow it; called once they are on disk, or
    // could not be written, which is logged.
    using Then = std::function<void(const Part&)>;
    void accept(const std::string& thing, std::vector<twin::OperationStatus> parts, const Then& then);

    // Said in the order of the calls; an end once it is on disk.
    void note(const Part& part, twin::OperationStatus status);
    void heard(std::uint64_t number);                             // by the cloud
    const std::deque<Said>& unheard() const { return unheard_; }  // ends, and the newest of what is under way

 private:
    struct Noted {
        Said said{};
        bool may_be_said{};
    };
    void say_noted();
    void write(std::function<void()> written);
    void write_now();
    void on_written(const Result<>& written, const std::vector<std::function<void()>>& waiting);
    std::string text() const;

    Loop& loop_;
    Workers& workers_;
    const std::filesystem::path file_;
    const std::function<void(const Said&)> says_;
    std::map<std::uint64_t, twin::KeptOperation> under_way_;  // parts, by number
    std::deque<Noted> noted_;                                 // from the oldest end that is not on disk
    std::deque<Said> unheard_;
    std::uint64_t last_part_{0};
    std::uint64_t last_said_{0};

    std::vector<std::function<void()>> waiting_;  // for the next time that it is written
    bool changed_{false};
    bool writing_{false};
    bool is_kept_{true};
    TimerId again_{0};
};

}  // namespace berth::service
