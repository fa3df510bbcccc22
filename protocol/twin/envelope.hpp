// The envelope of Ditto: commands in, answers out. Every step of the check has its own kind of answer, so a
// sender always learns what was wrong. Knows no feature and no operation.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/result.hpp"
#include "protocol/twin/identity.hpp"

namespace berth::twin {

enum class Code {
    ParameterInvalid,  // 400 messages:parameter.invalid
    SubjectNotFound,   // 404 messages:subject.notfound
    ExecutionFailed    // 500 messages:execution.failed
};
int status_of(Code code);

// Of a command's envelope what its answer repeats.
struct Sender {
    std::string topic{};
    std::string path{};
    std::optional<std::string> correlation_id{};
    bool wants_answer{};  // header response-required is there and true
    bool operator==(const Sender&) const = default;
};

enum class Stage {
    Protocol,  // no envelope: answered whatever its headers say
    Early,     // before there was an operation: the answer keeps the request's path
    Late       // of the operation
};

struct Refusal {
    Stage stage{Stage::Late};
    Code code{Code::ExecutionFailed};
    std::string message{};
    bool operator==(const Refusal&) const = default;
};

struct Command {
    std::string feature{};
    std::string operation{};
    std::string value{};  // JSON text; empty: absent or null
    bool operator==(const Command&) const = default;
};

struct Incoming {
    Sender sender{};  // as far as it could be read
    std::variant<Command, Refusal> content{};
};

// Steps 2 to 6 of the check, but for whether the feature is there. `most` bytes are read.
Incoming decode_command(std::string_view text, const Thing& thing, std::size_t most);

// The same refusal of a text of so many bytes as decode_command gives, for those who do not have all of it.
Refusal refusal_of_size(std::size_t bytes, std::size_t most);

// Whatever can be found in a text that may be cut short, for those who must answer it all the same. Where its
// headers are cut off it counts as one that wants an answer: rather one too many than none.
Sender peek_sender(std::string_view text);

// A notification: a message of the cloud that is never answered.
struct Notice {
    std::string topic{};
    std::string path{};
    int status{};
};
std::optional<Notice> decode_notice(std::string_view text, std::size_t most);  // absent: no JSON object

std::string encode_done(const Sender& sender);                         // 204
std::string encode_text(const Sender& sender, std::string_view text);  // 200, a JSON string
std::string encode_refusal(const Sender& sender, const Refusal& refusal);

}  // namespace berth::twin
