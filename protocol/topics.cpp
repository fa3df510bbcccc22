#include "protocol/topics.hpp"

namespace berth {

std::string update_prefix(std::string_view domain) {
    constexpr std::string_view kSuffix = "update";
    std::string prefix;
    for (const char c : domain)
        if (c != '-') prefix += c;
    if (!prefix.ends_with(kSuffix)) prefix += kSuffix;
    return prefix;
}

UpdateTopics::UpdateTopics(std::string_view domain)
    : desired_state(update_prefix(domain) + "/desiredstate"),
      desired_state_command(update_prefix(domain) + "/desiredstate/command"),
      desired_state_plan(update_prefix(domain) + "/desiredstate/plan"),
      desired_state_plan_result(update_prefix(domain) + "/desiredstate/plan/result"),
      desired_state_export(update_prefix(domain) + "/desiredstate/export"),
      desired_state_export_result(update_prefix(domain) + "/desiredstate/export/result"),
      desired_state_feedback(update_prefix(domain) + "/desiredstatefeedback"),
      current_state(update_prefix(domain) + "/currentstate"),
      current_state_get(update_prefix(domain) + "/currentstate/get") {}

bool topic_matches(std::string_view filter, std::string_view topic) {
    const bool wild = !filter.empty() && (filter.front() == '+' || filter.front() == '#');
    if (wild && !topic.empty() && topic.front() == '$') return false;
    while (true) {
        const auto filter_end = filter.find('/');
        const auto topic_end = topic.find('/');
        const auto wanted = filter.substr(0, filter_end);
        if (wanted == "#") return filter_end == filter.npos;
        if (wanted != "+" && wanted != topic.substr(0, topic_end)) return false;
        if (topic_end == topic.npos)  // "a/#" matches its parent "a" as well
            return filter_end == filter.npos || filter.substr(filter_end + 1) == "#";
        if (filter_end == filter.npos) return false;
        filter.remove_prefix(filter_end + 1);
        topic.remove_prefix(topic_end + 1);
    }
}

}  // namespace berth
