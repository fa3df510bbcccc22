// The answer to a plan, byte for byte.
#include "protocol/plan_result.hpp"

#include "test/protocol/golden.hpp"
#include "test/support/catch.hpp"

using namespace berth;

TEST_CASE("the result of a plan reads back byte for byte", "[BX-07][protocol]") {
    for (const auto& line : test::golden_lines("plan-result.jsonl")) {
        INFO(line);
        const auto result = decode_plan_result(line, "containers");
        REQUIRE(result);
        CHECK(encode(*result, "containers") == line);
    }
    CHECK(encode(PlanResult{}, "x") ==
          R"({"activityId":"","timestamp":0,"payload":{"status":"IDENTIFIED","actions":[]}})");
}

TEST_CASE("a result of a plan that is none is refused", "[BX-07][protocol]") {
    const auto none = decode_plan_result(
        R"({"payload":{"status":"PLANNED","actions":[{"action":"stop","gap":1,"changes":[5],"pullBytes":"7"}],"needBytes":[]}})",
        "c");
    REQUIRE_FALSE(none);
    for (const char* part : {"plan result: ", "$.payload.status: expected a status word (value \"PLANNED\")",
                             "expected create, recreate, update, check or destroy (value \"stop\")",
                             "$.payload.actions[0].changes[0]: expected an object, got a number",
                             "$.payload.actions[0].pullBytes: expected", "$.payload.needBytes: expected"})
        CHECK_THAT(none.error().message, ContainsSubstring(part));
    for (const auto action :
         {Action::Check, Action::Create, Action::Recreate, Action::Update, Action::Destroy})
        CHECK(parse_action(to_string(action)) == action);
    CHECK_FALSE(parse_action("Create"));
}
