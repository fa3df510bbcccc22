// Secrets by name: which env values are masked, and how.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace berth {

inline constexpr std::string_view kMask = "***";
inline constexpr const char* kMaskIsNoValue =
    "*** stands for a value that is not shown; give the value, or secret:NAME";

// "PASSWORD=***": what Berth shows, sent back, must not write the mask over the secret.
bool is_masked(std::string_view entry);

// "*TOKEN*" matches any name that contains TOKEN; case-insensitive; only * is special.
bool glob_matches(std::string_view pattern, std::string_view text);

// "PASSWORD=secret:db": the value is found on the device, and stays there.
bool is_secret_reference(std::string_view entry);

// "PASSWORD=x" -> "PASSWORD=***" when a pattern matches the name. A reference ("secret:name") stays readable.
std::string redact_env(std::string_view entry, const std::vector<std::string>& patterns);

}  // namespace berth
