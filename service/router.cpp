#include "service/router.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/topics.hpp"
#include "service/log.hpp"

namespace berth::service {

void Router::add(std::vector<Route> routes) {
    std::ranges::move(routes, std::back_inserter(routes_));
}

std::vector<std::string> Router::filters() const {
    std::vector<std::string> filters;
    for (const auto& route : routes_) {
        if (route.on_demand) continue;
        if (std::ranges::find(filters, route.filter) == filters.end()) filters.push_back(route.filter);
    }
    return filters;
}

Keep Router::keep(const std::string& topic) const {
    Keep most = Keep::No;
    for (const auto& route : routes_)
        if (route.keep > most && topic_matches(route.filter, topic)) most = route.keep;
    return most;
}

void Router::dispatch(const Message& message) const {
    bool wanted = false;
    for (const auto& route : routes_) {
        if (!topic_matches(route.filter, message.topic)) continue;
        wanted = true;
        route.handler(message);
    }
    if (!wanted) log::debug("message on '{}' ignored: nothing handles this topic", message.topic);
}

void Router::refuse(const Message& message) const {
    for (const auto& route : routes_) {
        if (route.refused && topic_matches(route.filter, message.topic)) route.refused(message);
    }
}

Inbox::Inbox(Loop& loop, const Router& router, Limits limits)
    : loop_(loop), router_(router), limits_(limits) {}

void Inbox::accept(Message message) {
    const auto size = message.bytes() + kMessageOverhead;
    const auto waiting = waiting_bytes_.fetch_add(size);
    if (waiting + size > limits_.bytes) {
        waiting_bytes_ -= size;
        accept_refusal(std::move(message));
        return;
    }
    keep(message);
    loop_.post([this, size, message = std::move(message)] {
        router_.dispatch(message);
        waiting_bytes_ -= size;
        if (waiting_bytes_ == 0) overloaded_ = false;
    });
}

// A retained message stays with the broker, which sends it with every connect; one that has a number is kept.
void Inbox::keep(Message& message) const {
    if (!keeper_ || message.retained || message.inbox_number != 0) return;
    const auto wanted = router_.keep(message.topic);
    if (wanted != Keep::No) message.inbox_number = keeper_(message, wanted);
}

void Inbox::accept_refusal(Message message) {
    if (waiting_refusals_.fetch_add(1) >= limits_.refusals) {
        --waiting_refusals_;
        ++lost_;  // told by the refusal that is handled next
        return;
    }
    if (message.payload.size() > kRefusedPayloadBytes) {
        message.bytes_cut = message.payload.size() - kRefusedPayloadBytes;
        message.payload.resize(kRefusedPayloadBytes);
        message.payload.shrink_to_fit();
    }
    loop_.post([this, message = std::move(message)] {
        --waiting_refusals_;
        on_refusal(message);
    });
}

void Inbox::on_refusal(const Message& message) {
    if (message.bytes_sent() > limits_.bytes) {
        log::warn("a message of {} bytes on '{}' is refused: at most {} are read", message.bytes_sent(),
                  message.topic, limits_.bytes);
    } else if (!overloaded_) {
        log::warn("messages come faster than they are handled, those past {} bytes are refused",
                  limits_.bytes);
        overloaded_ = true;
    }
    if (const auto lost = lost_.exchange(0); lost > 0) {
        log::error("{} messages were lost: even their refusals came too fast", lost);
    }
    router_.refuse(message);
}

}  // namespace berth::service
