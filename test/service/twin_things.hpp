// The two things that a device may be in turn: what each has asked for, and whether it was told of that.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "test/support/cloud.hpp"

namespace berth::test {

class Things {
 public:
    Things(const Cloud& first, const Cloud& second) : clouds_{&first, &second} {}

    const Cloud& now() const { return *clouds_[now_]; }  // that the device is; the other one asks nothing
    void change() { now_ = 1 - now_; }

    void asks(const std::string& request) { wanted_.emplace_back(now_, request); }     // for an answer
    void operates(const std::string& request) { operations_.emplace(now_, request); }  // on software

    bool all_are_answered() const { return is_answered(0) && is_answered(1); }
    bool former_is_answered() const { return is_answered(1 - now_); }
    std::optional<CloudAnswer> answer(const std::string& request) const {  // whoever asked
        const auto first = clouds_[0]->answer(request);
        return first ? first : clouds_[1]->answer(request);
    }
    // In the words of the thing that the device is.
    bool has_ended(const std::string& operation) const {
        const auto& all = now().operations();
        return std::any_of(all.begin(), all.end(), [&](const nlohmann::json& said) {
            return said["correlationId"] == operation &&
                   said["status"].get<std::string>().starts_with("FINISHED");
        });
    }

    // --- what is wrong, for people ---------------------------------------------------------------------

    // Each request has one answer, told to the thing that asked.
    std::string wrong_answers() const {
        std::map<Request, int> counts;
        std::ostringstream found;
        for (std::size_t thing = 0; thing < clouds_.size(); ++thing)
            for (const auto& answer : clouds_[thing]->all_answers()) {
                ++counts[Request(thing, answer.request)];
                if (!std::set{200, 204, 400, 500}.contains(answer.status))
                    found << answer.request << " has status " << answer.status << "; ";
            }
        for (const auto& request : wanted_) {
            if (counts[request] != 1) found << request.second << " has " << counts[request] << " answers; ";
            counts.erase(request);
        }
        for (const auto& [request, count] : counts)
            found << request.second << " was not asked by that thing, or wanted no answer; ";
        return found.str();
    }

    // What becomes of software is told to the thing that asked for it alone; to the end, if the device is
    // that one now.
    std::string wrong_operations() const {
        std::string found;
        for (std::size_t thing = 0; thing < clouds_.size(); ++thing)
            for (const auto& said : clouds_[thing]->operations()) {
                const auto operation = said["correlationId"].get<std::string>();
                if (!operations_.contains(Request(thing, operation)))
                    found += operation + " is told to another thing; ";
            }
        for (const auto& [thing, operation] : operations_) {
            const auto accepted = clouds_[thing]->answer(operation);
            if (thing == now_ && accepted && accepted->status == 204 && !has_ended(operation))
                found += operation + " has not ended; ";
        }
        return found;
    }

    // A delete that got lost is said again, also of what the cloud never heard of.
    std::string complaints() const {
        std::string found;
        for (const auto* cloud : clouds_)
            for (const auto& complaint : cloud->complaints())
                if (!complaint.starts_with("deleted, but never seen")) found += complaint + "; ";
        return found;
    }

 private:
    using Request = std::pair<std::size_t, std::string>;  // and who asked

    bool is_answered(std::size_t thing) const {
        const auto asked = std::count_if(wanted_.begin(), wanted_.end(),
                                         [thing](const Request& one) { return one.first == thing; });
        return clouds_[thing]->all_answers().size() >= static_cast<std::size_t>(asked);
    }

    const std::array<const Cloud*, 2> clouds_;
    std::size_t now_{0};
    std::vector<Request> wanted_{};
    std::set<Request> operations_{};
};

}  // namespace berth::test
