#include "service/neighbour.hpp"

#include <sched.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include "service/files.hpp"
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
    Neighbours neighbours(BridgeConfig{}, settings.root());
    for (int round = 0; round < 2; ++round) {
        std::ofstream(settings.file("berth0")) << "1000\n";
        neighbours.set_timer();
        CHECK(settings.value("berth0") == "20\n");
    }
    CHECK(settings.value("eth0") == "1000\n");
    CHECK(settings.value("default") == "1000\n");
}

TEST_CASE("0s and a bridge that is not ours leave the kernel's value", "[BX-23][service]") {
    const Settings settings({"berth0"});
    Neighbours({.neighbour_retrans = 0s}, settings.root()).set_timer();
    Neighbours({.disable = true}, settings.root()).set_timer();
    CHECK(settings.value("berth0") == "1000\n");
}

TEST_CASE("a name that is no interface's never becomes a path", "[BX-23][service]") {
    for (const std::string name :
         {"", ".", "..", "../outside", "a/b", "all", "default", "sixteen-letters-"}) {
        INFO(name);
        const Settings settings({"", ".", "..", "../outside", "a/b", "all", "default", "sixteen-letters-"});
        Neighbours({.name = name}, settings.root()).set_timer();
        CHECK(settings.value(name) == "1000\n");
    }
}

TEST_CASE("where the neighbour timer cannot be set, one debug line says why", "[BX-23][service]") {
    const Settings settings({});
    const CapturedLog log;
    Neighbours neighbours(BridgeConfig{}, settings.root());
    neighbours.set_timer();
    neighbours.set_timer();
    CHECK(log.text() == "debug: neighbour timer of bridge 'berth0' left alone: No such file or directory\n");
}

// In a network of its own, which ends with its thread.
TEST_CASE("what the kernel has learned on the bridge is forgotten, and nothing else", "[BX-23][service]") {
    const TemporaryFolder folder;
    const auto shown = (folder.path() / "shown").string();
    const std::string made =
        "set -e; for i in 0 1; do ip link add berth$i type bridge; ip addr add 10.9.$i.1/24 dev berth$i; "
        "ip link set berth$i up; ip neigh add 10.9.$i.2 lladdr 02:42:0a:09:00:02 nud stale dev berth$i; "
        "done; "
        "ip neigh add 10.9.0.3 lladdr 02:42:0a:09:00:03 nud permanent dev berth0";
    const std::string show = "ip neigh show >" + shown;
    Neighbours left_alone({.neighbour_retrans = 0s});
    Neighbours neighbours(BridgeConfig{});
    std::string before;
    std::string after;
    std::thread([&] {
        if (::unshare(CLONE_NEWNET) != 0 || std::system(made.c_str()) != 0) return;
        left_alone.forget();
        if (std::system(show.c_str()) == 0) before = *service::read_file(shown);
        neighbours.forget();
        if (std::system(show.c_str()) == 0) after = *service::read_file(shown);
    }).join();
    CHECK_THAT(before, ContainsSubstring("10.9.0.2"));
    CHECK_THAT(after, !ContainsSubstring("10.9.0.2"));
    CHECK_THAT(after, ContainsSubstring("10.9.0.3 ") && ContainsSubstring("10.9.1.2 "));
}
