#include "test/fault/site.hpp"

#include <chrono>

#include "test/fault/on_device.hpp"
#include "test/fault/scenarios.hpp"
#include "test/support/wait.hpp"

namespace berth::test {
namespace {

constexpr std::chrono::seconds kToCalmDown{30};

}  // namespace

Site::Site(const Lab& lab, const Daemon::Options& options)
    : proxy(folder / "engine.sock", lab.docker_socket()), device(Device::Unstarted{}, lab, {}) {
    device.daemon.set("runtime.address", Daemon::quoted(proxy.socket()));
    for (const auto& [option, value] : options)
        device.daemon.set(option, value);
}

TwoSets::TwoSets(Device& device)
    : device_(device), messages_{update_of_five().before, update_of_five().message} {
    for (const int which : {0, 1}) {
        const auto update = next_to(which);
        device_.probe.desire(update.message);
        device_.probe.await(update.activity, "COMPLETED");
        sets_[which] = set_on(device_);
    }
    networks_ = networks_on(device_);
}

TwoSets::Update TwoSets::next() {
    return next_to(1 - now_);
}

TwoSets::Update TwoSets::next_to(int which) {
    const auto activity = "update-" + std::to_string(++number_);
    return {activity, as_activity(messages_.at(static_cast<std::size_t>(which)), activity)};
}

std::string TwoSets::aftermath(const std::string& activity, Records records) {
    std::string wrong;
    eventually(
        [&] {
            wrong = look(activity, records);
            return wrong.empty();
        },
        kToCalmDown);
    const auto found = set_on(device_);
    if (!same_but_for_ids(found, sets_[1 - now_])) return wrong;
    now_ = 1 - now_;
    sets_[now_] = found;
    return wrong;
}

std::string TwoSets::look(const std::string& activity, Records records) {
    const auto found = set_on(device_);
    const bool changed = same_but_for_ids(found, sets_[1 - now_]);
    if (!changed && found != sets_[now_]) return "neither the old nor the new set: " + text_of(found);
    const auto said = wrong_feedback(heard_on(device_, activity), changed, Failures::Anywhere);
    if (!said.empty() || records == Records::MayBeOld) return said;
    return left_on(device_, found, networks_);
}

std::string TwoSets::leftovers(const Set& expected) const {
    std::string wrong;
    eventually(
        [&] {
            const auto found = set_on(device_);
            wrong = same_but_for_ids(found, expected) ? left_on(device_, found, networks_)
                                                      : "another set: " + text_of(found);
            return wrong.empty();
        },
        kToCalmDown);
    return wrong;
}

bool carry_out(Device& device, const std::string& activity, const std::string& command) {
    device.probe.command(activity, command);
    return phase_ends_well(device, activity, command);
}

bool phase_ends_well(Device& device, const std::string& activity, const std::string& command) {
    const auto good = phase_of(command) + "_SUCCESS";
    const auto bad = phase_of(command) + "_FAILURE";
    const auto is_over = [&](const FeedbackSaid& said) { return said.status == good || said.status == bad; };
    return device.probe.await(activity, is_over, "through with " + command).status == good;
}

std::string await_end(Device& device, const std::string& activity) {
    const auto is_end = [](const FeedbackSaid& said) {
        return said.status == "COMPLETED" || said.status == "INCOMPLETE";
    };
    return device.probe.await(activity, is_end, "COMPLETED or INCOMPLETE").status;
}

}  // namespace berth::test
