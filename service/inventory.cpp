#include "service/inventory.hpp"

#include <utility>

#include "protocol/envelope.hpp"
#include "service/clock.hpp"

namespace berth::service {
namespace {

const std::string kInitial = "initial-current-state-";

}  // namespace

InventoryReporter::InventoryReporter(Loop& loop, Link& link, World& world, Stamps& stamps,
                                     const UpdateAgentConfig& config, const std::vector<std::string>& redact)
    : loop_(loop),
      link_(link),
      world_(world),
      stamps_(stamps),
      topics_(config.domain),
      delay_(config.current_state_delay) {
    style_.domain = config.domain;
    style_.verbosity = config.verbose_inventory ? Verbosity::Verbose : Verbosity::Brief;
    if (config.redact_env) style_.redact = redact;
}

void InventoryReporter::start() {
    world_.when_changed([this] { on_changed(); });
    world_.when_ready([this] { on_world_ready(); });
}

// The first picture completes what was said when the connection came; later ones are changes like others.
void InventoryReporter::on_world_ready() {
    if (std::exchange(world_was_ready_, true) || !link_was_ready_) return on_changed();
    on_link_ready();
}

std::vector<Route> InventoryReporter::routes() {
    Route get{};
    get.filter = topics_.current_state_get;
    get.handler = [this](const Message& message) { on_get(message); };
    return {std::move(get)};
}

void InventoryReporter::on_link_ready() {
    link_was_ready_ = true;
    publish(kInitial + std::to_string(unix_ms()));
}

void InventoryReporter::on_get(const Message& message) {
    if (message.retained) return;  // somebody's question of another day
    publish(decode_get(message.payload));
}

void InventoryReporter::on_changed() {
    if (held_)
        changed_while_held_ = true;
    else
        schedule();
}

void InventoryReporter::hold() {
    held_ = true;
}

void InventoryReporter::release() {
    held_ = false;
    if (std::exchange(changed_while_held_, false)) schedule();
}

void InventoryReporter::schedule() {
    if (timer_ != 0 || delay_ == milliseconds::zero()) return;
    timer_ = loop_.post_after(delay_, [this] {
        timer_ = 0;
        if (held_)
            changed_while_held_ = true;
        else if (last_shown_ != encode(Inventory{"", 0, world_.containers()}, style_))
            publish("");
    });
}

// What an end of Berth has stopped would stand there as running until the next start.
std::vector<Publication> InventoryReporter::last_words(const std::vector<Container>& stopped) const {
    if (!link_was_ready_ || stopped.empty()) return {};
    auto containers = world_.containers();
    for (auto& known : containers)
        for (const auto& one : stopped)
            if (one.spec.id == known.spec.id && one.engine_id == known.engine_id) known.state = one.state;
    return {written({"", stamps_.next(), std::move(containers)})};
}

void InventoryReporter::publish(const std::string& activity_id) {
    loop_.cancel(std::exchange(timer_, 0));
    Inventory inventory{activity_id, stamps_.next(), world_.containers()};
    auto publication = written(inventory);
    // An asked-for answer is never replaced by another one's; those of several connections say the same.
    publication.newest_wins = topics_.current_state;
    if (activity_id.starts_with(kInitial))
        publication.newest_wins += "/initial";
    else if (!activity_id.empty())
        publication.newest_wins += "/" + activity_id;
    link_.publish(std::move(publication));
    last_shown_ = encode(Inventory{"", 0, std::move(inventory.containers)}, style_);
}

Publication InventoryReporter::written(Inventory inventory) const {
    inventory.dropped = {link_.dropped(Importance::Feedback), link_.dropped(Importance::CurrentState),
                         link_.dropped(Importance::Twin), link_.dropped(Importance::Metrics)};
    Publication publication{};
    publication.topic = topics_.current_state;
    publication.payload = encode(inventory, style_);
    publication.retain = true;
    publication.importance = Importance::CurrentState;
    return publication;
}

}  // namespace berth::service
