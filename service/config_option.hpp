// One row per thing the daemon can be told: its names, its type, its two defaults, and where it goes.
// The table is the single place that knows them: readers, flags, help, checks and the dump all walk it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/result.hpp"
#include "service/config.hpp"
#include "service/config_value.hpp"

namespace berth::service {

enum class Kind { Text, Boolean, Integer, Number, Duration, Size, List, Any };

// What a number without unit means where one is tolerated (JSON, Kanto's names, flags).
enum class Bare { Refused, Seconds, Days, Megabytes };

enum class Standing {
    Built,    // goes to its target
    Ignored,  // accepted; has no effect with this engine or at all, one warning when it differs from its
              // default
    Later  // asks for something this version does not have: only its default and its off values are accepted
};

// Where a built option goes. Nothing: it is handled by name (registries, password files).
using Target = std::variant<std::monostate, std::string& (*)(Config&), bool& (*)(Config&), int& (*)(Config&),
                            std::int64_t& (*)(Config&), milliseconds& (*)(Config&),
                            std::vector<std::string>& (*)(Config&), ApplyMode& (*)(Config&)>;

using Typed = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>, milliseconds>;

// Extra rule for one value; returns what is wrong, or nothing.
using Check = std::string (*)(const Typed&);

constexpr std::string_view kNoDefault{"\x01"};  // any value asks for the feature
constexpr std::string_view kSameDefault{"\x02"};
constexpr std::int64_t kAnyLength = std::numeric_limits<std::int64_t>::max();

struct Option {
    std::string_view key{};  // Berth's TOML name; "*" stands for one level of any name
    Kind kind{Kind::Text};
    std::string_view own{};                  // default, as the text a flag would give; lists with commas
    std::string_view kanto{kSameDefault};    // default with a Kanto file; untouched: as own
    std::array<std::string_view, 2> path{};  // Kanto's JSON path and another spelling of it
    std::string_view flag{};                 // without the dashes
    Target target{};
    std::string_view choices{};  // "auto|5|3.1.1", compared without case; empty: any
    std::int64_t least{std::numeric_limits<std::int64_t>::min()};  // milliseconds for durations, else plain
    std::int64_t most{kAnyLength};
    Bare bare{Bare::Refused};
    Check check{};
    Standing standing{Standing::Built};
    std::string_view off{};  // Later: further accepted values, "false|none"
    // Later: accepted as it is while all of these options are off, that is false, "none" or themselves part
    // of something that is off; "!key": while key is true.
    std::string_view switches{};
    std::string_view same_as{};  // Later: accepted when equal to this option
    bool secret{};               // never shown
    bool falls_back{};           // a value that cannot be read is a warning, and the default counts
    std::string_view help{};     // one line; for Ignored: why

    std::string_view standard(bool kanto_file) const {
        return kanto_file && kanto != kSameDefault ? kanto : own;
    }
};

std::span<const Option> built_options();
std::span<const Option> later_options();  // not in this version
std::vector<const Option*> all_options();
const Option* find_option(std::string_view key);

// What is wrong, in words that fit behind "key: ".
Result<Typed> understand(const Option& option, const Value& value, bool lenient);
bool is_readable(const Option& option, const Value& value, bool lenient);  // if perhaps not allowed
Result<Typed> standard_value(const Option& option, bool kanto_file);       // NotFound: has none

void put(const Option& option, const Typed& value, Config& config);
Typed get(const Option& option, const Config& config);  // of a target that is set

std::string as_text(const Option& option, const Typed& value);  // as a flag would give it
std::string as_toml(const Option& option, const Typed& value);

Path split_key(std::string_view dotted);

}  // namespace berth::service
