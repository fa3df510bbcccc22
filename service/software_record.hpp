// What the cloud has asked of software and not heard the end of, on disk: whoever waits for a last word gets
// one, also when this berthd ends in the middle. A file for each action, in a folder of its own.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "protocol/twin/software.hpp"
#include "service/loop.hpp"
#include "service/workers.hpp"

namespace berth::service {

// Used on the loop. Actions are under way one at a time, in the order in which they were accepted.
class SoftwareRecord {
 public:
    struct Said {
        std::uint64_t number{};
        std::string thing{};
        twin::OperationStatus status{};
    };
    using Says = std::function<void(const Said&)>;
    using Then = std::function<void()>;

    SoftwareRecord(Loop& loop, Workers& workers, std::filesystem::path folder, Says says);

    // Before the loop runs; blocks. What had not ended when the berthd before did has failed now.
    void open();
    // After the loop and the workers have ended: what they had not written yet. Blocks.
    void keep_rest();

    // Its number, which `then` gets as well: it is on disk, or could not be written, which is logged.
    std::uint64_t accept(twin::KeptAction action, std::function<void(std::uint64_t)> then);
    void progress(std::uint64_t action, twin::OperationStatus status);
    void removed(std::uint64_t action, const twin::Dependency& item);
    // How its next module ended, or all that was to be removed: said once it is on disk, and `then` called.
    void end(std::uint64_t action, std::vector<twin::OperationStatus> ends, Then then);

    void heard(std::uint64_t said);  // by the cloud
    // In order: ends, and what is newest, which is what has to be said last.
    std::vector<Said> unheard(const std::string& thing) const;

 private:
    struct End {
        std::uint64_t number{};
        twin::OperationStatus status{};
    };
    struct Action {
        twin::KeptAction kept{};  // without its ends
        std::deque<End> ends{};
        bool is_done{};
        bool is_over() const { return is_done && ends.empty(); }
    };
    using Kept = std::map<std::uint64_t, std::optional<twin::KeptAction>>;  // nothing: its file goes

    void take_up(std::uint64_t number, twin::KeptAction kept);
    void bound_ends();
    void say(const Said& said);
    void write(std::uint64_t action, Then then);
    void write_now();
    void on_written(const std::vector<Then>& waiting, const std::map<std::uint64_t, Error>& failed);
    std::filesystem::path file_of(std::uint64_t action) const;
    Kept kept_of(const std::set<std::uint64_t>& actions) const;

    Loop& loop_;
    Workers& workers_;
    const std::filesystem::path folder_;
    const Says says_;
    std::map<std::uint64_t, Action> actions_;  // with ends that were not heard, under way, or waiting
    std::uint64_t last_action_{0};
    std::uint64_t last_said_{0};
    std::uint64_t said_up_to_{0};
    std::optional<Said> newest_;  // that was said
    bool newest_was_heard_{false};

    std::set<std::uint64_t> due_;      // to be written
    std::vector<Then> waiting_;        // for that
    std::set<std::uint64_t> writing_;  // now
    bool is_busy_{false};
    std::set<std::uint64_t> unkept_;  // could not be written
    TimerId again_{0};
};

}  // namespace berth::service
