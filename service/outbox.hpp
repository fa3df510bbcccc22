// What waits to be published, and what is under way. Bounded; keeps order within an importance; knows no
// client library and no clock. Not for several threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/link.hpp"

namespace berth::service {

class Outbox {
 public:
    // A publication's place in the order for as long as it lives: whatever comes back takes it again.
    using Id = std::uint64_t;

    struct Limits {
        std::size_t bytes{4 * 1024 * 1024};  // of those that wait: topic, payload and kOverhead each
        std::size_t messages{4096};          // that wait
        std::size_t window{32};              // in flight
    };
    static constexpr std::size_t kOverhead = 256;
    static constexpr std::size_t kImportances = 4;
    static constexpr std::size_t kMostTopicBytes = 65'535;  // MQTT's; the library would cut their number

    Outbox() : Outbox(Limits{}) {}
    explicit Outbox(Limits limits) : limits_(limits) {}

    // Makes room by dropping, in this order: progress-only ones, metrics, twin, current state, feedback;
    // oldest first: these are told `dropped`. One that is larger than the whole outbox, or than the broker
    // takes, or whose topic is, is dropped itself, for good: refused.
    void add(Publication publication);

    struct Sending {
        Id id{};
        const Publication* publication{};  // until on_delivered, on_refused, put_back, hold_back or on_lost
    };
    // The most important that waits, oldest first; empty while the window is full. In flight bytes are
    // bounded like waiting ones, but one message always may go.
    std::optional<Sending> take();

    void on_delivered(Id id);  // ids that are not in flight are ignored, like in the next three
    void on_refused(Id id);    // by the broker, which may take it another day: told `dropped`, else `refused`
    void put_back(Id id);      // could not be handed over: waits again, at its old place
    // The broker has no room for it now, and may have for what left after it: that is sent once more, behind
    // it, as whoever listens goes by what comes last. Nothing of that importance leaves meanwhile.
    void hold_back(Id id);
    void withdraw(Importance importance);  // what waits of it; not counted as dropped
    std::vector<Publication> take_back(std::string_view topic_begin);  // the same, by topic; in order
    void on_lost();  // the connection: all that was in flight waits again, except QoS 0, which was sent once

    // The largest of those that wait is what the broker will never take: counted as dropped, like every one
    // that is as large and added later.
    struct Refused {
        std::string topic{};
        std::size_t bytes{};  // of the payload
    };
    std::optional<Refused> refuse_largest();

    bool takes(const Publication& publication) const;  // as far as its size goes
    std::string topic_of(Id id) const;                 // empty: not in flight
    std::size_t waiting() const;
    std::size_t in_flight() const { return in_flight_.size(); }
    std::size_t waiting_bytes() const { return waiting_bytes_; }
    std::uint64_t dropped(Importance importance) const;  // since the start; replaced ones are not dropped
    std::uint64_t dropped() const;

 private:
    using Queue = std::map<Id, Publication>;
    struct Newest {
        Importance importance{};
        Id id{};
    };

    Queue& queue(Importance importance) { return queues_[static_cast<std::size_t>(importance)]; }
    void enqueue(Id id, Publication publication);
    Publication dequeue(Importance importance, Id id);
    void drop(Importance importance, Id id);
    void make_room();
    void refuse(const Publication& publication);
    bool over() const;
    bool is_held(Importance importance) const;

    Limits limits_;
    std::array<Queue, kImportances> queues_{};
    Queue in_flight_{};
    std::map<Id, Importance> again_{};        // of those, what is sent once more
    std::map<std::string, Newest> newest_{};  // newest_wins key -> the one that waits
    std::map<Id, Importance> progress_{};     // those that wait and are progress only
    std::array<std::uint64_t, kImportances> dropped_{};
    std::size_t refused_bytes_{0};  // no broker takes as many; 0: not known
    std::size_t waiting_bytes_{0};
    std::size_t in_flight_bytes_{0};
    Id last_id_{0};
};

}  // namespace berth::service
