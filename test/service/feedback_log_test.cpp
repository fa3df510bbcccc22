#include "service/feedback_log.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using berth::service::FeedbackLog;
using Lines = std::vector<std::string>;

namespace {

class Log {
 public:
    Lines news(const Feedback& feedback) {
        Lines texts;
        for (const auto& line : log_.news(feedback))
            texts.push_back((line.bad ? "bad: " : "") + line.text);
        return texts;
    }

 private:
    FeedbackLog log_{};
};

}  // namespace

TEST_CASE("the log has what is new in a feedback message, and once", "[service]") {
    Log log;
    Feedback feedback{};
    feedback.activity_id = "a";
    feedback.status = Word::Identified;
    feedback.actions = {{.name = "web", .status = Word::Identified, .message = "new"},
                        {.name = "db", .status = Word::Identified, .message = ""}};
    CHECK(log.news(feedback) == Lines{"activity 'a': IDENTIFIED", "activity 'a': web: IDENTIFIED: new",
                                      "activity 'a': db: IDENTIFIED"});
    CHECK(log.news(feedback).empty());
    feedback.status = Word::Downloading;
    CHECK(log.news(feedback) == Lines{"activity 'a': DOWNLOADING"});
    feedback.actions[1].status = Word::Downloading;
    feedback.actions[1].message = "1 of 9 MiB";
    feedback.actions[1].progress = 11;
    CHECK(log.news(feedback) == Lines{"activity 'a': db: DOWNLOADING: 1 of 9 MiB"});
    feedback.actions[1].message = "5 of 9 MiB";
    feedback.actions[1].progress = 55;
    CHECK(log.news(feedback).empty());
    feedback.baseline = "b";
    feedback.message = "no room";
    CHECK(log.news(feedback) == Lines{"activity 'a', baseline 'b': DOWNLOADING: no room"});
    auto other = feedback;
    other.activity_id = "other";
    other.actions.clear();
    CHECK(log.news(other) == Lines{"activity 'other', baseline 'b': DOWNLOADING: no room"});
    CHECK(log.news(feedback).empty());
    feedback.activity_id = "other";
    CHECK(log.news(feedback).size() == 3);
}

TEST_CASE("a failure stands out in the log", "[service]") {
    Log log;
    Feedback feedback{};
    feedback.activity_id = "a";
    feedback.status = Word::IdentificationFailed;
    feedback.message = "no domain";
    CHECK(log.news(feedback) == Lines{"bad: activity 'a': IDENTIFICATION_FAILED: no domain"});
    feedback.status = Word::Rollback;
    feedback.message = "";
    feedback.actions = {{.name = "web", .status = Word::UpdateFailure, .message = "no"},
                        {.name = "db", .status = Word::RemovalFailure, .message = ""}};
    CHECK(log.news(feedback) == Lines{"activity 'a': ROLLBACK", "bad: activity 'a': web: UPDATE_FAILURE: no",
                                      "bad: activity 'a': db: REMOVAL_FAILURE"});
    feedback.status = Word::Incomplete;
    CHECK(log.news(feedback) == Lines{"bad: activity 'a': INCOMPLETE"});
}
