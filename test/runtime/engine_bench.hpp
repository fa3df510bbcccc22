// A real engine (tools/lab) as a Bench, with what only a real one can be asked.
#pragma once

#include <optional>
#include <string>

#include "runtime/docker/docker_runtime.hpp"
#include "runtime/docker/http.hpp"
#include "test/runtime/bench.hpp"
#include "test/support/lab.hpp"

namespace berth::test {

class EngineBench final : public Bench {
 public:
    EngineBench();
    ~EngineBench() override;
    EngineBench(const EngineBench&) = delete;
    EngineBench& operator=(const EngineBench&) = delete;

    runtime::docker::DockerRuntime& runtime() override { return runtime_; }
    ContainerSpec spec(const std::string& name) override;
    EngineId start_stubborn() override;
    void end_process(const EngineId& engine_id, int exit_code) override;
    void put_foreign(const std::string& engine_name) override;
    std::string policy_of(const EngineId& engine_id) override;
    bool is_on_bridge(const EngineId& engine_id) override;
    std::string image_of_registry() override;
    std::string no_image_of_registry() override { return lab_.registry() + "/nothing:1"; }

    const Lab& lab() const { return lab_; }
    runtime::docker::DockerOptions options() const;  // those of runtime()
    std::string get(const std::string& path) const;  // JSON, "null" if there is none: "/networks/x"
    std::string inspect(const EngineId& engine_id) const { return get("/containers/" + engine_id + "/json"); }
    void delete_at(const std::string& path);         // there or not
    std::string root_of(const EngineId& engine_id);  // of a running container's files, seen from here
    // The address the name service of the engine gives this container for a name.
    std::optional<std::string> resolve(const EngineId& engine_id, const std::string& name);
    std::string address_of(const EngineId& engine_id);  // on Berth's bridge

 private:
    Lab lab_{};
    std::string name_space_{};
    runtime::docker::Http http_;
    runtime::docker::DockerRuntime runtime_;
    runtime::docker::DockerRuntime foreign_;
    unsigned last_id_{};
};

}  // namespace berth::test
