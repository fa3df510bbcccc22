// Every topic of the update agent, whole and greppable. The prefix comes from the configured domain.
#pragma once

#include <string>
#include <string_view>

namespace berth {

// "containers" -> "containersupdate"; "self-update" -> "selfupdate": dashes removed, "update" appended once.
std::string update_prefix(std::string_view domain);

struct UpdateTopics {  // for domain "containers":
    explicit UpdateTopics(std::string_view domain);

    std::string desired_state;                // containersupdate/desiredstate
    std::string desired_state_command;        // containersupdate/desiredstate/command
    std::string desired_state_plan;           // containersupdate/desiredstate/plan
    std::string desired_state_plan_result;    // containersupdate/desiredstate/plan/result
    std::string desired_state_export;         // containersupdate/desiredstate/export
    std::string desired_state_export_result;  // containersupdate/desiredstate/export/result
    std::string desired_state_feedback;       // containersupdate/desiredstatefeedback
    std::string current_state;                // containersupdate/currentstate
    std::string current_state_get;            // containersupdate/currentstate/get
};

// MQTT filter match with + and #; "#" and "+" at the first level do not match topics that begin with $.
bool topic_matches(std::string_view filter, std::string_view topic);

}  // namespace berth
