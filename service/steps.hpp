// Carries out one step of an operation on the engine: which verbs, in which order, in which lane. Every step
// can be repeated. Decides nothing; says how it went.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "protocol/result.hpp"
#include "reconcile/operation.hpp"
#include "runtime/runtime.hpp"
#include "service/loop.hpp"
#include "service/workers.hpp"
#include "service/world.hpp"

namespace berth::service {

struct StepsConfig {
    std::chrono::milliseconds stop_timeout{30'000};  // between the stop signal and SIGKILL
    bool require_qualified{};                        // refuse image references that the engine would complete
    std::filesystem::path secrets_dir{"/etc/berth/secrets"};
};

class Steps {
 public:
    using Done = std::function<void(std::optional<Error>)>;  // on the loop, never from inside run()
    using Progress = std::function<void(int percent)>;       // on the loop

    Steps(Loop& loop, Workers& workers, runtime::Runtime& runtime, World& world, StepsConfig config);

    void run(const reconcile::Run& step, Progress progress, Done done);

    // On a worker: the instance of a spec, its secrets resolved.
    Result<EngineId> make(const ContainerSpec& spec, runtime::CreateOptions options,
                          const runtime::Call& call);

    // Asks the pulls in progress to end; they end with Interrupted. Other steps end by themselves.
    void cancel_pulls();

 private:
    using Work = std::function<Result<>(runtime::Call)>;
    using Next = std::function<void(Result<>)>;

    std::stop_source submit(Lane lane, const std::string& key, std::chrono::milliseconds limit, Work work,
                            Next next);

    void stage(const ActionState& action, Progress progress, Done done);
    void pull(const ActionState& action, Progress progress, Next next);
    void create(const ActionState& action, Done done);
    void on_created(const ActionState& action, const Result<EngineId>& created, const Done& done);
    void stop_old(const ActionState& action, Done done);
    void apply(const ActionState& action, Done done);
    void start_new(const ActionState& action, Done done);
    void change_roles(const ActionState& action, Done done);
    void ensure_running(const ContainerSpec& spec, Done done);
    void restore(const ActionState& action, Done done);
    void restore_old(const ActionState& action, Done done);
    void take_old_back(const ActionState& action, Done done);
    void remove(const ContainerId& id, const std::string& name, Done done);

    EngineId engine_id(const ContainerId& id) const;  // empty: the engine has none

    Loop& loop_;
    Workers& workers_;
    runtime::Runtime& runtime_;
    World& world_;
    StepsConfig config_;
    std::map<ContainerId, std::stop_source> pulls_;
};

}  // namespace berth::service
