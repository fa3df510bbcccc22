// The module that publishes the inventory on currentstate: on every connect, when asked, and after changes.
// Reads the world, asks the engine nothing.
#pragma once

#include <string>
#include <vector>

#include "protocol/current_state.hpp"
#include "protocol/topics.hpp"
#include "service/clock.hpp"
#include "service/config.hpp"
#include "service/link.hpp"
#include "service/loop.hpp"
#include "service/world.hpp"

namespace berth::service {

class InventoryReporter {
 public:
    InventoryReporter(Loop& loop, Link& link, World& world, Stamps& stamps, const UpdateAgentConfig& config,
                      const std::vector<std::string>& redact);

    void start();  // from here on it publishes; without it nothing leaves
    std::vector<Route> routes();
    void on_link_ready();  // subscribed: a fresh inventory says that Berth listens

    // While a command is carried out nothing is published unasked; what changed is told when it has ended.
    void hold();
    void release();

    // Of containers that Berth has stopped after all else has ended.
    std::vector<Publication> last_words(const std::vector<Container>& stopped) const;

 private:
    void on_get(const Message& message);
    void on_changed();
    void on_world_ready();
    void schedule();
    void publish(const std::string& activity_id);
    Publication written(Inventory inventory) const;

    Loop& loop_;
    Link& link_;
    World& world_;
    Stamps& stamps_;
    InventoryStyle style_;
    UpdateTopics topics_;
    milliseconds delay_;
    TimerId timer_{0};
    bool held_{false};
    bool changed_while_held_{false};
    bool link_was_ready_{false};
    bool world_was_ready_{false};
    std::string last_shown_;  // the payload without its envelope: the same again is not news
};

}  // namespace berth::service
