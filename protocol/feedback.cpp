#include "protocol/feedback.hpp"

#include <array>
#include <cstddef>
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

void append_member(std::string& text, std::string_view key, std::string_view value) {
    text += text.back() == '{' ? "\"" : ",\"";
    text += key;
    text += "\":";
    append_quoted(text, value);
}

void append_action(std::string& text, const ActionReport& action, std::string_view prefix) {
    text += R"({"component":{)";
    append_member(text, "id", std::string(prefix) + action.name);
    if (!action.version.empty()) append_member(text, "version", action.version);
    text += '}';
    append_member(text, "status", to_string(action.status));
    if (action.progress != 0) text += ",\"progress\":" + std::to_string(action.progress);
    if (!action.message.empty()) append_member(text, "message", action.message);
    text += '}';
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

// Straight to text: an unchanged set is answered with one message a component, each of which has all of them,
// and trees of these would cost more than all else that is done for it.
std::string encode(const Feedback& feedback, std::string_view domain) {
    const std::string prefix = std::string(domain) + ":";
    std::string text = "{";
    append_member(text, "activityId", feedback.activity_id);
    text += ",\"timestamp\":" + std::to_string(feedback.timestamp) + ",\"payload\":{";
    if (!feedback.baseline.empty()) append_member(text, "baseline", feedback.baseline);
    append_member(text, "status", to_string(feedback.status));
    if (!feedback.message.empty()) append_member(text, "message", feedback.message);
    for (std::size_t i = 0; i < feedback.actions.size(); ++i) {
        text += i == 0 ? ",\"actions\":[" : ",";
        append_action(text, feedback.actions[i], prefix);
    }
    text += feedback.actions.empty() ? "}}" : "]}}";
    return text;
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
