#include "service/outbox.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

namespace berth::service {

namespace {

std::size_t size_of(const Publication& publication) {
    return publication.bytes() + Outbox::kOverhead;
}

}  // namespace

void Outbox::add(Publication publication) {
    if (!takes(publication)) {
        refuse(publication);
        return;
    }
    enqueue(++last_id_, std::move(publication));
    make_room();
}

// The newer of two with the same key stays, whichever is enqueued last: one that comes back may be the older.
void Outbox::enqueue(Id id, Publication publication) {
    if (const auto& key = publication.newest_wins; !key.empty()) {
        if (const auto found = newest_.find(key); found != newest_.end()) {
            const auto other = found->second;
            if (other.id > id) return;
            dequeue(other.importance, other.id);
        }
        newest_[key] = {publication.importance, id};
    }
    if (publication.progress_only) progress_.emplace(id, publication.importance);
    waiting_bytes_ += size_of(publication);
    queue(publication.importance).emplace(id, std::move(publication));
}

Publication Outbox::dequeue(Importance importance, Id id) {
    auto node = queue(importance).extract(id);
    auto publication = std::move(node.mapped());
    waiting_bytes_ -= size_of(publication);
    progress_.erase(id);
    if (!publication.newest_wins.empty()) newest_.erase(publication.newest_wins);
    return publication;
}

void Outbox::drop(Importance importance, Id id) {
    const auto gone = dequeue(importance, id);
    ++dropped_[static_cast<std::size_t>(importance)];
    if (gone.dropped) gone.dropped();
}

bool Outbox::over() const {
    return waiting_bytes_ > limits_.bytes || waiting() > limits_.messages;
}

void Outbox::make_room() {
    while (over() && !progress_.empty()) {
        const auto [id, importance] = *progress_.begin();
        drop(importance, id);
    }
    for (std::size_t least = kImportances; least-- > 0;) {
        const auto importance = static_cast<Importance>(least);
        while (over() && !queue(importance).empty())
            drop(importance, queue(importance).begin()->first);
    }
}

std::optional<Outbox::Sending> Outbox::take() {
    if (in_flight_.size() >= limits_.window) return std::nullopt;
    for (auto& waiting : queues_) {
        if (waiting.empty() || is_held(waiting.begin()->second.importance)) continue;
        const auto& [id, next] = *waiting.begin();
        if (!in_flight_.empty() && in_flight_bytes_ + size_of(next) > limits_.bytes) return std::nullopt;
        const Id taken = id;
        const auto put = in_flight_.emplace(taken, dequeue(next.importance, taken)).first;
        in_flight_bytes_ += size_of(put->second);
        return Sending{taken, &put->second};
    }
    return std::nullopt;
}

void Outbox::on_delivered(Id id) {
    if (again_.contains(id)) return put_back(id);
    const auto found = in_flight_.find(id);
    if (found == in_flight_.end()) return;
    in_flight_bytes_ -= size_of(found->second);
    const auto delivered = std::move(found->second.delivered);
    in_flight_.erase(found);
    if (delivered) delivered();
}

void Outbox::on_refused(Id id) {
    const auto found = in_flight_.find(id);
    if (found == in_flight_.end()) return;
    in_flight_bytes_ -= size_of(found->second);
    const auto refused = std::move(found->second);
    in_flight_.erase(found);
    again_.erase(id);
    if (!refused.dropped) return refuse(refused);
    ++dropped_[static_cast<std::size_t>(refused.importance)];
    refused.dropped();
}

void Outbox::refuse(const Publication& publication) {
    ++dropped_[static_cast<std::size_t>(publication.importance)];
    if (publication.refused)
        publication.refused();
    else if (publication.delivered)
        publication.delivered();
}

void Outbox::put_back(Id id) {
    auto node = in_flight_.extract(id);
    if (!node) return;
    again_.erase(id);
    in_flight_bytes_ -= size_of(node.mapped());
    enqueue(id, std::move(node.mapped()));
    make_room();
}

void Outbox::hold_back(Id id) {
    const auto held = in_flight_.find(id);
    if (held == in_flight_.end()) return;
    const auto importance = held->second.importance;
    for (auto later = std::next(held); later != in_flight_.end(); ++later)
        if (later->second.importance == importance && later->second.qos > 0)
            again_.emplace(later->first, importance);
    put_back(id);
}

bool Outbox::is_held(Importance importance) const {
    return std::any_of(again_.begin(), again_.end(),
                       [importance](const auto& entry) { return entry.second == importance; });
}

void Outbox::withdraw(Importance importance) {
    while (!queue(importance).empty())
        dequeue(importance, queue(importance).begin()->first);
}

std::vector<Publication> Outbox::take_back(std::string_view topic_begin) {
    std::vector<Publication> taken;
    for (auto& waiting : queues_)
        for (auto at = waiting.begin(); at != waiting.end();) {
            const auto& [id, publication] = *at++;
            if (publication.topic.starts_with(topic_begin))
                taken.push_back(dequeue(publication.importance, id));
        }
    return taken;
}

void Outbox::on_lost() {
    auto lost = std::exchange(in_flight_, {});
    in_flight_bytes_ = 0;
    again_.clear();
    for (auto& [id, publication] : lost) {
        if (publication.qos > 0) enqueue(id, std::move(publication));
    }
    make_room();
}

std::optional<Outbox::Refused> Outbox::refuse_largest() {
    std::optional<std::pair<Id, Publication*>> largest;
    for (auto& waiting : queues_)
        for (auto& [id, publication] : waiting)
            if (!largest || size_of(publication) > size_of(*largest->second)) largest = {id, &publication};
    if (!largest) return std::nullopt;
    refused_bytes_ = size_of(*largest->second);
    const auto refused = dequeue(largest->second->importance, largest->first);
    refuse(refused);
    return Refused{refused.topic, refused.payload.size()};
}

bool Outbox::takes(const Publication& publication) const {
    const auto size = size_of(publication);
    return publication.topic.size() <= kMostTopicBytes && size <= limits_.bytes &&
           (refused_bytes_ == 0 || size < refused_bytes_);
}

std::string Outbox::topic_of(Id id) const {
    const auto found = in_flight_.find(id);
    return found == in_flight_.end() ? std::string{} : found->second.topic;
}

std::size_t Outbox::waiting() const {
    std::size_t count = 0;
    for (const auto& waiting : queues_)
        count += waiting.size();
    return count;
}

std::uint64_t Outbox::dropped(Importance importance) const {
    return dropped_[static_cast<std::size_t>(importance)];
}

std::uint64_t Outbox::dropped() const {
    return std::accumulate(dropped_.begin(), dropped_.end(), std::uint64_t{0});
}

}  // namespace berth::service
