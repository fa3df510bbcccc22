// Sessions that were recorded with Kanto, to be played to Berth. A file has a mark on each line: "==" begins
// a session, ">" is sent, "<" is what was answered, "+" is what Berth says beyond that and "-" what it does
// not say. Each place where "+" or "-" stands has its reason, a line with "#", right above it.
#pragma once

#include <string>
#include <vector>

namespace berth::test {

struct Exchange {
    std::string session{};
    std::string sent{};
    std::vector<std::string> answers{};  // Berth's
};

// Throws when there is no such file, or something in it has no mark, no reason or no session.
std::vector<Exchange> read_recording(const std::string& file);

}  // namespace berth::test
