// What is cut off at every point: what there is before, and what is sent.
#pragma once

#include <string>
#include <vector>

namespace berth::test {

struct Scenario {
    std::string name{};
    std::string before{};   // desired state of the activity "before"; empty: nothing is there
    std::string message{};  // of the activity "cut"; without a timestamp it drives itself. May be empty
    bool succeeds{true};    // false: at its end the old set is there
    std::vector<std::string> commands{};  // which drive it, one after the other
    std::string baseline{};               // of each of them; empty: all actions
    std::vector<std::string> gone{};      // of the old set, while no Berth is there; so is the pulled image
    std::string newer{};                  // of the activity "newer", which comes while the other pulls

    // After a kill nobody has to send anything again.
    bool goes_on_by_itself() const { return commands.empty() && newer.empty(); }
    bool is_self_driven_update() const { return goes_on_by_itself() && gone.empty(); }
};

inline constexpr auto kOldImage = "berth-test/sleeper:1";
inline constexpr auto kNewImage = "berth-test/sleeper:2";
inline constexpr auto kBrokenImage = "berth-test/broken:1";  // can be created, cannot be started
inline constexpr auto kPulledImage = "berth-test/pulled:1";  // has to be pulled; on a lab it has another name

const std::vector<Scenario>& scenarios();
const Scenario& update_of_five();  // of these the one with each kind of change

// The same message as another activity.
std::string as_activity(std::string message, const std::string& activity);
// The same with a timestamp: it waits for commands.
std::string stamped(const std::string& message);
std::string phase_of(const std::string& command);  // as its words begin: "ACTIVATION" for ACTIVATE

}  // namespace berth::test
