// The command line of berthd. Knows names and forms of flags; what their values mean is the option table's.
#pragma once

#include <string>

#include "service/config_load.hpp"

namespace berth::service {

enum class Errand { Serve, CheckConfig, DumpConfig, ShowText, Refuse };

struct CommandLine {
    Errand errand{Errand::Serve};
    Request request{};   // the environment is not in it
    std::string text{};  // ShowText: for standard output; Refuse: for standard error
    int status{};        // of ShowText and Refuse: 0, 1 or 2 (bad usage)
};

CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace berth::service
