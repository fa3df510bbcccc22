// What a person or a cloud asks of one container: one after the other per container, checked when its turn
// comes against what the engine says at that moment, then carried out. Knows nothing of who asks, and leaves
// alone what an open update holds.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "protocol/container.hpp"
#include "protocol/result.hpp"
#include "runtime/runtime.hpp"
#include "service/loop.hpp"
#include "service/steps.hpp"
#include "service/workers.hpp"
#include "service/world.hpp"

namespace berth::service {

struct VerbsConfig {
    std::chrono::milliseconds stop_timeout{30'000};
    bool require_qualified{};  // refuse image references that the engine would complete
    std::size_t parallel_creates{4};
};

class Verbs {
 public:
    using Done = std::function<void(Result<>)>;  // on the loop
    using Created = std::function<void(Result<ContainerId>)>;
    // Whether nothing else holds this container; Conflict: an open update does, the message names its
    // activity.
    using MayChange = std::function<Result<>(const ContainerId&)>;

    Verbs(Loop& loop, Workers& workers, runtime::Runtime& runtime, World& world, Steps& steps,
          MayChange may_change, VerbsConfig config);

    // Without an id one is chosen, without a name it is the id. Image included. A failed start is no failure
    // of this: the container's state shows it.
    enum class Then { Nothing, Start };
    void create(ContainerSpec spec, Then then, Created done);
    bool creates(const ContainerId& id) const { return creating_.contains(id); }

    struct StopOptions {
        std::string signal{};               // empty: the container's own
        std::chrono::milliseconds grace{};  // 0: the usual
        bool force{};                       // SIGKILL after the grace; else a failure, and it runs on
    };
    enum class Force { No, Yes };

    void start(const ContainerId& id, Done done);
    void stop(const ContainerId& id, StopOptions options, Done done);
    void pause(const ContainerId& id, Done done);
    void resume(const ContainerId& id, Done done);
    void rename(const ContainerId& id, const std::string& name, Done done);
    void update(const ContainerId& id, std::optional<RestartPolicy> restart,
                std::optional<Resources> resources, Done done);
    void remove(const ContainerId& id, Force force, Done done);

 private:
    struct Creation {
        ContainerSpec spec{};
        Then then{};
        Created done{};
    };
    static constexpr std::chrono::milliseconds kCallLimit{120'000};
    using Work = std::function<Result<>(const runtime::Call&)>;
    using Turn = std::function<void(const Done& done)>;

    // Calls `turn` when what was asked of that container before has ended.
    void in_turn(const ContainerId& id, Done done, Turn turn);
    void end_turn(const ContainerId& id);
    void stop_now(const ContainerId& id, const StopOptions& options, const Done& done);
    void rename_now(const ContainerId& id, const std::string& name, const Done& done);
    void update_now(const ContainerId& id, const std::optional<RestartPolicy>& restart,
                    const std::optional<Resources>& resources, const Done& done);
    void remove_now(const ContainerId& id, Force force, const Done& done);

    void next_creation();
    void create_now(const Creation& creation);
    void on_created(const Creation& creation, const std::optional<Error>& error);
    // The container, free for changes; else `done` has been told why not.
    const Container* take(const ContainerId& id, const Done& done) const;
    Result<> start_in_engine(const Container& known, const runtime::Call& call) const;
    struct Switch {  // pause and resume
        Status from{};
        const char* otherwise{};  // why it is refused if the container is not in that
        Result<> (runtime::Runtime::*verb)(const EngineId&, runtime::Call){};
        const char* done{};  // for the log
    };
    void switch_over(const ContainerId& id, const Switch& to, Done done);
    void run(Lane lane, const ContainerId& id, std::chrono::milliseconds limit, Work work, Done done);
    // `done`, and a line in the log if it succeeded: "container web paused".
    static Done logged(const std::string& name, std::string_view what, Done done);
    // The same of what is done once its record is written: without that a berthd that starts would undo it.
    static Done recorded(const std::string& name, std::string_view what, const Done& done);
    Result<> halt(const Container& known, const runtime::StopOptions& options, const runtime::Call& call);
    void on_stop_failed(const ContainerId& id);
    void start_survivors();
    void start_survivor(const ContainerId& id);

    Loop& loop_;
    Workers& workers_;
    runtime::Runtime& runtime_;
    World& world_;
    Steps& steps_;
    MayChange may_change_;
    VerbsConfig config_;
    std::deque<Creation> waiting_;
    std::set<ContainerId> creating_;
    std::set<ContainerId> survivors_;  // of a stop: the engine does not restart them when they end
    std::map<ContainerId, std::deque<std::function<void()>>> turns_;  // the first is under way
};

}  // namespace berth::service
