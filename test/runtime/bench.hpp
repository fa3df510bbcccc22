// A Runtime and the world it works in, for the contract: in memory or a real engine.
#pragma once

#include <memory>
#include <string>

#include "runtime/runtime.hpp"

namespace berth::test {

class Bench {
 public:
    virtual ~Bench() = default;  // removes what the test made
    virtual runtime::Runtime& runtime() = 0;

    // A container that runs until it is told to end; its name begins with this one, its id is new. Image
    // berth-test/sleeper:1 is on the machine.
    virtual ContainerSpec spec(const std::string& name) = 0;
    virtual EngineId start_stubborn() = 0;                                   // one that ignores SIGTERM
    virtual void end_process(const EngineId& engine_id, int exit_code) = 0;  // of a spec(): it ends by itself
    virtual void put_foreign(const std::string& engine_name) = 0;            // somebody else's container
    virtual std::string policy_of(const EngineId& engine_id) = 0;            // as the engine holds it
    virtual bool is_on_bridge(const EngineId& engine_id) = 0;  // Berth's, or will be once it runs
    virtual std::string image_of_registry() = 0;               // not on the machine yet
    virtual std::string no_image_of_registry() = 0;
    EngineId nobody() const { return std::string(64, 'f'); }
};

std::unique_ptr<Bench> make_bench();

}  // namespace berth::test
