// Points at which a test ends the process as a power cut would: around every write of the journal and of the
// store, and around every engine call that changes something. Compiled in by BERTH_KILL_POINTS, which only
// test programs define; in berthd nothing of this is left.
#pragma once

#include <string_view>

#include "runtime/runtime.hpp"

namespace berth::service {

#ifdef BERTH_KILL_POINTS

// From any thread. With BERTH_KILL_AT=n in the environment the n-th point that the process comes to, 1 or
// more, sends it SIGKILL; with 0 none does, and each is logged as "kill point <n>: <where>". Without it:
// nothing.
void kill_point(std::string_view where);
unsigned kill_points_passed();

class KillableRuntime final : public runtime::Runtime {
 public:
    explicit KillableRuntime(runtime::Runtime& engine) : engine_(engine) {}

    Result<runtime::EngineInfo> connect(runtime::Call call) override;
    Result<std::vector<Container>> list(runtime::Call call) override;
    Result<Container> inspect(const EngineId& engine_id, runtime::Call call) override;
    Result<ContainerSpec> read_back(const EngineId& engine_id, const ContainerSpec& asked,
                                    runtime::Call call) override;
    Result<std::optional<EngineId>> find(const ContainerId& id, runtime::Call call) override;
    Result<Usage> stats(const EngineId& engine_id, runtime::Call call) override;
    Result<bool> image_present(const std::string& reference, runtime::Call call) override;
    Result<std::vector<Layer>> image_layers(const std::string& reference, runtime::Which which,
                                            runtime::Call call) override;
    Result<runtime::Space> space(runtime::Call call) override;
    Result<> pull(const std::string& reference, runtime::Call call) override;
    Result<EngineId> create(const ContainerSpec& spec, runtime::CreateOptions options,
                            runtime::Call call) override;
    Result<> start(const EngineId& engine_id, runtime::Call call) override;
    Result<> stop(const EngineId& engine_id, runtime::StopOptions options, runtime::Call call) override;
    Result<> kill(const EngineId& engine_id, const std::string& signal, runtime::Call call) override;
    Result<> pause(const EngineId& engine_id, runtime::Call call) override;
    Result<> unpause(const EngineId& engine_id, runtime::Call call) override;
    Result<> rename(const EngineId& engine_id, const std::string& engine_name, runtime::Call call) override;
    Result<> update(const EngineId& engine_id, const runtime::UpdateOptions& options,
                    runtime::Call call) override;
    Result<> remove(const EngineId& engine_id, runtime::Call call) override;
    Result<> move_to(const EngineId& engine_id, const ContainerSpec& spec, runtime::Place place,
                     runtime::Call call) override;
    Result<> watch(const std::function<void()>& subscribed,
                   const std::function<void(runtime::EngineEvent)>& deliver, runtime::Call call) override;

 private:
    runtime::Runtime& engine_;
};

#else

inline void kill_point(std::string_view /*where*/) {}
using KillableRuntime = runtime::Runtime&;

#endif

}  // namespace berth::service
