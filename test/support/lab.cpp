#include "test/support/lab.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace berth::test {
namespace {

std::string folder_by_environment() {
    const char* folder =
        std::getenv("BERTH_LAB");  // NOLINT(concurrency-mt-unsafe): nothing here sets variables
    if (folder == nullptr || *folder == '\0')
        throw std::runtime_error(
            "BERTH_LAB is not set: run this test with ctest, or `tools/lab start /tmp/lab` and "
            "BERTH_LAB=/tmp/lab");
    return folder;
}

}  // namespace

Lab::Lab() : Lab(folder_by_environment()) {}

Lab::Lab(std::string folder) : folder_(std::move(folder)) {
    std::ifstream file(folder_ + "/env");
    if (!file) throw std::runtime_error("no lab in '" + folder_ + "': `tools/lab start` it first");
    for (std::string line; std::getline(file, line);)
        if (const auto equals = line.find('='); equals != std::string::npos)
            values_[line.substr(0, equals)] = line.substr(equals + 1);
}

int Lab::broker_port() const {
    return std::stoi(at("BROKER_PORT"));
}

void Lab::engine(const std::string& verb) const {
    const std::string command = std::string(BERTH_SOURCE_DIR) + "/tools/lab engine '" + folder_ + "' " + verb;
    if (std::system(command.c_str()) != 0)  // NOLINT(concurrency-mt-unsafe): tests start it from one thread
        throw std::runtime_error("failed: " + command);
}

std::string Lab::at(const std::string& key) const {
    const auto found = values_.find(key);
    if (found == values_.end()) throw std::runtime_error(folder_ + "/env has no line " + key);
    return found->second;
}

}  // namespace berth::test
