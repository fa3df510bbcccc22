// Two update managers that want different things of one device: desired states that come faster than they can
// be carried out, and managers that meet in each other's phases.
#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "test/fault/on_device.hpp"
#include "test/fault/scenarios.hpp"
#include "test/fault/site.hpp"
#include "test/support/catch.hpp"
#include "test/support/update_manager.hpp"
#include "test/support/wait.hpp"

using namespace berth::test;

namespace {

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

// A manager with a connection and a thread of its own that wants one set, however often another one takes it
// away: it sends its next desired state when the other's has come so far, so that they meet in every phase.
class Rival {
 public:
    Rival(const Broker& broker, std::vector<TwoSets::Update> updates)
        : probe_(broker), updates_(std::move(updates)) {}

    void run(const Rival& other) {
        try {
            for (std::size_t i = 0; i < updates_.size(); ++i) {
                if (i > 0) await_turn(other, i);
                carry_through(updates_[i], i % 3 == 2);
            }
        } catch (const std::exception& error) {
            failed_ = error.what();
        }
        is_done_ = true;
    }

    // Afterwards.
    const std::string& failed() const { return failed_; }  // empty: nothing went wrong
    const std::map<std::string, std::string>& last_words() const { return last_words_; }

 private:
    bool sends(const std::string& activity) const {
        return std::any_of(updates_.begin(), updates_.end(),
                           [&](const auto& update) { return update.activity == activity; });
    }

    // Since this one's last message, which may have been overtaken at once.
    void await_turn(const Rival& other, std::size_t number) {
        static const std::vector<std::string> kMeetings = {"IDENTIFIED", "DOWNLOAD_SUCCESS", "UPDATE_SUCCESS",
                                                           "ACTIVATION_SUCCESS", "COMPLETED"};
        const auto& meeting = kMeetings[number % kMeetings.size()];
        const bool came = eventually([&] {
            const auto all = probe_.feedback();
            return other.is_done_ ||
                   std::any_of(all.begin() + static_cast<std::ptrdiff_t>(heard_before_), all.end(),
                               [&](const FeedbackSaid& said) {
                                   return other.sends(said.activity) &&
                                          (said.status == meeting || said.status == "COMPLETED");
                               });
        });
        if (!came) throw std::runtime_error("the other one never came to " + meeting);
    }

    void carry_through(const TwoSets::Update& update, bool drives_itself) {
        static const std::vector<std::string> kEnds = {"COMPLETED", "INCOMPLETE", "SUPERSEDED",
                                                       "IDENTIFICATION_FAILED"};
        UpdateManager manager(UpdateManager::Owner::Agrees);
        auto& word = last_words_[update.activity];
        auto heard = heard_before_ = probe_.feedback().size();
        probe_.desire(drives_itself ? update.message : stamped(update.message));
        const bool ended = eventually([&] {
            const auto all = probe_.feedback();
            for (; heard < all.size(); ++heard) {
                const auto& said = all[heard];
                if (said.activity != update.activity) continue;
                word = said.status;
                const auto command = manager.on_feedback(word, !said.actions.empty());
                if (!command.empty() && !drives_itself) probe_.command(update.activity, command);
            }
            return std::find(kEnds.begin(), kEnds.end(), word) != kEnds.end();
        });
        if (!ended) throw std::runtime_error(update.activity + " stays " + word);
    }

    MqttProbe probe_;
    std::vector<TwoSets::Update> updates_;
    std::map<std::string, std::string> last_words_{};  // by activity
    std::string failed_{};
    std::size_t heard_before_{0};  // the last message was sent
    std::atomic<bool> is_done_{false};
};

}  // namespace

TEST_CASE("fifty desired states come faster than they can be carried out: the last one wins",
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

TEST_CASE("two update managers want different sets, each on a connection of its own: the last one wins",
          "[.][field][UA-08][UA-55]") {
    Device device;
    TwoSets sets(device);
    constexpr int kRounds = 15;
    std::vector<TwoSets::Update> wanted[2];
    for (int i = 0; i < kRounds; ++i)
        for (const int which : {0, 1})
            wanted[which].push_back(sets.next_to(which));
    Rival one(device.broker, wanted[0]);
    Rival other(device.broker, wanted[1]);
    {
        const std::jthread first([&] { one.run(other); });
        const std::jthread second([&] { other.run(one); });
    }
    CHECK(one.failed() == "");
    CHECK(other.failed() == "");

    device.probe.ask("after");  // what was said before has been heard now
    std::string last;
    for (const auto& said : device.probe.feedback())
        if (said.status == "IDENTIFIED") last = said.activity;
    auto words = one.last_words();
    words.insert(other.last_words().begin(), other.last_words().end());
    CHECK(words.size() == 2 * kRounds);
    CHECK(words[last] == "COMPLETED");
    CHECK(sets.leftovers(sets.set(other.last_words().contains(last) ? 1 : 0)) == "");
    long good = 0;
    for (const auto& [activity, word] : words) {
        INFO(activity << " ended in " << word);
        CHECK((word == "SUPERSEDED" || word == "COMPLETED"));
        good += word == "SUPERSEDED" || word == "COMPLETED" ? 1 : 0;
    }
    tell("desired states of two managers at once", good, 2 * kRounds);
}
