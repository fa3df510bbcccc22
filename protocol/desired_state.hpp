// containersupdate/desiredstate and its command: JSON text to structs, with every problem named at once.
// Rules: every key's grammar, default and what a bad value does is the table in protocol/README.md.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/result.hpp"

namespace berth {

inline constexpr std::size_t kMaxComponents = 256;
inline constexpr std::size_t kMaxComponentName = 58;  // "<id>-host" must fit a host name's 63

struct Pair {  // of a component's config
    std::string key{};
    std::string value{};
    bool operator==(const Pair&) const = default;
};

// Which goes first where a new instance replaces an old one. It says how this message is carried out: it is
// not stored with the container, not compared and not reported.
enum class UpdateOrder {
    StopFirst,
    StartFirst  // the old one stops once the new one has proved itself
};

struct Component {
    std::string version{};  // free text, echoed in feedback, never compared
    ContainerSpec spec{};   // spec.id is empty: it is chosen when the instance is made
    UpdateOrder order{UpdateOrder::StopFirst};
    bool operator==(const Component&) const = default;
};

struct Baseline {
    std::string title{};
    std::vector<std::string> components{};  // bare names, of this domain only
    bool operator==(const Baseline&) const = default;
};

struct DesiredState {
    std::string activity_id{};
    std::int64_t timestamp{};             // Unix ms; 0: none given, so it deploys by itself under "hybrid"
    std::vector<Component> components{};  // in message order
    std::optional<std::set<std::string>> system_containers{};  // present: replaces the configured list
    std::vector<Baseline> baselines{};    // explicit ones; implicit ones are made by the operation
    std::vector<std::string> warnings{};  // dropped values, unknown keys, restartTimeout: sent in IDENTIFIED
    std::string digest{};                 // SHA-256 (hex) of the payload as canonical JSON: "same content"
    bool operator==(const DesiredState&) const = default;
};

enum class Strictness { Lenient, Strict };  // Strict turns every dropped value into a refusal

// Invalid: message lists every problem as `component <id>, key <key>: reason (value "v")`, joined by "; ", <=
// 4 KB.
Result<DesiredState> decode_desired_state(std::string_view text, std::string_view domain,
                                          Strictness strictness);

// What the two words of a command message can be. "DOWNLOAD" ... upper case, exact.
enum class Command { Download, Update, Activate, Rollback, Cleanup };

std::string_view to_string(Command command);
std::optional<Command> parse_command(std::string_view text);

struct CommandMessage {
    std::string activity_id{};
    std::optional<Command> command{};  // empty: an unknown word, which is ignored
    std::string word{};                // as sent
    std::string baseline{};            // as sent; "", "*" and absent mean all actions
    bool operator==(const CommandMessage&) const = default;
};

Result<CommandMessage> decode_command(std::string_view text);

}  // namespace berth
