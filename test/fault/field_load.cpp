// Much at once, and again and again: twenty containers, an engine that others keep busy, two update managers.
#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <thread>

#include "test/fault/on_device.hpp"
#include "test/fault/site.hpp"
#include "test/support/catch.hpp"
#include "test/support/update_manager.hpp"
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

// Several managers on one broker, each with activities of its own.
class Managers {
 public:
    explicit Managers(Device& device) : device_(device) {}

    void desire(const std::string& activity, const std::string& message) {
        managers_.emplace(activity, UpdateManager(UpdateManager::Owner::Agrees));
        device_.probe.desire(message);
    }

    // Answers what has been said since the last time.
    void look() {
        const auto all = device_.probe.feedback();
        for (; heard_ < all.size(); ++heard_) {
            const auto& said = all[heard_];
            const auto manager = managers_.find(said.activity);
            if (manager == managers_.end()) continue;
            last_words_[said.activity] = said.status;
            const auto command = manager->second.on_feedback(said.status, !said.actions.empty());
            if (!command.empty()) device_.probe.command(said.activity, command);
        }
    }

    const UpdateManager& of(const std::string& activity) const { return managers_.at(activity); }
    const std::map<std::string, std::string>& last_words() const { return last_words_; }

 private:
    Device& device_;
    std::map<std::string, UpdateManager> managers_{};
    std::map<std::string, std::string> last_words_{};
    std::size_t heard_{0};
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

TEST_CASE("two update managers send fifty desired states in turns: the last one wins",
          "[.][field][UA-08][UA-55]") {
    Device device;
    TwoSets sets(device);
    Managers managers(device);
    std::string last;
    constexpr int kMessages = 50;
    for (int i = 0; i < kMessages; ++i) {
        const auto update = sets.next_to((i + 1) % 2);  // the last one to the set that is not there now
        last = update.activity;
        managers.desire(update.activity, stamped(update.message));
        managers.look();
    }
    const bool ended = eventually([&] {
        managers.look();
        return managers.of(last).has_ended();
    });
    CHECK(ended);
    CHECK(managers.of(last).result() == "COMPLETED");
    CHECK(sets.leftovers(sets.set(0)) == "");
    managers.look();
    CHECK(managers.last_words().size() == kMessages);
    long good = 0;
    for (const auto& [activity, word] : managers.last_words()) {
        INFO(activity << " ended in " << word);
        CHECK((word == "SUPERSEDED" || word == "COMPLETED"));
        good += word == "SUPERSEDED" || word == "COMPLETED" ? 1 : 0;
    }
    tell("desired states of two managers", good, kMessages);
}
