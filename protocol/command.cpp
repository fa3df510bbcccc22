#include <array>
#include <utility>

#include "protocol/desired_state.hpp"
#include "protocol/fields.hpp"

namespace berth {
namespace {

constexpr std::array<std::pair<Command, std::string_view>, 5> kCommandWords = {
    {{Command::Download, "DOWNLOAD"},
     {Command::Update, "UPDATE"},
     {Command::Activate, "ACTIVATE"},
     {Command::Rollback, "ROLLBACK"},
     {Command::Cleanup, "CLEANUP"}}};

}  // namespace

std::optional<Command> parse_command(std::string_view text) {
    for (const auto& [value, word] : kCommandWords)
        if (word == text) return value;
    return std::nullopt;
}

std::string_view to_string(Command command) {
    for (const auto& [value, word] : kCommandWords)
        if (value == command) return word;
    return "DOWNLOAD";
}

Result<CommandMessage> decode_command(std::string_view text) {
    auto root = parse_object(text);
    if (!root) return fail(root.error(), "command");
    Problems problems;
    const Fields envelope(&*root, "$", problems);
    envelope.integer("timestamp");  // never used, but it must be a number
    const Fields payload = envelope.object("payload");
    CommandMessage message{.activity_id = envelope.text("activityId"),
                           .word = payload.text("command"),
                           .baseline = payload.text("baseline")};
    message.command = parse_command(message.word);
    if (!problems.empty()) return fail(problems.error(), "command");
    return message;
}

}  // namespace berth
