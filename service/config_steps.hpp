// The steps of load(), each in a file of its own. Of no use to anybody else.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "service/config_load.hpp"
#include "service/config_match.hpp"

namespace berth::service {

struct Source {  // the file that was found, read
    std::string file{};
    std::string text{};
    bool json{};
};

// Nothing: there is none, or it could not be read, which is then among the problems.
std::optional<Source> find_source(const Request& request, Problems& problems);
Result<std::string> read_text(const std::string& file);

struct Written {  // one setting whose option is known
    Match match{};
    Value value{};
    Origin origin{};
    std::string key{};  // as written; empty for a flag, which its origin names
    bool lenient{};
    bool from_flag{};
};

// Older Kanto kept the broker's settings in things.connection, in milliseconds: moves them to today's place.
void modernise(Settings& settings, Problems& problems);

// One Written per option (and registry, label, …): flags before the file, Berth's spelling before Kanto's.
// `unknown`: how bad a key is that no option has.
std::vector<Written> choose(const Settings& settings, bool json, Severity unknown, Problems& problems);

using Origins = std::map<std::string, Origin>;  // by Berth's key: where a value came from

void apply(const std::vector<Written>& chosen, Loaded& loaded, Origins& origins);
void apply_registries(const std::vector<Written>& chosen, Loaded& loaded);

// What needs more than one value, the disk or the machine: passwords, TLS files, names.
void finish(const Request& request, const std::vector<Written>& chosen, const Origins& origins,
            Loaded& loaded);

// The first line of a password file; warns when others can read it.
std::optional<std::string> password_from(const std::string& file, const std::string& key,
                                         const Origin& origin, Problems& problems);

}  // namespace berth::service
