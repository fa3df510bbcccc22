// The kill sweep on a real engine, with the real berthd.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>

#include "test/e2e/device.hpp"
#include "test/fault/aftermath.hpp"
#include "test/fault/on_device.hpp"
#include "test/fault/scenarios.hpp"
#include "test/support/catch.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

constexpr std::chrono::seconds kToSettle{30};
constexpr auto kNoBroker = "tcp://127.0.0.1:1";
constexpr auto kNothing = R"({"activityId":"","payload":{"domains":[{"id":"containers","components":[]}]}})";

std::string pulled_on(const Device& device) {
    return device.lab.registry() + "/layers:1";
}

std::string for_lab(const Device& device, std::string message) {
    const std::string name = kPulledImage;
    for (auto at = message.find(name); at != std::string::npos; at = message.find(name))
        message.replace(at, name.size(), pulled_on(device));
    return message;
}

// What becomes of the update that is sent next.
struct Cut {
    std::string wrong{};
    bool reached{};  // berthd came to that point
};

enum class Ways {
    There,        // each cut is of the same update; what it has changed is taken back without a cut
    ThereAndBack  // it is of the update or of its reverse, so that nothing has to be made ready in between
};

class Rig {
 public:
    Rig(const std::string& width, const Scenario& scenario, Ways ways)
        : device_(Device::Unstarted{}, {{"update_agent.parallel", width}}),
          messages_{scenario.before.empty() ? kNothing : scenario.before, for_lab(device_, scenario.message)},
          pulls_(messages_[1] != scenario.message),
          succeeds_(scenario.succeeds),
          ways_(ways) {
        Daemon::use(BERTHD_KILLABLE);
        go_to(0);
        points_ = go_to(1);
        if (points_ == 0) throw std::runtime_error("this berthd comes to no point");
        if (!succeeds_ && sets_[0] != sets_[1])
            throw std::runtime_error("it does not go back to the old set");
        networks_ = networks_on(device_);
    }

    long points() const { return points_; }  // of a whole update

    // `again`: the one that comes back is cut off, too; 0: it is not.
    Cut cut_at(long point, long again) {
        if (succeeds_ && ways_ == Ways::There && now_ == 1) go_to(0);
        const auto target = succeeds_ ? 1 - now_ : 1;
        const auto activity = "cut-" + std::to_string(++number_);
        crash_.clear();
        went_on_ = false;
        forget_image_before(target);
        start(point);
        if (hears()) device_.probe.desire(as_activity(messages_[target], activity));
        eventually([&] { return !device_.daemon.running() || has_ended(device_, activity); });
        Cut cut{{}, !device_.daemon.running()};
        if (cut.reached)
            look_why_down(true);
        else
            cut.reached = is_cut_at_its_end(true);
        device_.daemon.set("mqtt.url", Daemon::quoted(kNoBroker));
        if (again > 0) come_back(again);
        cut.wrong = come_back(-1);
        device_.daemon.set("mqtt.url", Daemon::quoted(device_.broker.url()));
        if (cut.wrong.empty()) cut.wrong = come_back(-1, activity);
        const bool changed = succeeds_ && same_but_for_ids(set_on(device_), sets_[target]);
        if (cut.wrong.empty()) cut.wrong = wrong_feedback(heard_on(device_, activity), changed);
        if (!crash_.empty()) cut.wrong = crash_;
        if (changed) now_ = target;
        sets_[now_] = set_on(device_);
        return cut;
    }

 private:
    // Without a cut. The points it came by.
    long go_to(int set) {
        forget_image_before(set);
        start(0);
        if (!hears()) throw std::runtime_error("berthd does not start:\n" + device_.daemon.log());
        const auto activity = "whole-" + std::to_string(++number_);
        device_.probe.desire(as_activity(messages_[set], activity));
        device_.probe.await(activity, set == 0 || succeeds_ ? "COMPLETED" : "INCOMPLETE");
        const auto points = static_cast<long>(device_.daemon.count("kill point "));
        device_.daemon.stop();
        sets_[set] = set_on(device_);
        now_ = set;
        return points;
    }

    // No container of the other set has it.
    void forget_image_before(int set) {
        if (pulls_ && set == 1) device_.engine.remove_image(pulled_on(device_));
    }

    void start(long point) {  // below 0: with no point at all
        if (point >= 0)
            ::setenv("BERTH_KILL_AT", std::to_string(point).c_str(), 1);
        else
            ::unsetenv("BERTH_KILL_AT");
        device_.daemon.start();
    }

    bool is_up() {
        eventually([&] { return !device_.daemon.running() || device_.daemon.count("the engine has ") > 0; });
        return device_.daemon.running();
    }

    bool hears() {
        const auto& log = device_.daemon;
        eventually([&] { return !device_.daemon.running() || log.count("connected to broker ") > 0; });
        return is_up();
    }

    // It writes its last record on the way out, which is a point, too.
    bool is_cut_at_its_end(bool may_be) {
        device_.daemon.signal(SIGTERM);
        const int status = device_.daemon.wait();
        const bool is_cut = may_be && status == -SIGKILL;
        if (status != 0 && !is_cut) note_crash(status);
        return is_cut;
    }

    // That it is down is right only where it was to be killed.
    void look_why_down(bool killed) {
        const int status = device_.daemon.wait();
        if (!killed || status != -SIGKILL) note_crash(status);
    }

    void note_crash(int status) {
        crash_ = "berthd ended with " + std::to_string(status) + ":\n" + device_.daemon.log();
    }

    // Starts, lets it bring everything to its end, looks, stops. With an activity: until that has ended, too,
    // if it was accepted.
    std::string come_back(long point, const std::string& activity = {}) {
        start(point);
        if (!is_up()) {
            look_why_down(point > 0);
            return {};
        }
        const auto& daemon = device_.daemon;
        const bool goes_on = daemon.count("was interrupted and goes on") > 0;
        went_on_ |= goes_on;
        const auto is_over = [&] {
            if (!device_.daemon.running()) return true;
            if (goes_on && daemon.count(": COMPLETED") + daemon.count(": INCOMPLETE") == 0) return false;
            // What went on without a broker was accepted, whatever had been heard of it.
            const bool accepted = !activity.empty() && (went_on_ || heard_on(device_, activity).size() > 1);
            if (accepted && !has_ended(device_, activity)) return false;
            return wrong().empty();
        };
        eventually(is_over, kToSettle);
        if (!device_.daemon.running()) {
            look_why_down(point > 0);
            return {};
        }
        is_cut_at_its_end(point > 0);
        return wrong();
    }

    std::string wrong() const {
        const auto found = set_on(device_);
        const bool is_new = succeeds_ && same_but_for_ids(found, sets_[1 - now_]);
        if (found != sets_[now_] && !is_new) return "neither the old nor the new set: " + text_of(found);
        return left_on(device_, found, networks_);
    }

    Device device_;
    const std::vector<std::string> messages_;  // what leads to each of the two sets
    const bool pulls_;                         // an image, on the way to the second one
    const bool succeeds_;                      // else both sets are the same, and the second message fails
    const Ways ways_;
    Set sets_[2]{};
    std::string networks_{};
    long points_{0};
    std::string crash_{};  // of berthd, where nobody killed it
    bool went_on_{false};  // what was cut
    int now_{0};           // which of the two is there
    int number_{0};
};

// Threads meet at other places in every run: there may be a few points more than were counted, or less.
void sweep(const std::string& what, const Scenario& scenario, Ways ways, long step) {
    Rig rig("1", scenario, ways);
    long good = 0;
    long all = 0;
    bool reached = true;
    for (long point = 1 + step / 2; point <= rig.points() || (step == 1 && reached); point += step) {
        const auto cut = rig.cut_at(point, 0);
        reached = cut.reached;
        INFO("point " << point << " of " << rig.points());
        CHECK(cut.wrong == "");
        CHECK((reached || point > rig.points() * 3 / 4));
        if (!reached) continue;
        ++all;
        good += cut.wrong.empty() ? 1 : 0;
    }
    CHECK(all > 0);
    tell(what, good, all);
}

}  // namespace

TEST_CASE("killed in the middle of an update on a real engine", "[BX-08][UA-57][fault]") {
    sweep("kill sweep on the engine, a sample", update_of_five(), Ways::ThereAndBack, 25);
}

TEST_CASE("killed at each point of each update on a real engine", "[.][all]") {
    for (const auto& scenario : scenarios()) {
        if (!scenario.is_self_driven_update()) continue;  // the others are cut on an engine in a file
        sweep("kill sweep on the engine, " + scenario.name, scenario, Ways::There, 1);
    }
}

TEST_CASE("killed 200 times anywhere, with four actions at once, also while coming back", "[.][random]") {
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    const char* given = std::getenv("BERTH_SWEEP_SEED");
    const auto seed = given ? static_cast<unsigned>(std::atol(given)) : std::random_device{}();
    std::printf("random kills: BERTH_SWEEP_SEED=%u\n", seed);
    std::mt19937 random(seed);
    Rig rig("4", update_of_five(), Ways::ThereAndBack);
    const auto anywhere = [&] {
        return static_cast<long>(random() % static_cast<unsigned>(rig.points())) + 1;
    };
    constexpr long kKills = 200;
    long good = 0;
    long killed = 0;
    for (long tried = 1; killed < kKills && tried <= 2 * kKills; ++tried) {
        const long point = anywhere();
        const long again = random() % 2 == 0 ? anywhere() : 0;
        const auto cut = rig.cut_at(point, again);
        INFO("try " << tried << ", point " << point << ", then " << again);
        CHECK(cut.wrong == "");
        if (!cut.reached) continue;  // it was through before: no kill
        ++killed;
        good += cut.wrong.empty() ? 1 : 0;
    }
    CHECK(killed == kKills);
    tell("random kills", good, kKills);
}
