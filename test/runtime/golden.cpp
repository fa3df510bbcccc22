#include "test/runtime/golden.hpp"

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "test/support/catch.hpp"

namespace berth::test {

void check_golden(const std::string& name, const std::string& json) {
    const std::string path = std::string(BERTH_SOURCE_DIR) + "/test/golden/docker/" + name + ".json";
    const auto shown = nlohmann::ordered_json::parse(json).dump(1) + "\n";
    const char* const mode = std::getenv("BERTH_GOLDEN");
    if (mode && std::string(mode) == "write") std::ofstream(path) << shown;
    std::stringstream expected;
    expected << std::ifstream(path).rdbuf();
    INFO(path);
    CHECK(shown == expected.str());
}

}  // namespace berth::test
