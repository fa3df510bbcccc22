#include "test/support/own_lab.hpp"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "test/support/catch.hpp"
#include "test/support/child.hpp"

namespace berth::test {
namespace {

constexpr std::chrono::minutes kToStartLab{3};

std::string folder_in(const Lab& shared) {
    std::string name = shared.folder() + "/own-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    return name;
}

}  // namespace

OwnLab::OwnLab(const std::vector<std::string>& options) : folder_(folder_in(Lab())) {
    tool("start", options);
}

OwnLab::~OwnLab() {
    try {
        tool("stop", {});
        std::filesystem::remove_all(folder_);
    } catch (const std::exception& error) {
        FAIL_CHECK(error.what());
    }
}

void OwnLab::tool(const std::string& verb, const std::vector<std::string>& options) const {
    std::vector<std::string> command{BERTH_SOURCE_DIR "/tools/lab", verb, folder_};
    command.insert(command.end(), options.begin(), options.end());
    const auto output = folder_ + "/tool.log";
    Child child(command, output);
    if (const int status = child.wait(kToStartLab); status != 0)
        throw std::runtime_error("tools/lab " + verb + " failed:\n" + read_file(output));
}

}  // namespace berth::test
