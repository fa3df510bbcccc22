// Runtime on a Docker Engine. Holds its options, what the last connect agreed on or learnt of the engine,
// what registries said a moment ago, and nothing about containers: every verb asks the engine.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/docker/decode.hpp"
#include "runtime/docker/http.hpp"
#include "runtime/docker/options.hpp"
#include "runtime/runtime.hpp"

namespace berth::runtime::docker {

class DockerRuntime final : public Runtime {
 public:
    explicit DockerRuntime(DockerOptions options);

    // Pulls that begin afterwards use these; from any thread.
    void set_registries(std::vector<RegistryLogin> registries);

    Result<EngineInfo> connect(Call call) override;
    Result<std::vector<Container>> list(Call call) override;
    Result<Container> inspect(const EngineId& engine_id, Call call) override;
    Result<ContainerSpec> read_back(const EngineId& engine_id, const ContainerSpec& asked,
                                    Call call) override;
    Result<std::optional<EngineId>> find(const ContainerId& id, Call call) override;

    Result<bool> image_present(const std::string& reference, Call call) override;
    Result<> pull(const std::string& reference, Call call) override;
    Result<std::vector<Layer>> image_layers(const std::string& reference, Which which, Call call) override;
    Result<Space> space(Call call) override;

    Result<EngineId> create(const ContainerSpec& spec, CreateOptions options, Call call) override;
    Result<> start(const EngineId& engine_id, Call call) override;
    Result<> stop(const EngineId& engine_id, StopOptions options, Call call) override;
    Result<> kill(const EngineId& engine_id, const std::string& signal, Call call) override;
    Result<> pause(const EngineId& engine_id, Call call) override;
    Result<> unpause(const EngineId& engine_id, Call call) override;
    Result<> rename(const EngineId& engine_id, const std::string& engine_name, Call call) override;
    Result<> update(const EngineId& engine_id, const UpdateOptions& options, Call call) override;
    Result<> remove(const EngineId& engine_id, Call call) override;
    Result<> move_to(const EngineId& engine_id, const ContainerSpec& spec, Place place, Call call) override;
    Result<Usage> stats(const EngineId& engine_id, Call call) override;

    Result<> watch(const std::function<void()>& subscribed, const std::function<void(EngineEvent)>& deliver,
                   Call call) override;

 private:
    enum class Sent { Delivered, NotRunning };  // what became of a signal
    enum class Wait { Ended, GraceOver };
    struct KnownManifest {
        Manifest manifest{};
        steady_clock::time_point since{};
    };

    Request request(std::string_view method, std::string_view path, std::string body = {}) const;
    Request on_container(std::string_view method, const EngineId& engine_id, std::string_view suffix) const;
    // A 2xx, or a status that is fine as well; any other is its Error.
    Result<Reply> expect(const Request& request, const Call& call, int also_fine = 0) const;

    Result<> ensure_network(const Call& call) const;
    void compare_insecure_registries(const Call& call) const;
    // Once more, with the bridge made again, where it fails as somebody has removed that.
    Result<Reply> expect_on_bridge(const Request& request, const Call& call);
    Result<> make_bridge_again(const Call& call);
    Result<std::string> gateway(const Call& call);
    Result<std::vector<std::vector<std::string>>> layers_of_images(const Call& call) const;
    void keep_manifest(const std::string& reference, const Manifest& manifest);
    std::optional<Manifest> take_manifest(const std::string& reference);
    Result<> set_apart(const Inspected& seen, const ContainerSpec& spec, const Call& call);
    Result<> join_apart(const Inspected& seen, const ContainerSpec& spec, const std::string& apart,
                        const Call& call) const;
    // From a claim to its release nobody else makes or sweeps this network of one instance.
    Result<> claim_network(const std::string& name, const Call& call);  // waits, as told
    bool claim_if_free(const std::string& name);
    void release_network(const std::string& name);
    Result<> leave(const EngineId& engine_id, const std::string& network, const Call& call) const;
    Result<> come_back_to_bridge(const EngineId& engine_id, const Call& call);
    void remove_network(const std::string& name, const Call& call) const;
    void sweep_apart(const Call& call);
    bool is_unused(const std::string& network, const Call& call) const;
    Result<Inspected> look_at(const EngineId& engine_id, const Call& call) const;
    Result<EngineId> create_named(const std::string& name, const std::string& body, const Call& call) const;
    Result<Sent> send_signal(const EngineId& engine_id, const std::string& signal, const Call& call) const;
    Result<Wait> wait_for_end(const EngineId& engine_id, std::chrono::milliseconds grace,
                              const Call& call) const;

    const DockerOptions options_;
    std::atomic<std::shared_ptr<const std::vector<RegistryLogin>>>
        registries_;  // shared with pulls under way
    const Http http_;
    std::atomic<int> api_minor_;  // of 1.x; written by connect, read by every other call
    std::atomic<std::shared_ptr<const Platform>> platform_;  // as well; shared with whoever reads it
    std::mutex claims_mutex_;                                // never held during a call of the engine
    std::condition_variable_any released_;
    std::set<std::string> claimed_;  // networks of single instances
    std::mutex manifests_mutex_;
    std::map<std::string, KnownManifest> manifests_;  // by reference, of the last minute
};

}  // namespace berth::runtime::docker
