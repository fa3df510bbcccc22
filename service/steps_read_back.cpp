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
            auto held = runtime_.read_back(id, asked, call);
            if (!held && held.error().code == Errc::Unavailable) held = runtime_.read_back(id, asked, call);
            if (held)
                *found = reconcile::unstable(asked, *held);
            else
                log::warn("component {}: nobody knows whether it is as asked for: {}", asked.name,
                          held.error().message);
            return {};  // what runs has started: it waits for no engine
        },
        [found, told = std::move(told)](const Result<>&) { told(*found); });
}

}  // namespace berth::service
