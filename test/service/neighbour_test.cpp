#include "service/neighbour.hpp"

#include <fstream>
#include <iterator>

#include "test/support/captured_log.hpp"
#include "test/support/catch.hpp"
#include "test/support/station.hpp"

using namespace berth;
using namespace berth::service;
using namespace berth::test;
using namespace std::chrono_literals;

namespace {

// The kernel's folder of settings, with some interfaces.
struct Settings {
    explicit Settings(const std::vector<std::string>& interfaces) {
        for (const auto& name : interfaces) {
            std::filesystem::create_directories(root() / name);
            std::ofstream(file(name)) << "1000\n";
        }
    }
    std::filesystem::path root() const { return folder.path() / "neigh"; }
    std::filesystem::path file(const std::string& interface) const {
        return root() / interface / "retrans_time_ms";
    }
    std::string value(const std::string& interface) const {
        std::ifstream stream(file(interface));
        return {std::istreambuf_iterator<char>(stream), {}};
    }

    TemporaryFolder folder{};
};

}  // namespace

TEST_CASE("the bridge's neighbour timer is set, again after it was made anew, and no other one's",
          "[BX-23][service]") {
    const Settings settings({"berth0", "eth0", "default"});
    NeighbourTimer timer(BridgeConfig{}, settings.root());
    for (int round = 0; round < 2; ++round) {
        std::ofstream(settings.file("berth0")) << "1000\n";
        timer.apply();
        CHECK(settings.value("berth0") == "20\n");
    }
    CHECK(settings.value("eth0") == "1000\n");
    CHECK(settings.value("default") == "1000\n");
}

TEST_CASE("0s and a bridge that is not ours leave the kernel's value", "[BX-23][service]") {
    const Settings settings({"berth0"});
    NeighbourTimer({.neighbour_retrans = 0s}, settings.root()).apply();
    NeighbourTimer({.disable = true}, settings.root()).apply();
    CHECK(settings.value("berth0") == "1000\n");
}

TEST_CASE("a name that is no interface's never becomes a path", "[BX-23][service]") {
    for (const std::string name :
         {"", ".", "..", "../outside", "a/b", "all", "default", "sixteen-letters-"}) {
        INFO(name);
        const Settings settings({"", ".", "..", "../outside", "a/b", "all", "default", "sixteen-letters-"});
        NeighbourTimer({.name = name}, settings.root()).apply();
        CHECK(settings.value(name) == "1000\n");
    }
}

TEST_CASE("where the neighbour timer cannot be set, one debug line says why", "[BX-23][service]") {
    const Settings settings({});
    const CapturedLog log;
    NeighbourTimer timer(BridgeConfig{}, settings.root());
    timer.apply();
    timer.apply();
    CHECK(log.text() == "debug: neighbour timer of bridge 'berth0' left alone: No such file or directory\n");
}
