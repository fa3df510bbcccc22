// containersupdate/desiredstatefeedback: what became of a desired state. Words are Kanto's, exactly.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace berth {

enum class Word {
    Identifying,
    Identified,
    IdentificationFailed,
    Downloading,
    DownloadSuccess,
    DownloadFailure,
    Updating,
    UpdateSuccess,
    UpdateFailure,
    Activating,
    ActivationSuccess,
    ActivationFailure,
    Rollback,
    RollbackSuccess,
    RollbackFailure,
    Cleanup,
    CleanupSuccess,
    CleanupFailure,
    RemovalSuccess,  // of an action only, like the next
    RemovalFailure,
    Completed,
    Incomplete,
    Superseded
};

std::string_view to_string(Word word);  // "IDENTIFYING", ...
std::optional<Word> parse_word(std::string_view text);

struct ActionReport {
    std::string name{};     // bare; encoded as <domain>:<name>
    std::string version{};  // left out when empty, like every field but component.id and status
    Word status{Word::Identified};
    int progress{};  // percent, 1-100; 0: left out
    std::string message{};
    bool operator==(const ActionReport&) const = default;
};

struct Feedback {
    std::string activity_id{};
    std::int64_t timestamp{};  // Unix ms
    std::string baseline{};    // as in the command
    Word status{Word::Identifying};
    std::string message{};
    std::vector<ActionReport> actions{};  // all of the operation, in action order
    bool operator==(const Feedback&) const = default;
};

std::string encode(const Feedback& feedback, std::string_view domain);

// The reading side, for tests, tools and the second-agent check.
Result<Feedback> decode_feedback(std::string_view text, std::string_view domain);

}  // namespace berth
