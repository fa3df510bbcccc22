// Plays an operation without a daemon: steps succeed or fail as the test says, feedback is kept as short
// lines.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reconcile/operation.hpp"

namespace berth::test {

// How an operation begins in tests: what it makes is called new-1, new-2, …
inline reconcile::Identification by_commands(unsigned parallel = 1) {
    reconcile::Identification how{};
    how.number = 1;
    how.parallel = parallel;
    how.new_id = [number = 0]() mutable { return "new-" + std::to_string(++number); };
    return how;
}

inline reconcile::Identification by_itself(unsigned parallel = 1) {
    auto how = by_commands(parallel);
    how.drive = reconcile::Drive::Itself;
    return how;
}

class OperationPlayer {
 public:
    using Key = std::pair<reconcile::StepKind, std::string>;  // step, component

    void fail_at(reconcile::StepKind kind, const std::string& name, std::string why) {
        failures_[{kind, name}] = std::move(why);
    }

    void remark_at(reconcile::StepKind kind, const std::string& name, std::string what) {
        remarks_[{kind, name}] = std::move(what);
    }

    // What the steps do, and whether they can; those that fail_at names do nothing.
    void act(std::function<std::optional<Error>(const reconcile::Run&)> engine) {
        engine_ = std::move(engine);
    }

    void begin(const DesiredState& desired, const std::vector<Container>& current,
               reconcile::Identification how) {
        if (!how.new_id) how.new_id = by_commands().new_id;
        how.number = 1;
        settle(reconcile::begin(desired, current, how));
    }

    // Berth ends and starts again: what was under way is forgotten.
    void restart(bool same_boot = true) {
        open_.clear();
        cancelled_ = false;
        send(reconcile::Resumed{same_boot});
    }

    void send(const reconcile::Event& event) { settle(reconcile::advance(std::move(state_), event)); }

    // Ends the step at hand of that component; play() ends all, first in first out, until nothing is left.
    void finish(const std::string& name) {
        for (auto at = open_.begin(); at != open_.end(); ++at) {
            if (at->action.name != name) continue;
            const reconcile::Run step = *at;
            open_.erase(at);
            return end(step);
        }
        throw std::logic_error("no step of " + name + " is open");
    }
    void finish_first() { finish(open_.front().action.name); }
    void play() {
        while (!open_.empty())
            finish(open_.front().action.name);
    }

    // "DOWNLOADING a:DOWNLOADING b:IDENTIFIED"; with a baseline "DOWNLOADING[shop] …".
    std::vector<std::string> take_lines() { return std::exchange(lines_, {}); }
    const std::vector<Feedback>& feedback() const { return feedback_; }
    const std::vector<Key>& steps() const { return steps_; }
    const OperationState& state() const { return state_; }
    std::size_t records() const { return records_; }  // how often there was something for the journal
    std::size_t open_steps() const { return open_.size(); }
    bool cancelled() const { return cancelled_; }

 private:
    void end(const reconcile::Run& step) {
        std::optional<Error> error;
        if (const auto at = failures_.find({step.kind, step.action.name}); at != failures_.end())
            error = fail(Errc::Internal, at->second);
        if (cancelled_ && step.kind == reconcile::StepKind::Stage)
            error = fail(Errc::Interrupted, "cancelled");
        if (!error && engine_) error = engine_(step);
        const auto remark = remarks_.find({step.kind, step.action.name});
        send(reconcile::StepDone{step.operation, step.index, error,
                                 remark == remarks_.end() ? std::string() : remark->second});
    }

    void settle(reconcile::Advance advance) {
        state_ = std::move(advance.next);
        records_ += advance.keep ? 1U : 0U;
        for (const auto& effect : advance.effects) {
            if (const auto* said = std::get_if<reconcile::Send>(&effect)) note(said->feedback);
            if (const auto* step = std::get_if<reconcile::Run>(&effect)) {
                steps_.emplace_back(step->kind, step->action.name);
                open_.push_back(*step);
            }
            if (std::holds_alternative<reconcile::CancelRunning>(effect)) cancelled_ = true;
        }
    }

    void note(const Feedback& said) {
        std::string line(to_string(said.status));
        if (!said.baseline.empty()) line += "[" + said.baseline + "]";
        for (const auto& action : said.actions) {
            line += " " + action.name + ":" + std::string(to_string(action.status));
            if (action.progress > 0) line += "(" + std::to_string(action.progress) + ")";
        }
        lines_.push_back(std::move(line));
        feedback_.push_back(said);
    }

    OperationState state_{};
    std::map<Key, std::string> failures_;
    std::map<Key, std::string> remarks_;
    std::function<std::optional<Error>(const reconcile::Run&)> engine_;
    std::deque<reconcile::Run> open_;
    std::vector<std::string> lines_;
    std::vector<Feedback> feedback_;
    std::vector<Key> steps_;
    std::size_t records_{0};
    bool cancelled_{false};
};

}  // namespace berth::test
