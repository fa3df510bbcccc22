// What a feedback message has that the one before it had not, a line each: whole messages repeat the state of
// every action.
#pragma once

#include <string>
#include <vector>

#include "protocol/feedback.hpp"

namespace berth::service {

struct LogLine {
    std::string text{};
    bool bad{};  // a failure: to be seen by whoever filters for warnings
};

class FeedbackLog {
 public:
    // For people, without a time: "activity 'a': UPDATING", "activity 'a': web: UPDATING: created". Progress
    // in percent is no news.
    std::vector<LogLine> news(const Feedback& feedback);

 private:
    Feedback last_{};  // of those that name actions
};

}  // namespace berth::service
