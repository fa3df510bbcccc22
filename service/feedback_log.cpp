#include "service/feedback_log.hpp"

#include <cstddef>

namespace berth::service {
namespace {

bool is_failure(Word status) {
    switch (status) {
        case Word::IdentificationFailed:
        case Word::DownloadFailure:
        case Word::UpdateFailure:
        case Word::ActivationFailure:
        case Word::RollbackFailure:
        case Word::CleanupFailure:
        case Word::RemovalFailure:
        case Word::Incomplete: return true;
        default: return false;
    }
}

LogLine line(const std::string& who, Word status, const std::string& message) {
    return {who + ": " + std::string(to_string(status)) + (message.empty() ? "" : ": " + message),
            is_failure(status)};
}

bool says_the_same(const ActionReport& a, const ActionReport& b) {
    return a.name == b.name && a.status == b.status && (a.message == b.message || b.progress > 0);
}

}  // namespace

std::vector<LogLine> FeedbackLog::news(const Feedback& feedback) {
    const std::string who = "activity '" + feedback.activity_id + "'";
    std::vector<LogLine> lines;
    const bool other = last_.activity_id != feedback.activity_id;
    if (other || last_.status != feedback.status || last_.message != feedback.message ||
        last_.baseline != feedback.baseline)
        lines.push_back(
            line(who + (feedback.baseline.empty() ? "" : ", baseline '" + feedback.baseline + "'"),
                 feedback.status, feedback.message));
    // All of the operation are in each message, in one order.
    for (std::size_t i = 0; i < feedback.actions.size(); ++i) {
        const auto& action = feedback.actions[i];
        const bool known = !other && i < last_.actions.size() && says_the_same(last_.actions[i], action);
        if (!known) lines.push_back(line(who + ": " + action.name, action.status, action.message));
    }
    // A refusal of one activity comes between two messages of another.
    if (!feedback.actions.empty() || !other) last_ = feedback;
    return lines;
}

}  // namespace berth::service
