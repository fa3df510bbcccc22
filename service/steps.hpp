// Carries out one step of an operation on the engine: which verbs, in which order, in which lane. Every step
// can be repeated, and is when the engine was away meanwhile. Decides nothing; says how it went.
#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "reconcile/operation.hpp"
#include "runtime/runtime.hpp"
#include "service/admission.hpp"
#include "service/loop.hpp"
#include "service/workers.hpp"
#include "service/world.hpp"

namespace berth::service {

struct StepsConfig {
    std::chrono::milliseconds stop_timeout{30'000};  // between the stop signal and SIGKILL
    bool require_qualified{};                        // refuse image references that the engine would complete
    std::filesystem::path secrets_dir{"/etc/berth/secrets"};
    std::int64_t reserve_bytes{};                        // of the engine's data folder: no pull takes them
    std::chrono::milliseconds engine_patience{600'000};  // a step forward waits so long for an engine
    std::chrono::milliseconds gate{1'000};  // how long a new instance has to run beside the old one
};

class Steps {
 public:
    using Done = std::function<void(std::optional<Error>)>;  // on the loop, never from inside the call
    struct PullNews {
        int percent{};
        std::string trouble{};  // what it failed of, and when it is tried again; empty: it goes on
    };
    using Progress = std::function<void(const PullNews&)>;  // on the loop; may be empty

    Steps(Loop& loop, Workers& workers, runtime::Runtime& runtime, World& world, StepsConfig config);

    void run(const reconcile::Run& step, Progress progress, Done done);

    // How the engine holds what it was asked for, as reconcile's `unstable` says it; empty: as asked, or
    // nobody knows, which is logged. On the loop.
    using Told = std::function<void(const std::string& unstable)>;
    void read_back(const ContainerSpec& asked, Told told);

    // Whether all images of a phase have room together: its Stage steps wait for the answer, and fail with
    // it.
    void look_for_room(std::vector<std::string> images);

    // Makes an instance that somebody asks for, image included, if there is room for that. Does not start it.
    void make_new(const Container& record, Done done);
    // The same for one that the engine does not have any more, room or not: the way back is never refused.
    void make_again(const Container& record, Done done);
    // Gives the engine's name the form of its role: web, web.staged-…, web.old-…. An engine that is Busy is
    // asked again later, after `done`.
    void put_name_right(const Container& container, Done done);
    // Gives back the restart policy of the document.
    void put_policy_right(const Container& container, Done done);
    // One that may still wait on a network of its own comes to the others'.
    void put_on_network(const Container& container, Done done);

    // The instance, if there is one, and the record.
    void discard(const ContainerId& id, const std::string& name, Done done) {
        remove(id, name, std::move(done));
    }

    // Told of a container that a stop has not ended: the engine will not restart it when it ends after all.
    void when_stop_failed(std::function<void(const ContainerId&)> callback) {
        stop_failed_ = std::move(callback);
    }

    // Asks the pulls of an update in progress to end; they end with Interrupted. Other steps end by
    // themselves.
    void cancel_pulls();

 private:
    using Work = std::function<Result<>(const runtime::Call&)>;
    using Next = std::function<void(Result<>)>;

    // One engine call on a worker. While the engine is away it waits for it and calls again; while the engine
    // is Busy with that container it asks again for as long as `busy`.
    enum class Try { First, Second };
    static constexpr std::chrono::milliseconds kBusy{10'000};
    static constexpr std::chrono::milliseconds kCallLimit{120'000};
    void submit(Lane lane, const std::string& key, std::chrono::milliseconds limit, Work work, Next next,
                Try attempt = Try::First, std::chrono::milliseconds busy = kBusy);
    // `again` once the engine is back, `next` if it is there (or does not come back).
    void on_unavailable(Error error, const std::function<void()>& again, const Next& next);
    void on_engine_back();
    void wait_to_go_back(const reconcile::Run& step, const Error& error, const Done& done);
    void look_before_giving_up(const reconcile::Run& step, const Error& error, const Done& done);

    // Whether what belongs together may be pulled. On the loop but for `stop`; shared by the steps that wait
    // for the answer with the job that finds it.
    struct Admission;
    using Room = std::shared_ptr<Admission>;
    using Admitted = std::function<void(const Result<>&, const Room&)>;
    struct Admission {
        std::optional<Result<>> answer{};
        std::vector<Admitted> waiting{};
        Survey found{};
        std::set<std::string> watched{};    // images whose pull has to tell their size
        std::set<std::string> cancelled{};  // of those, the ones that told too much
        std::stop_source stop{};
    };
    Room admission_of(const std::vector<std::string>& images);
    static void answer(const Room& room, Result<> result);
    static void when_admitted(const Room& room, Admitted then);

    struct Fetch {  // of an image, until it is there; can be cancelled between its calls too
        std::string image{};
        ContainerId id{};
        Progress progress{};
        Next next{};
        std::stop_source stop{};
        std::size_t tries{};
        bool of_update{};
        Room room{};                                // null: pulled in any case
        std::optional<Error> refused{};             // NoSpace, found out on the way
        TimerId again{};                            // of the next try
        std::stop_source queued{std::nostopstate};  // of its pull, as the workers know it
        std::stop_source given_up{};                // whatever has come of it: nobody wants it
    };
    enum class For { Update, Itself };  // whether cancel_pulls() means it
    void fetch(const ContainerSpec& spec, Room room, For whom, Progress progress, Next next);
    void on_total(const std::shared_ptr<Fetch>& fetch, std::int64_t bytes);
    void pull(const std::shared_ptr<Fetch>& fetch);
    void on_pulled(const std::shared_ptr<Fetch>& fetch, const Result<>& pulled);
    void cancel(const std::shared_ptr<Fetch>& fetch);
    void give_up_making(const ContainerId& id);

    void name_later(const ContainerId& id);
    void stage(const ActionState& action, Progress progress, Done done);
    void stage_in(const Room& room, const ActionState& action, const std::string& where, Progress progress,
                  Done done);
    void make_in(const Room& room, const Container& record, Done done);
    void create(Container container, std::string engine_name, Done done);
    void create_kept(const Container& container, const std::string& engine_name, const Done& done);
    Result<EngineId> make(const ContainerSpec& spec, runtime::CreateOptions options,
                          const runtime::Call& call) const;
    using One = std::function<void(const OldInstance&, Done)>;
    void for_each(std::deque<OldInstance> rest, One one, Done done, std::optional<Error> failed = {});
    void stop_old(const ActionState& action, Done done);
    // Not asked: it counts as one that ended by itself.
    void stop(const ContainerId& container, const std::string& name, Done done, bool is_asked = true);
    void apply(const ActionState& action, Done done);
    Work start_of(const Container& container) const;
    void start_new(const ActionState& action, Done done);
    void show_start_failed(const ContainerId& id, const Error& error);
    void change_roles(const ActionState& action, Done done);
    static std::deque<OldInstance> going(const ActionState& action);  // what shall be gone in the end

    // A new instance beside the old one (steps_beside.cpp).
    struct Gate {                    // open until it has run for long enough, or has ended
        std::string name{};          // of the component
        std::string ended_before{};  // when an earlier run of it ended
        TimerId timer{};             // 0: its start is under way, or the engine is asked
        Done done{};
    };
    void start_beside(const ActionState& action, Done done);
    void replace_old(const ActionState& action, Done done);
    void look_at_gates();
    void ask_at_gate(const ContainerId& id);
    void close_gate(const ContainerId& id, std::optional<Error> error);
    Result<> holds(const EngineId& instance, const runtime::Call& call) const;
    void take_off_network(const ContainerSpec& spec, Done done);
    void move_to(const EngineId& id, const ContainerSpec& spec, runtime::Place place, Done done);
    // The engine is away: the way back and what is cleaned up wait for it, and are carried out once more.
    static bool comes_again(const Error& error) { return error.code == Errc::Unavailable; }
    void clear_network(const EngineId& id, const ContainerSpec& spec, Done done);
    void become(const ContainerId& id, Role role, Done done);
    void ensure_running(const ContainerSpec& spec, Done done);
    void remove_old(const ActionState& action, Done done);
    void remove(const ContainerId& id, const std::string& name, Done done);
    void restore(const ActionState& action, Done done);
    void take_new_away(const ActionState& action, Done done);
    void give_name_up(const ContainerId& id, Done done);
    void restore_olds(const ActionState& action, Done done);
    bool is_untouched(const ActionState& action, const OldInstance& old) const;
    enum class IfGone { MakeAgain, Tell };
    void put_down(const ActionState& action, const OldInstance& old, Done done);
    OldInstance as_recorded(const ActionState& action, OldInstance old) const;
    void restore_old(const ActionState& action, const OldInstance& before, IfGone if_gone, Done done);
    void make_old_again(const ActionState& action, const OldInstance& old, Done done);
    void leave_record(const OldInstance& old, Action action, std::function<void()> then);
    void take_old_back(const OldInstance& old, Done done);

    EngineId engine_id(const ContainerId& id) const;  // empty: not known to be in the engine

    struct Parked {
        std::function<void()> again{};
        TimerId patience{};  // 0: without end
    };

    Loop& loop_;
    Workers& workers_;
    runtime::Runtime& runtime_;
    World& world_;
    StepsConfig config_;
    std::function<void(const ContainerId&)> stop_failed_{};
    Room room_;  // for the update's phase at hand
    std::map<ContainerId, std::shared_ptr<Fetch>> fetches_;
    std::set<ContainerId> recording_;  // their records are on the way to disk, the engine is asked after that
    std::map<ContainerId, Gate> gates_;
    std::map<std::uint64_t, Parked> parked_;
    std::uint64_t last_parked_{0};
};

}  // namespace berth::service
