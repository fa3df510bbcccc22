#include "protocol/feedback.hpp"

#include <array>
#include <utility>

#include "protocol/fields.hpp"

namespace berth {
namespace {

constexpr std::array<std::pair<Word, std::string_view>, 23> kFeedbackWords = {
    {{Word::Identifying, "IDENTIFYING"},
     {Word::Identified, "IDENTIFIED"},
     {Word::IdentificationFailed, "IDENTIFICATION_FAILED"},
     {Word::Downloading, "DOWNLOADING"},
     {Word::DownloadSuccess, "DOWNLOAD_SUCCESS"},
     {Word::DownloadFailure, "DOWNLOAD_FAILURE"},
     {Word::Updating, "UPDATING"},
     {Word::UpdateSuccess, "UPDATE_SUCCESS"},
     {Word::UpdateFailure, "UPDATE_FAILURE"},
     {Word::Activating, "ACTIVATING"},
     {Word::ActivationSuccess, "ACTIVATION_SUCCESS"},
     {Word::ActivationFailure, "ACTIVATION_FAILURE"},
     {Word::Rollback, "ROLLBACK"},
     {Word::RollbackSuccess, "ROLLBACK_SUCCESS"},
     {Word::RollbackFailure, "ROLLBACK_FAILURE"},
     {Word::Cleanup, "CLEANUP"},
     {Word::CleanupSuccess, "CLEANUP_SUCCESS"},
     {Word::CleanupFailure, "CLEANUP_FAILURE"},
     {Word::RemovalSuccess, "REMOVAL_SUCCESS"},
     {Word::RemovalFailure, "REMOVAL_FAILURE"},
     {Word::Completed, "COMPLETED"},
     {Word::Incomplete, "INCOMPLETE"},
     {Word::Superseded, "SUPERSEDED"}}};

OrderedJson write_action(const ActionReport& action, const std::string& prefix) {
    OrderedJson json;  // filled key by key: a message of a large set has hundreds of these
    auto& component = json["component"];
    component["id"] = prefix + action.name;
    if (!action.version.empty()) component["version"] = action.version;
    json["status"] = to_string(action.status);
    if (action.progress != 0) json["progress"] = action.progress;
    if (!action.message.empty()) json["message"] = action.message;
    return json;
}

Word read_word(const Fields& fields) {
    const auto text = fields.text_if("status");
    const auto word = text ? parse_word(*text) : std::nullopt;
    if (!text)
        fields.problem("status", "is missing");
    else if (!word)
        fields.problem("status", "expected a status word" + value_note(*text));
    return word.value_or(Word::Identifying);
}

ActionReport read_action(const Fields& action, std::string_view prefix) {
    const Fields component = action.object("component");
    std::string name = component.text("id");
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
    const auto progress = action.integer("progress");
    if (progress < 0 || progress > 100)
        action.problem("progress", "expected 0 to 100" + value_note(std::to_string(progress)));
    return {.name = std::move(name),
            .version = component.text("version"),
            .status = read_word(action),
            .progress = static_cast<int>(progress),
            .message = action.text("message")};
}

}  // namespace

std::string_view to_string(Word word) {
    for (const auto& [value, text] : kFeedbackWords)
        if (value == word) return text;
    return "IDENTIFYING";
}

std::optional<Word> parse_word(std::string_view text) {
    for (const auto& [value, word] : kFeedbackWords)
        if (word == text) return value;
    return std::nullopt;
}

std::string encode(const Feedback& feedback, std::string_view domain) {
    const std::string prefix = std::string(domain) + ":";
    OrderedJson payload = OrderedJson::object();
    if (!feedback.baseline.empty()) payload["baseline"] = feedback.baseline;
    payload["status"] = to_string(feedback.status);
    if (!feedback.message.empty()) payload["message"] = feedback.message;
    for (const auto& action : feedback.actions)
        payload["actions"].push_back(write_action(action, prefix));
    return print_envelope(feedback.activity_id, feedback.timestamp, std::move(payload));
}

Result<Feedback> decode_feedback(std::string_view text, std::string_view domain) {
    auto root = parse_object(text);
    if (!root) return fail(root.error(), "feedback");
    const std::string prefix = std::string(domain) + ":";
    Problems problems;
    const Fields envelope(&*root, "$", problems);
    const Fields payload = envelope.object("payload");
    Feedback feedback{.activity_id = envelope.text("activityId"),
                      .timestamp = envelope.integer("timestamp"),
                      .baseline = payload.text("baseline"),
                      .status = read_word(payload),
                      .message = payload.text("message")};
    for (const Fields& action : payload.objects("actions"))
        feedback.actions.push_back(read_action(action, prefix));
    if (!problems.empty()) return fail(problems.error(), "feedback");
    return feedback;
}

}  // namespace berth
