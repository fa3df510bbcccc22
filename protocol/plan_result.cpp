#include "protocol/plan_result.hpp"

#include <utility>

#include "protocol/fields.hpp"

namespace berth {
namespace {

OrderedJson write_planned(const PlannedAction& planned, const std::string& prefix) {
    OrderedJson component = {{"id", prefix + planned.name}};
    if (!planned.version.empty()) component["version"] = planned.version;
    OrderedJson changes = OrderedJson::array();
    for (const auto& change : planned.changes) {
        OrderedJson one = {{"key", change.key}, {"old", change.old}, {"new", change.wanted}};
        changes.push_back(std::move(one));
    }
    OrderedJson json = {{"component", std::move(component)}, {"action", to_string(planned.action)}};
    json["changes"] = std::move(changes);
    if (planned.pull_bytes) json["pullBytes"] = *planned.pull_bytes;
    json["gap"] = planned.gap;
    return json;
}

std::optional<std::int64_t> read_bytes(const Fields& fields, std::string_view name) {
    if (!fields.has(name)) return std::nullopt;
    return fields.integer(name);
}

PlannedAction read_planned(const Fields& action, std::string_view prefix) {
    const Fields component = action.object("component");
    PlannedAction planned{};
    planned.name = component.text("id");
    if (planned.name.starts_with(prefix)) planned.name.erase(0, prefix.size());
    planned.version = component.text("version");
    const auto word = action.text("action");
    const auto kind = parse_action(word);
    if (!kind)
        action.problem("action", "expected create, recreate, update, check or destroy" + value_note(word));
    planned.action = kind.value_or(Action::Check);
    for (const Fields& change : action.objects("changes"))
        planned.changes.push_back({change.text("key"), change.text("old"), change.text("new")});
    planned.pull_bytes = read_bytes(action, "pullBytes");
    planned.gap = action.flag("gap");
    return planned;
}

}  // namespace

std::string encode(const PlanResult& result, std::string_view domain) {
    const std::string prefix = std::string(domain) + ":";
    OrderedJson payload = {{"status", to_string(result.status)}};
    if (!result.message.empty()) payload["message"] = result.message;
    payload["actions"] = OrderedJson::array();
    for (const auto& planned : result.actions)
        payload["actions"].push_back(write_planned(planned, prefix));
    if (result.need_bytes) payload["needBytes"] = *result.need_bytes;
    if (result.free_bytes) payload["freeBytes"] = *result.free_bytes;
    return print_envelope(result.activity_id, result.timestamp, std::move(payload));
}

Result<PlanResult> decode_plan_result(std::string_view text, std::string_view domain) {
    auto root = parse_object(text);
    if (!root) return fail(root.error(), "plan result");
    const std::string prefix = std::string(domain) + ":";
    Problems problems;
    const Fields envelope(&*root, "$", problems);
    const Fields payload = envelope.object("payload");
    PlanResult result{};
    result.activity_id = envelope.text("activityId");
    result.timestamp = envelope.integer("timestamp");
    const auto word = payload.text("status");
    const auto status = parse_word(word);
    if (!status) payload.problem("status", "expected a status word" + value_note(word));
    result.status = status.value_or(Word::IdentificationFailed);
    result.message = payload.text("message");
    for (const Fields& action : payload.objects("actions"))
        result.actions.push_back(read_planned(action, prefix));
    result.need_bytes = read_bytes(payload, "needBytes");
    result.free_bytes = read_bytes(payload, "freeBytes");
    if (!problems.empty()) return fail(problems.error(), "plan result");
    return result;
}

}  // namespace berth
