// The update agent: desired states and commands in, an operation carried out, feedback out. Takes messages in
// order, holds the one operation, performs its effects. The decisions are reconcile's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/desired_state.hpp"
#include "protocol/feedback.hpp"
#include "protocol/topics.hpp"
#include "reconcile/operation.hpp"
#include "service/config.hpp"
#include "service/feedback_log.hpp"
#include "service/inventory.hpp"
#include "service/journal.hpp"
#include "service/link.hpp"
#include "service/loop.hpp"
#include "service/steps.hpp"
#include "service/world.hpp"

namespace berth::service {

// As the newest; of all only the newest `most` stay.
void remember(std::deque<std::string>& last, const std::string& what, std::size_t most);

class Updates {
 public:
    Updates(Loop& loop, Link& link, World& world, Steps& steps, InventoryReporter& inventory,
            Journal& journal, Stamps& stamps, UpdateAgentConfig config);

    std::vector<Route> routes();

    // Asked before a desired state is accepted that makes an instance; an error is its answer. On the loop.
    void make_only_if(std::function<Result<>()> may_make) { may_make_ = std::move(may_make); }

    // Called before a desired state is held against the world, with what goes on once nothing is in its way
    // that could be cleared, or that takes too long. True: that is to come. On the loop.
    using ThenGoOn = std::function<void()>;
    void clear_first(std::function<bool(ThenGoOn)> clear) { clear_first_ = std::move(clear); }

    // Called when the messages with inbox numbers up to this one need no file any more: a record has them, or
    // their answer, on disk, or could not be written, which is logged. On the loop.
    void when_recorded(std::function<void(std::uint64_t)> recorded) { recorded_ = std::move(recorded); }
    std::uint64_t taken() const { return taken_; }  // the last number that came, or that the journal knew

    // What the journal held when Berth started; before the loop runs. What was not acknowledged is sent
    // again.
    void restore(JournalRecord record);
    void keep_rest();          // after the loop and before the journal ends: what is in no record yet
    void wait_for_recovery();  // the world is being put in order: nothing is identified meanwhile
    void on_world_ready();     // it is in order; an operation that was interrupted goes on

    // An open operation has a part for it: nobody else puts it in order.
    bool concerns(const ContainerId& id) const;
    bool moves(const ContainerId& id) const;  // a step of it is under way that stops, changes or starts it
    bool keeps_down(const ContainerId& id) const;  // it has stopped it, or is about to
    // For whoever else changes containers, before each change. Conflict: an open operation stages, replaces
    // or destroys this one; the message names its activity.
    Result<> may_change(const ContainerId& id) const;
    // Before an open operation gives way to it, or a plan is made of it.
    Result<> may_accept(const DesiredState& desired) const;
    std::optional<std::string> open_activity() const;  // the operation's that is open
    std::string unsettled() const;  // why the containers are not what they shall be; empty: they are
    bool is_at_rest() const;        // no message waits, no operation is open, the world is in order

 private:
    static constexpr milliseconds kFirstWritePause{500};
    static constexpr milliseconds kLongestWritePause{30'000};
    using Waiting = std::variant<DesiredState, CommandMessage>;
    struct Unsent {
        std::string payload{};
        bool of_operation{};  // else an answer beside it, such as a refusal
    };

    // What comes in (updates_inbox.cpp).
    void take_in(const Message& message, void (Updates::*handle)(const Message&));
    void on_desired_state(const Message& message);
    void on_command(const Message& message);
    void on_refused(const Message& message);
    void on_feedback(const Message& message);
    bool is_copy(const DesiredState& desired, const Message& message);
    void accept(DesiredState desired, const std::string& payload);
    void remember_accepted(const std::string& digest);
    std::vector<std::string> take_out_waiting(const DesiredState& newer);  // their activities
    void say_superseded(const std::vector<std::string>& activities, const std::string& newer);
    void work_off();
    bool take(const CommandMessage& command);  // the first that waits; true: done with it, it is gone
    bool make_way();
    void look_for_newer();
    bool has_newer() const;  // a desired state waits
    void give_up_waiting(const Error& error);
    void give_way();
    bool begin_anew();
    bool came_before(const CommandMessage& command) const;
    bool is_open() const { return operation_ && !operation_->ended; }

    // What is done about it (updates.cpp).
    void identify(DesiredState desired);
    void on_listed(const DesiredState& desired, const Result<>& listed);
    std::optional<Error> why_not(const DesiredState& desired) const;  // carry it out
    void take_up(const DesiredState& desired, const reconcile::Identification& identification);
    reconcile::Identification how(const DesiredState& desired);
    void on_event(const reconcile::Event& event);
    void say(Feedback feedback);  // after what is on its way to the journal, so in the order of events
    void say_identifying(const std::string& activity_id);
    void say_failed(const std::string& activity_id, const std::string& message);

    // How it moves (updates_moves.cpp): the journal first, then the deeds.
    using Deed = std::function<void(const Result<>& kept)>;
    void settle(reconcile::Advance advance, std::function<void(const Error&)> not_kept = {});
    std::vector<Deed> deeds_of(const std::vector<reconcile::Effect>& effects);
    Deed deed_of(const reconcile::Send& send);
    void run(const reconcile::Run& step, const Result<>& kept);
    void read_back(const ContainerSpec& asked, const std::string& activity, const reconcile::StepDone& end);
    void wait_for_commands();
    void publish(std::string payload, std::uint64_t unsent);
    void know_as_own(const std::string& payload);
    void say_progress(const Feedback& feedback, reconcile::Weight weight);
    std::string stamped(Feedback feedback);

    // What the journal knows of it (updates_record.cpp).
    JournalRecord record() const;
    void write(Flush flush, Journal::Then then);
    void on_written(Flush flush, const Result<>& kept);
    void write_again_later();
    void keep_soon(Flush flush = Flush::Lazy);
    void bound_unsent();
    void forget_unsent(std::uint64_t unsent);
    void restore_waiting(const JournalRecord& record);

    Loop& loop_;
    Link& link_;
    World& world_;
    Steps& steps_;
    InventoryReporter& inventory_;
    Journal& journal_;
    Stamps& stamps_;
    UpdateAgentConfig config_;
    UpdateTopics topics_;
    std::function<Result<>()> may_make_{};         // empty: always
    std::function<bool(ThenGoOn)> clear_first_{};  // empty: nothing is ever in the way
    std::function<void(std::uint64_t)> recorded_{};

    std::deque<Waiting> waiting_;
    std::string waiting_payload_;  // of the desired state in there, as it came; there is one at most
    std::optional<DesiredState> identifying_;
    std::string identifying_payload_;
    bool settling_{false};  // a new operation is on its way to the journal
    bool asking_{false};    // whether the engine answers, before an open operation is given up
    std::optional<OperationState> operation_;
    bool resumed_{true};       // false: restored from the journal, the world is still to be looked at
    std::string boot_before_;  // the machine's, when what is still to be looked at was written
    FeedbackLog log_{};
    std::string last_said_;                   // of the operation: a copy of its message gets it again
    std::map<std::uint64_t, Unsent> unsent_;  // the newest feedback, in order, until acknowledged
    std::uint64_t last_unsent_{0};
    bool keeping_{false};            // a record of what was said is on its way
    std::optional<Flush> unkept_{};  // what came after it is still to be written
    bool behind_{false};             // the newest record could not be written: the disk has an older one
    TimerId write_again_{0};
    milliseconds write_pause_{kFirstWritePause};
    std::size_t kept_waiting_{0};       // messages that wait, by the newest record
    std::uint64_t taken_{0};            // inbox number of the last message that was handled
    std::uint64_t taken_by_record_{0};  // the same, of the newest record
    TimerId forget_timer_{0};           // acknowledgements come in bursts
    TimerId abandon_timer_{0};
    std::int64_t moved_{0};  // when the operation last did, ms of the machine's run; 0: nobody knows
    std::uint64_t last_number_{0};
    std::deque<std::string> commands_;  // acted on last: one that is delivered twice acts once
    std::deque<std::string> accepted_;  // digests of what was acted on last, or gave way: a retained copy
                                        // acts once, ever
    std::string retained_;              // digest of what the broker keeps, as far as it has said so
    bool recovering_{false};
    std::deque<std::size_t> own_feedback_;  // hashes of what was published last: all else is a second agent's
    std::int64_t restored_stamp_{0};        // up to it an earlier process of ours may have spoken
    bool told_of_second_agent_{false};
    std::optional<std::chrono::steady_clock::time_point> last_progress_{};
};

}  // namespace berth::service
