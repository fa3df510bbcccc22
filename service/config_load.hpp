// From a command line to a Config: finds the file, reads it, lays flags over it, checks everything at once.
// Refuses to guess: whatever is doubtful becomes a Problem with its place; nothing is logged here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "service/config.hpp"
#include "service/config_option.hpp"
#include "service/config_value.hpp"

namespace berth::service {

struct Request {                // what the command line and the surroundings ask for
    std::string file{};         // --config; empty: search
    std::string environment{};  // BERTH_CONFIG; empty: not set
    bool strict{};              // an unknown key that is told of is an error
    bool check{};               // --check-config: tells of unknown keys in JSON too
    Settings flags{};           // with the paths that Kanto gives the same settings
    std::string etc{"/etc"};    // where the search begins; another one in tests
    std::string host_name{};    // empty: ask the kernel
};

struct Loaded {
    Config config{};
    std::string file{};  // empty: none was found, own defaults
    bool kanto{};        // a Kanto file: what it leaves out takes Kanto's defaults
    Problems problems{};

    // What was given, by key ("registry" ones not among them); what --dump-config repeats.
    std::map<std::string, Typed> given{};

    std::map<std::string, std::string> password_files{};  // by registry host

    bool good() const;  // no errors among the problems
};

Loaded load(const Request& request);

// TOML that makes the same Config, secrets as comment lines.
std::string dump(const Loaded& loaded);

}  // namespace berth::service
