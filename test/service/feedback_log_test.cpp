#include "service/feedback_log.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using berth::service::FeedbackLog;
using Lines = std::vector<std::string>;

TEST_CASE("the log has what is new in a feedback message, and once", "[service]") {
    FeedbackLog log;
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
