#include "test/e2e/recording.hpp"

#include <fstream>
#include <stdexcept>

namespace berth::test {

std::vector<Exchange> read_recording(const std::string& file) {
    std::ifstream lines(file);
    if (!lines) throw std::runtime_error("there is no recording " + file);
    std::vector<Exchange> exchanges;
    std::string session;
    bool has_reason = false;
    for (std::string line; std::getline(lines, line);) {
        const auto require = [&](bool holds, const std::string& what) {
            if (!holds) throw std::runtime_error(file + ": " + what + ": " + line);
        };
        const auto blank = line.find(' ');
        require(blank != line.npos, "no mark");
        const auto mark = line.substr(0, blank);
        const auto rest = line.substr(blank + 1);
        const bool differs = mark == "+" || mark == "-";
        require(!differs || has_reason, "no reason");
        has_reason = differs || mark == "#";
        if (mark == "#" || mark == "-") continue;
        if (mark == "==") {
            session = rest;
        } else if (mark == ">") {
            exchanges.push_back({session, rest, {}});
        } else {
            require(mark == "<" || mark == "+", "no mark");
            require(!exchanges.empty(), "nothing was sent");
            exchanges.back().answers.push_back(rest);
        }
    }
    return exchanges;
}

}  // namespace berth::test
