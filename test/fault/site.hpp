// A device in the field, whose berthd reaches its engine through a proxy; and two sets of five containers
// that are updated into each other, so that nothing has to be made ready between two faults.
#pragma once

#include <string>
#include <vector>

#include "test/e2e/device.hpp"
#include "test/fault/aftermath.hpp"
#include "test/support/child.hpp"
#include "test/support/fault_proxy.hpp"

namespace berth::test {

struct Site {
    explicit Site(const Lab& lab, const Daemon::Options& options = {});  // berthd is not started

    TempFolder folder{};
    FaultProxy proxy;
    Device device;
};

class TwoSets {
 public:
    explicit TwoSets(Device& device);  // deploys the one, then the other, which stays

    struct Update {
        std::string activity{};
        std::string message{};  // without a timestamp: it drives itself
    };
    Update next();              // to the set that is not there
    Update next_to(int which);  // 0 or 1
    const Set& set(int which) const { return sets_[which]; }

    // What is wrong after an update; empty: exactly the old set is there, or exactly the new one, as its last
    // word says, nothing else is left, and its feedback came in order. Waits until it is so.
    enum class Records { AreRight, MayBeOld };  // of containers; a full disk leaves old ones
    std::string aftermath(const std::string& activity, Records records = Records::AreRight);
    std::string leftovers(const Set& expected) const;  // the same of a set, without an update

 private:
    std::string look(const std::string& activity, Records records);

    Device& device_;
    std::vector<std::string> messages_;
    Set sets_[2]{};  // as they were last seen
    std::string networks_{};
    int now_{1};  // which of the two is there
    int number_{0};
};

// Sends the command of a phase and waits for its end. False: the phase failed.
bool carry_out(Device& device, const std::string& activity, const std::string& command);
bool phase_ends_well(Device& device, const std::string& activity, const std::string& command);

// COMPLETED or INCOMPLETE.
std::string await_end(Device& device, const std::string& activity);

}  // namespace berth::test
