#include "test/e2e/device.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <utility>

#include "test/support/catch.hpp"
#include "test/support/wait.hpp"

namespace berth::test {
namespace {

// Short enough for the name of an interface (15 characters).
std::string next_name() {
    static int last = 0;
    return "e" + std::to_string(getpid()) + "-" + std::to_string(++last);
}

// Sessions outlive a restart, so that a probe may miss nothing.
Broker::Options broker_options() {
    Broker::Options options{};
    options.persistent = true;
    return options;
}

const Broker& started(Broker& broker) {
    broker.start();
    return broker;
}

Daemon::Options filled(Daemon::Options options, const Device& device) {
    const auto name = Daemon::quoted(device.name_space());
    options.try_emplace("mqtt.url", Daemon::quoted(device.broker.url()));
    options.try_emplace("runtime.address", Daemon::quoted(device.lab.docker_socket()));
    options.try_emplace("runtime.namespace", name);
    options.try_emplace("network.bridge.name", name);
    options.try_emplace("lifecycle.stop_timeout", Daemon::quoted("2s"));
    options.try_emplace("update_agent.current_state_delay", Daemon::quoted("100ms"));
    options.try_emplace("images.reserve", Daemon::quoted("1M"));  // where tests run may be little room
    return options;
}

}  // namespace

Device::Device(Unstarted, Options options) : Device(Unstarted{}, Lab(), options) {}

Device::Device(Unstarted, Lab where, Options options)
    : name_space_(next_name()),
      lab(std::move(where)),
      engine(lab),
      broker(broker_options()),
      probe(started(broker), {"-c", "-i", "probe", "-x", "600"}),
      daemon(filled(options, *this)) {}

Device::Device(Options options) : Device(Unstarted{}, options) {
    start();
}

Device::~Device() {
    if (std::uncaught_exceptions() > 0 || std::getenv("BERTH_TEST_LOG") != nullptr)
        std::fprintf(stderr, "berthd logged:\n%s\n", daemon.log().c_str());
    try {
        if (daemon.running()) daemon.stop();
        for (const auto& name : containers())
            engine.remove(name);
        remove_network();
    } catch (const std::exception& error) {
        FAIL_CHECK(error.what());
    }
}

// The engine may be at the end of a removal that nobody waits for any more.
void Device::remove_network() {
    std::string trouble;
    const bool gone = eventually([&] {
        try {
            engine.remove_network(name_space_);
            return true;
        } catch (const std::runtime_error& error) {
            trouble = error.what();
            return false;
        }
    });
    if (!gone) throw std::runtime_error(trouble);
}

void Device::start() {
    const auto before = probe.inventories().size();
    daemon.start();
    if (!daemon.logs("the engine has "))
        throw std::runtime_error("berthd does not find its engine:\n" + daemon.log());
    probe.await_inventory(
        [](const auto& said) { return said.activity.starts_with("initial-current-state-"); }, before);
}

void Device::restart() {
    daemon.stop();
    start();
}

FeedbackSaid Device::deploy(const std::string& activity, const std::vector<Component>& components,
                            const Extra& extra) {
    probe.desire(desired_state(activity, components, extra));
    return probe.await(activity, "COMPLETED");
}

std::vector<std::string> Device::containers() const {
    return engine.names("io.berth.namespace=" + name_space_);
}

}  // namespace berth::test
