// Which option a written setting means, and what it could have meant.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "service/config_option.hpp"

namespace berth::service {

struct Match {
    const Option* option{};
    std::vector<std::string> captures{};  // what stood for "*"
    bool kanto_spelling{};
};

enum class Case { Exact, Ignored };

std::optional<Match> match(const Path& path, Case key_case);

// Says what is wrong with a path that matches no option: a section given a value, a value given a section,
// or an unknown key, with the known one it resembles.
struct Unknown {
    bool misused{};  // an error whatever the format
    std::string reason{};
};
Unknown explain_unknown(const Path& path, Case key_case);

}  // namespace berth::service
