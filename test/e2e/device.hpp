// One device under test: a broker, somebody on it, a berthd with a namespace and a bridge of its own on the
// lab's engine. Ends berthd in an orderly way, and leaves nothing in the engine.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "test/e2e/engine.hpp"
#include "test/e2e/messages.hpp"
#include "test/support/broker.hpp"
#include "test/support/daemon.hpp"
#include "test/support/lab.hpp"
#include "test/support/mqtt_probe.hpp"

namespace berth::test {

inline const std::string kSleeper = "berth-test/sleeper:1";  // ends at once on SIGTERM; :2, :3 are others

class Device {
 public:
    struct Unstarted {};

    using Options = std::initializer_list<Daemon::Options::value_type>;
    explicit Device(Options options = {});  // berthd has started and serves
    Device(Unstarted, Options options);     // the broker and the probe only
    Device(Unstarted, Lab where, Options options);
    ~Device();
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    void start();  // returns when berthd can be asked for something
    void restart();

    // Publishes and waits for COMPLETED; the activity needs a name of its own.
    FeedbackSaid deploy(const std::string& activity, const std::vector<Component>& components,
                        const Extra& extra = {});
    std::vector<std::string> containers() const;  // names in the engine, of this namespace

    const std::string& name_space() const { return name_space_; }

 private:
    void remove_network();

    std::string name_space_;  // and name of the bridge

 public:
    Lab lab;
    Engine engine;
    Broker broker;
    MqttProbe probe;
    Daemon daemon;
};

}  // namespace berth::test
