// A real update manager on a test's broker, in place of the state machine of ours: the program that
// $UPDATE_MANAGER names, with the command line of Eclipse Kanto's. It has the domain "device" and knows of
// the domain "containers".
#pragma once

#include <string>

#include "test/support/broker.hpp"
#include "test/support/child.hpp"
#include "test/support/update_manager.hpp"

namespace berth::test {

class UpdateProgram {
 public:
    static std::string named();  // empty: none

    // Returns when it hears both the senders of desired states and the agent.
    UpdateProgram(const Broker& broker, UpdateManager::Owner owner);

    // Has it bring the device there. Its last word about that: COMPLETED, INCOMPLETE, IDENTIFICATION_FAILED,
    // or a sentence.
    std::string carry_out(const std::string& activity, const std::string& desired_state);

 private:
    void deny_if_asked(const std::string& activity);

    const Broker& broker_;
    UpdateManager::Owner owner_;
    bool denied_{false};
    Subscriber says_;
    Subscriber asks_;  // the owner of the device
    TempFolder folder_{};
    std::size_t log_from_;  // of the broker
    Child process_;
};

}  // namespace berth::test
