#include "service/feedback_log.hpp"

#include <algorithm>
#include <utility>

namespace berth::service {
namespace {

std::string line(const std::string& who, Word status, const std::string& message) {
    return who + ": " + std::string(to_string(status)) + (message.empty() ? "" : ": " + message);
}

bool says_the_same(const ActionReport& a, const ActionReport& b) {
    return a.name == b.name && a.status == b.status && (a.message == b.message || b.progress > 0);
}

}  // namespace

std::vector<std::string> FeedbackLog::news(const Feedback& feedback) {
    const std::string who = "activity '" + feedback.activity_id + "'";
    std::vector<std::string> lines;
    const bool other = last_.activity_id != feedback.activity_id;
    if (other || last_.status != feedback.status || last_.message != feedback.message ||
        last_.baseline != feedback.baseline)
        lines.push_back(
            line(who + (feedback.baseline.empty() ? "" : ", baseline '" + feedback.baseline + "'"),
                 feedback.status, feedback.message));
    for (const auto& action : feedback.actions) {
        const bool known =
            !other && std::any_of(last_.actions.begin(), last_.actions.end(),
                                  [&](const auto& before) { return says_the_same(before, action); });
        if (!known) lines.push_back(line(who + ": " + action.name, action.status, action.message));
    }
    last_ = feedback;
    return lines;
}

}  // namespace berth::service
