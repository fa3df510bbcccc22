// World: the one picture of the engine's containers, on the loop, filled from list and kept by events.
// Modules read it and are told of changes; it decides nothing. What it knows beyond the engine it keeps in
// the store.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/result.hpp"
#include "runtime/runtime.hpp"
#include "service/loop.hpp"
#include "service/workers.hpp"

namespace berth::service {

class World {
 public:
    using Then = std::function<void(Result<>)>;

    // `first_look`: how long the engine has to restart a container before it is asked whether it still will.
    World(Loop& loop, Workers& workers, runtime::Runtime& runtime, std::string home_dir,
          std::chrono::milliseconds first_look = std::chrono::seconds(1));

    // The engine has answered a list since it was last lost.
    bool ready() const { return ready_; }
    bool tried() const { return tried_; }                    // it has answered, or failed to, at least once
    const std::string& trouble() const { return trouble_; }  // why not ready, for people
    Error not_ready() const;                                 // the same, as an answer to whoever asks now

    std::vector<Container> containers() const;
    const Container* find(const ContainerId& id) const;
    const std::map<ContainerId, Container>& all() const { return containers_; }

    // Reads the engine's list again, from now on; events that arrive meanwhile are applied after it. `then`
    // on the loop.
    void refresh(Then then);

    // The picture shows it at once, the record goes to disk, then `then`, with an error if it did not. State
    // is the engine's to tell: that of a container already in the picture stays.
    void keep(Container container, Then then);
    void on_created(const ContainerId& id, const EngineId& engine_id);
    // The instance is gone: the picture follows at once, then the record, then `then`.
    void forget(const ContainerId& id, Then then = {});
    // Berth itself is about to stop it. Not asked: it counts as one that ended by itself.
    void expect_stop(const ContainerId& id, bool is_asked = true);
    // What Berth had started is as it was before; its end may still be to be told.
    void down_again(const ContainerId& id, bool is_asked);
    void stopped(const ContainerId& id);      // most are known from their end
    void stop_failed(const ContainerId& id);  // it runs on: an end that comes later is its own
    void start_failed(const ContainerId& id, const std::string& why);
    // From now on whoever starts is inspected for its process id, which no event tells.
    void learn_pids() { learns_pids_ = true; }

    // Told once, after a list: containers that ran until the engine was lost and do not run now.
    std::set<ContainerId> take_gone_down() { return std::exchange(gone_down_, {}); }

    void on_connected();  // the event stream stands: list now
    void on_event(const runtime::EngineEvent& event);
    void on_lost(const Error& error);

    // Several may listen; called on the loop after the picture changed, after it became ready, and after
    // the first attempt of all.
    void when_changed(std::function<void()> listener) { changed_.push_back(std::move(listener)); }
    void when_ready(std::function<void()> listener) { became_ready_.push_back(std::move(listener)); }
    void when_tried(std::function<void()> listener) { was_tried_.push_back(std::move(listener)); }

 private:
    struct Listing {
        std::vector<Container> containers{};
        std::vector<Container> records{};  // first time only
        std::set<EngineId> inspected{};    // whose state is complete
        std::set<EngineId> known{};        // in the picture when the list began
        std::set<EngineId> followed{};     // of these, whose state the events tell
        std::set<EngineId> ahead{};        // of these, of which it knows what no event has told
        std::uint64_t losses{};            // of the event stream until then
    };
    struct Wanted {
        std::set<EngineId> known{};
        std::set<ContainerId> in_picture{};
        std::set<EngineId> followed{};  // of these, whose events all come: need no inspection
        std::set<EngineId> ending{};    // but for these
        std::uint64_t losses{};
        bool records{};
    };
    // On a worker (world_read.cpp).
    Result<Listing> read(std::stop_token stop, const Wanted& wanted) const;
    Result<> look_at_each(Listing& listing, const Wanted& wanted, const std::set<ContainerId>& explained,
                          const std::stop_token& stop) const;
    Result<> read_limits(Listing& listing, const std::set<ContainerId>& explained,
                         const std::stop_token& stop) const;
    void start_list();
    void retry_list();
    enum class Lag { Unknown, Over };  // of the events behind a list
    void on_listed(Result<Listing> listing, Lag lag);
    // What the list makes of the picture (world_list.cpp).
    std::set<EngineId> ahead_in(const Listing& listing) const;
    void merge(Listing listing);
    void drop_vanished(const std::set<ContainerId>& there, const std::set<EngineId>& known);
    void merge_one(Container listed, const Listing& listing);
    bool take_our_stop(Container& ended);
    static void take_state(Container& known, const ContainerState& seen);
    void take_back(Container listed);
    // What events make of it (world_events.cpp), and what else changes it.
    void apply(const runtime::EngineEvent& event);
    static void begin(Container& container, const EngineId& engine_id, const std::string& when);
    void on_started(Container& container, const runtime::EngineEvent& event);
    void on_died(Container& container, const runtime::EngineEvent& event);
    void on_out_of_memory(Container& container);
    void save(const Container& container, Then then);
    void erase(const ContainerId& id, const std::string& name, Then then);
    void on_recorded(const ContainerId& id, const std::string& name, const Result<>& done);
    void save_later();
    // `then` with the container as it was when the engine was asked, and as the engine sees it; `failed` if
    // it said nothing of one that may be there. May be empty.
    void inspect(const Container& known,
                 std::function<void(const Container& known, const Container& seen)> then,
                 std::function<void()> failed);
    void learn_pid(const Container& started, std::chrono::milliseconds pause);
    void on_inspected(const Container& started, const Container& seen);
    void look_later(const ContainerId& id, std::chrono::milliseconds pause);
    void on_looked(const Container& waiting, const Container& seen);
    void put_down(Container& container, bool is_asked);
    void undo_shutdown_stops();
    void set_tried();
    void notify(const std::vector<std::function<void()>>& listeners) const;

    Loop& loop_;
    Workers& workers_;
    runtime::Runtime& runtime_;
    std::string home_dir_;
    std::map<ContainerId, Container> containers_;
    std::set<ContainerId> asked_to_stop_;    // a kill event came; the die event makes it Stopped
    std::map<ContainerId, bool> our_stops_;  // whether they count as asked for
    std::map<ContainerId, std::chrono::steady_clock::time_point>
        foreign_stops_;                // which may be the engine's end
    std::set<ContainerId> gone_down_;  // with the engine; what it ended before it went is shown as it ended
    bool connected_{false};
    bool ready_{false};
    bool tried_{false};
    bool records_read_{false};
    std::uint64_t losses_{1};       // of the event stream; before the first one nobody listened either
    std::uint64_t losses_seen_{0};  // those that a list has made good, with the stream there
    bool learns_pids_{false};
    std::string trouble_{"the engine has not answered yet"};
    std::set<ContainerId> unsaved_;  // whose record is not on disk as it should be, or still is
    TimerId save_again_{0};
    std::map<ContainerId, TimerId> looks_;  // at those that the engine means to restart
    std::chrono::milliseconds first_look_;
    std::chrono::milliseconds save_pause_;
    std::vector<Then> refreshing_;   // who waits for the list under way
    std::vector<Then> asked_since_;  // and who for another one, as that may not have what has happened since
    bool listing_{false};
    bool list_again_{false};
    TimerId retry_{0};
    std::chrono::milliseconds retry_pause_;
    std::deque<runtime::EngineEvent> held_;  // events during a list
    std::vector<std::function<void()>> changed_;
    std::vector<std::function<void()>> became_ready_;
    std::vector<std::function<void()>> was_tried_;
};

}  // namespace berth::service
