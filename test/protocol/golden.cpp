#include "test/protocol/golden.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace berth::test {
namespace {

std::string path_of(const std::string& name) {
    return std::string(BERTH_SOURCE_DIR) + "/test/golden/" + name;
}

}  // namespace

std::string golden(const std::string& name) {
    std::ifstream file(path_of(name), std::ios::binary);
    if (!file) throw std::runtime_error("no file test/golden/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> golden_lines(const std::string& name) {
    std::vector<std::string> lines;
    std::istringstream text(golden(name));
    for (std::string line; std::getline(text, line);)
        if (!line.empty()) lines.push_back(line);
    return lines;
}

std::string differs(const std::string& name, const std::string& got) {
    if (const char* mode = std::getenv("BERTH_GOLDEN"); mode != nullptr && std::string(mode) == "write") {
        std::ofstream(path_of(name), std::ios::binary) << got << '\n';
        return {};
    }
    std::string wanted = golden(name);
    if (!wanted.empty() && wanted.back() == '\n') wanted.pop_back();
    if (wanted == got) return {};
    const auto length = std::min(wanted.size(), got.size());
    const auto at = static_cast<std::size_t>(
        std::mismatch(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(length), got.begin())
            .first -
        wanted.begin());
    const auto begin = at < 60 ? 0 : at - 60;
    return "at byte " + std::to_string(at) + "\n  file: …" + wanted.substr(begin, 160) + "\n  got:  …" +
           got.substr(begin, 160);
}

}  // namespace berth::test
