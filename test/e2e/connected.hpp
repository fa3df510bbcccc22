// A device, and a connector that answers who it is: the cloud that is behind it.
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>

#include "test/e2e/device.hpp"
#include "test/support/cloud.hpp"
#include "test/support/wait.hpp"

namespace berth::test {

class Connected {
 public:
    static constexpr const char* kNothing = "Nothing";  // a feature that there is not

    // The lab's control groups may be mounted for its engine alone: which of them berthd sees.
    enum class ControlGroups { OfTheMachine, OfTheEngine };

    explicit Connected(Device::Options options = {}, Cloud who = Cloud{},
                       ControlGroups seen = ControlGroups::OfTheMachine)
        : device(Device::Unstarted{}, options), cloud(std::move(who)), events_(device.broker, "e/#") {
        if (seen == ControlGroups::OfTheEngine)
            device.daemon.start_by({"nsenter", "--mount=" + device.lab.mount_namespace()});
        device.start();
        device.broker.publish("edge/thing/response", cloud.edge_response());
        require([&] { return cloud.has("Metrics"); }, "the first sync");
        await_commands();
    }

    bool until(const std::function<bool()>& enough, std::chrono::milliseconds patience = kPatience) {
        return eventually(
            [&] {
                hear(events_, seen_events_);
                hear(answers_, seen_answers_);
                return enough();
            },
            patience);
    }
    void require(const std::function<bool()>& enough, const std::string& what) {
        if (!until(enough)) throw std::runtime_error("never: " + what + "\n" + device.daemon.log());
    }
    nlohmann::json ask(const std::string& feature, const std::string& operation,
                       const nlohmann::json& value = nullptr) {
        const auto request = "r" + std::to_string(++number_);
        device.broker.publish(cloud.command_topic(request, operation),
                              cloud.command(feature, operation, request, value));
        require([&] { return cloud.answer(request).has_value(); }, operation);
        return cloud.answer(request)->envelope;
    }
    std::string status(const std::string& id) {
        const auto shown = cloud.status("Container:" + id);
        return shown.is_null() ? "" : shown["state"]["status"].get<std::string>();
    }
    std::string make(const std::string& name, const nlohmann::json& config = nlohmann::json::object()) {
        const auto answer =
            ask("ContainerFactory", "createWithConfig",
                {{"imageRef", kSleeper}, {"name", name}, {"start", true}, {"config", config}});
        if (answer["status"] != 200) throw std::runtime_error(answer.dump());
        const std::string id = answer["value"];
        require([&] { return status(id) == "RUNNING"; }, name + " running");
        return id;
    }

    // A command before the subscription stands is lost, as on any broker: one that changes nothing is
    // repeated.
    void await_commands() {
        const auto heard = [&] { return cloud.answer("r" + std::to_string(number_)).has_value(); };
        require(
            [&] {
                const auto request = "r" + std::to_string(++number_);
                device.broker.publish(cloud.command_topic(request, "look"),
                                      cloud.command(kNothing, "look", request));
                return until(heard, std::chrono::milliseconds(500));
            },
            "an answer to any command");
        cloud.forget_answers();
    }

    Device device;
    Cloud cloud;

 private:
    void hear(const Subscriber& from, std::size_t& seen) {
        const auto all = from.received();
        for (; seen < all.size(); ++seen)
            cloud.hear(all[seen].topic, all[seen].payload);
    }

    Subscriber events_;
    Subscriber answers_{device.broker, "command//+/res/#"};
    std::size_t seen_events_{0};
    std::size_t seen_answers_{0};
    int number_{0};
};

}  // namespace berth::test
