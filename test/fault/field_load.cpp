// Much at once, and again and again: twenty containers, an engine that others keep busy.
#include <algorithm>
#include <atomic>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "test/fault/on_device.hpp"
#include "test/support/catch.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

const std::string kOtherSleeper = "berth-test/sleeper:2";

std::vector<Component> twenty() {
    std::vector<Component> all;
    for (int i = 10; i < 30; ++i)
        all.push_back({"c" + std::to_string(i), kSleeper});
    return all;
}

bool all_run(const Set& set) {
    return std::all_of(set.begin(), set.end(), [](const Seen& one) { return one.runs; });
}

// Somebody who runs one short container after the other beside Berth.
class BusyBody {
 public:
    explicit BusyBody(const Engine& engine)
        : thread_([this, &engine](const std::stop_token& stop) {
              try {
                  for (; !stop.stop_requested(); ++rounds_)
                      engine.docker({"run", "--rm", "--network", "none", "hello-world:latest"});
              } catch (const std::exception& error) {
                  failed_ = error.what();
              }
          }) {}

    int rounds() const { return rounds_; }

    std::string stop() {  // what went wrong
        thread_.request_stop();
        thread_.join();
        return failed_;
    }

 private:
    std::atomic<int> rounds_{0};
    std::string failed_{};  // read when the thread has ended
    std::jthread thread_;   // last: it uses the others
};

}  // namespace

TEST_CASE("twenty containers come and go ten times", "[.][field]") {
    Device device;
    const auto networks = networks_on(device);
    constexpr long kRounds = 10;
    long good = 0;
    for (long round = 1; round <= kRounds; ++round) {
        device.deploy("come-" + std::to_string(round), twenty());
        const auto there = set_on(device);
        const auto wrong = left_at_last_on(device, there, networks);
        device.deploy("go-" + std::to_string(round), {});
        const auto left = left_at_last_on(device, {}, networks);
        INFO("round " << round);
        CHECK(there.size() == 20);
        CHECK(all_run(there));
        CHECK(wrong == "");
        CHECK(device.containers().empty());
        CHECK(left == "");
        good += there.size() == 20 && all_run(there) && wrong.empty() && left.empty() ? 1 : 0;
    }
    tell("twenty containers", good, kRounds);
}

TEST_CASE("two of twenty containers at a time are replaced while others keep the engine busy", "[.][field]") {
    Device device({{"update_agent.parallel", "2"}});
    const auto networks = networks_on(device);
    auto components = twenty();
    device.deploy("before", components);
    BusyBody busybody(device.engine);
    REQUIRE(eventually([&] { return busybody.rounds() > 0; }));
    long good = 0;
    for (std::size_t first = 0; first < components.size(); first += 2) {
        components[first].image = components[first + 1].image = kOtherSleeper;
        const auto activity = "from-" + components[first].id;
        device.deploy(activity, components);
        const auto there = set_on(device);
        const auto renewed = std::count_if(there.begin(), there.end(),
                                           [](const Seen& one) { return one.image == kOtherSleeper; });
        INFO(activity);
        CHECK(there.size() == components.size());
        CHECK(all_run(there));
        CHECK(static_cast<std::size_t>(renewed) == first + 2);
        good += all_run(there) && static_cast<std::size_t>(renewed) == first + 2 ? 1 : 0;
    }
    CHECK(busybody.stop() == "");
    CHECK(left_at_last_on(device, set_on(device), networks) == "");
    tell("two at a time on a busy engine", good, static_cast<long>(components.size() / 2));
}
