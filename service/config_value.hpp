// What the readers of TOML, JSON and flags hand over: settings with their origin, before anything is
// understood. Refuses nothing: what a value means, and whether it may be, is decided by the option it is
// meant for.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace berth::service {

struct Origin {
    std::string file{};  // a path, or "--log-level" for a flag; empty: a default
    int line{};          // from 1; 0: not known
};

struct Unfit {           // something no option takes
    std::string what{};  // "a date", "a list of tables"
};

using Value = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>, Unfit>;
using Path = std::vector<std::string>;  // a list's tables are levels "0", "1", …

struct Setting {
    Path path{};
    Value value{};
    Origin origin{};
    bool from_flag{};
};

enum class Severity { Error, Warning, Note };  // a note: nothing is wrong, but who checks wants to know it

struct Problem {
    Severity severity{Severity::Error};
    Origin origin{};
    std::string key{};
    std::string reason{};
};

// "FILE:LINE: key: reason"; a warning or note says so before its reason.
std::string to_string(const Problem& problem);

std::string joined(const Path& path);  // with dots; a level that holds a dot is quoted

using Settings = std::vector<Setting>;
using Problems = std::vector<Problem>;

// Both never throw; a text that cannot be read gives one Error and no settings.
Settings read_toml(const std::string& text, const std::string& file, Problems& problems);
Settings read_json(const std::string& text, const std::string& file, Problems& problems);

}  // namespace berth::service
