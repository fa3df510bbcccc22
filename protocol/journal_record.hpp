// What the journal holds: the operation and everything else of the update agent that must outlive the
// process. The file around it (slots, checksum) is service/journal's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/desired_state.hpp"
#include "protocol/operation.hpp"
#include "protocol/result.hpp"

namespace berth {

// Raised whenever a field changes its meaning; new fields with a harmless default do not need it.
inline constexpr std::uint32_t kJournalVersion = 1;

using WaitingMessage =
    std::variant<std::string, CommandMessage>;  // a desired state as received, or a command

struct JournalRecord {
    std::optional<OperationState> operation{};  // the last one, also after its end
    std::vector<std::string> unsent{};          // feedback the broker has not acknowledged, in order, as sent
    std::string last_said{};                    // the last feedback of the operation, as sent
    std::int64_t last_stamp{};                  // Unix ms: no later message bears an earlier one
    std::vector<std::string> accepted{};        // digests of the desired states acted on last, oldest first
    std::vector<std::string> commands{};        // acted on last, oldest first
    std::string boot_id{};                      // of the machine's run in which this was written
    std::vector<WaitingMessage> waiting{};      // not acted on yet, in order
    // When last_stamp was read: what is said between two records bears later ones.
    std::string stamp_boot_id{};  // the machine's run
    std::int64_t stamp_uptime{};  // ms of that run
    std::uint64_t taken{};        // numbers of the inbox up to this one need nothing more than this record
    std::int64_t moved_uptime{};  // when the operation last moved, ms of the run boot_id; 0: nobody knows
    bool operator==(const JournalRecord&) const = default;
};

std::string encode(const JournalRecord& record);
Result<JournalRecord> decode_journal(std::string_view text);

}  // namespace berth
