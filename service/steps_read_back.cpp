// Steps: how the engine holds what it was asked for.
#include <memory>
#include <utility>

#include "reconcile/unstable.hpp"
#include "service/log.hpp"
#include "service/steps.hpp"

namespace berth::service {
namespace {

// An engine that hangs must not hold up a success.
constexpr std::chrono::milliseconds kReadBackLimit{10'000};

}  // namespace

void Steps::read_back(const ContainerSpec& asked, Told told) {
    const EngineId id = engine_id(asked.id);
    if (id.empty()) return told({});
    auto found = std::make_shared<std::string>();  // carried from the worker to the loop
    submit(
        Lane::Steps, asked.id, kReadBackLimit,
        [this, id, asked, found](const runtime::Call& call) -> Result<> {
            const auto held = runtime_.read_back(id, asked, call);
            if (!held) return held.error();
            *found = reconcile::unstable(asked, *held);
            return {};
        },
        [name = asked.name, found, told = std::move(told)](const Result<>& looked) {
            if (!looked)
                log::warn("component {}: nobody knows whether it is as asked for: {}", name,
                          looked.error().message);
            told(*found);
        });
}

}  // namespace berth::service
