#include <fmt/format.h>

#include "test/runtime/bench.hpp"
#include "test/runtime/builders.hpp"
#include "test/support/fake_runtime.hpp"

namespace berth::test {
namespace {

class FakeBench final : public Bench {
 public:
    FakeBench() {
        fake_.put_image("berth-test/sleeper:1");
        fake_.put_in_registry("berth-test/sleeper:1");
        fake_.put_in_registry(image_of_registry());
    }

    runtime::Runtime& runtime() override { return fake_; }

    ContainerSpec spec(const std::string& name) override {
        return make_spec(name, fmt::format("{:08x}-0000-4000-8000-000000000000", ++last_id_));
    }

    EngineId start_stubborn() override {
        const auto id = fake_.create(spec("stubborn"), {}, {});
        const auto done = fake_.start(*id, {});
        if (done) fake_.make_stubborn(*id);
        return *id;
    }

    void end_process(const EngineId& engine_id, int exit_code) override {
        fake_.end_process(engine_id, exit_code);
    }
    void put_foreign(const std::string& engine_name) override { fake_.put_foreign(engine_name); }
    std::string policy_of(const EngineId& engine_id) override { return fake_.policy_of(engine_id); }
    bool is_on_bridge(const EngineId& engine_id) override {
        return fake_.place_of(engine_id) == runtime::Place::Shared;
    }
    std::string image_of_registry() override { return "registry/app:1"; }
    std::string no_image_of_registry() override { return "registry/nothing:1"; }

 private:
    FakeRuntime fake_{};
    unsigned last_id_{};
};

}  // namespace

std::unique_ptr<Bench> make_bench() {
    return std::make_unique<FakeBench>();
}

}  // namespace berth::test
