// What an update manager does with one activity of one agent: which feedback makes it send which command.
// Knows nothing of Berth and of MQTT.
#pragma once

#include <string>

namespace berth::test {

class UpdateManager {
 public:
    enum class Owner {  // of the device, who is asked before anything stops
        Agrees,
        DeniesUpdate
    };

    explicit UpdateManager(Owner owner) : owner_(owner) {}

    // The command to send, or nothing. `has_actions`: the feedback lists some.
    std::string on_feedback(const std::string& status, bool has_actions) {
        if (has_ended_) return {};
        if (status == "COMPLETED" || status == "INCOMPLETE" || status == "IDENTIFICATION_FAILED")
            return end(status);
        if (status == expected_) return next(has_actions);
        // It answers every failure with CLEANUP, never with ROLLBACK, and closes on the word after that.
        if (status.ends_with("_FAILURE")) return command("CLEANUP", {});
        return {};  // a refresh of the actions
    }

    bool has_ended() const { return has_ended_; }
    const std::string& result() const { return result_; }  // or the last command

 private:
    std::string next(bool has_actions) {
        if (expected_ == "IDENTIFIED")
            return has_actions ? command("DOWNLOAD", "DOWNLOAD_SUCCESS") : end("COMPLETED");
        if (expected_ == "DOWNLOAD_SUCCESS" && owner_ == Owner::DeniesUpdate)
            return command("ROLLBACK", "ROLLBACK_SUCCESS");
        if (expected_ == "DOWNLOAD_SUCCESS") return command("UPDATE", "UPDATE_SUCCESS");
        if (expected_ == "UPDATE_SUCCESS") return command("ACTIVATE", "ACTIVATION_SUCCESS");
        return command("CLEANUP", {});  // after ACTIVATION_SUCCESS and ROLLBACK_SUCCESS
    }

    std::string command(const std::string& word, const std::string& expected) {
        if (expected_.empty()) return {};  // CLEANUP was sent: nothing follows it
        expected_ = expected;
        result_ = word;
        return word;
    }

    std::string end(const std::string& word) {
        has_ended_ = true;
        result_ = word;
        return {};
    }

    Owner owner_;
    std::string expected_{"IDENTIFIED"};
    std::string result_{"IDENTIFYING"};
    bool has_ended_{false};
};

}  // namespace berth::test
