// Follows the picture of the engine for the twin: what changed since it was last looked at, each transition
// by itself and as it was then. Publishes nothing, decides nothing.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "reconcile/showing.hpp"
#include "service/loop.hpp"
#include "service/world.hpp"

namespace berth::service {

class TwinFeed {
 public:
    struct Listener {
        std::function<void(const reconcile::Showing&)> show{};
        std::function<void()> set_changed{};  // containers came or went, after that was shown
    };

    TwinFeed(Loop& loop, const World& world, Listener listener);
    ~TwinFeed();
    TwinFeed(const TwinFeed&) = delete;
    TwinFeed& operator=(const TwinFeed&) = delete;

    // All that is to be shown now, oldest first; from here on changes are told.
    std::vector<Container> begin();
    void end();
    void look();  // after the picture changed

    bool shows(const ContainerId& id) const { return shown_.contains(id); }
    std::vector<Container> shown() const;  // oldest first

 private:
    // A start whose process id is not known yet is told when it is, or when anything else happens.
    struct Held {
        Container container{};
        TimerId timer{};
    };
    void look_at(const ContainerId& id, const Container* now);
    void tell(const ContainerId& id, const Container* now);
    void release(const ContainerId& id);

    Loop& loop_;
    const World& world_;
    Listener listener_;
    bool live_{false};
    bool set_changed_{false};
    std::map<ContainerId, Container> shown_;  // also those that are being made
    std::map<ContainerId, Held> held_;
};

}  // namespace berth::service
