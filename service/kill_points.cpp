#include "service/kill_points.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>

#include "service/log.hpp"

namespace berth::service {
namespace {

std::atomic<unsigned> passed{0};

// -1: not asked for.
long wanted_point() {
    static const long wanted = [] {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment
        const char* text = std::getenv("BERTH_KILL_AT");
        return text == nullptr ? -1 : std::strtol(text, nullptr, 10);
    }();
    return wanted;
}

// Both sides of a call that changes something: it has not happened, or nobody has heard that it did.
template <class Do>
auto around(const std::string& verb, const Do& call) {
    kill_point("before " + verb);
    auto result = call();
    kill_point("after " + verb);
    return result;
}

}  // namespace

void kill_point(std::string_view where) {
    const long wanted = wanted_point();
    if (wanted < 0) return;
    const auto number = ++passed;
    if (wanted == 0) log::info("kill point {}: {}", number, where);
    if (static_cast<long>(number) != wanted) return;
    ::kill(::getpid(), SIGKILL);
    for (;;)
        ::pause();  // the signal ends the other threads first, perhaps
}

unsigned kill_points_passed() {
    return passed;
}

Result<runtime::EngineInfo> KillableRuntime::connect(runtime::Call call) {
    return engine_.connect(std::move(call));
}

Result<std::vector<Container>> KillableRuntime::list(runtime::Call call) {
    return engine_.list(std::move(call));
}

Result<Container> KillableRuntime::inspect(const EngineId& engine_id, runtime::Call call) {
    return engine_.inspect(engine_id, std::move(call));
}

Result<ContainerSpec> KillableRuntime::read_back(const EngineId& engine_id, const ContainerSpec& asked,
                                                 runtime::Call call) {
    return engine_.read_back(engine_id, asked, std::move(call));
}

Result<std::optional<EngineId>> KillableRuntime::find(const ContainerId& id, runtime::Call call) {
    return engine_.find(id, std::move(call));
}

Result<Usage> KillableRuntime::stats(const EngineId& engine_id, runtime::Call call) {
    return engine_.stats(engine_id, std::move(call));
}

Result<bool> KillableRuntime::image_present(const std::string& reference, runtime::Call call) {
    return engine_.image_present(reference, std::move(call));
}

Result<std::vector<Layer>> KillableRuntime::image_layers(const std::string& reference, runtime::Which which,
                                                         runtime::Call call) {
    return engine_.image_layers(reference, which, std::move(call));
}

Result<runtime::Space> KillableRuntime::space(runtime::Call call) {
    return engine_.space(std::move(call));
}

Result<> KillableRuntime::pull(const std::string& reference, runtime::Call call) {
    return around("pull", [&] { return engine_.pull(reference, call); });
}

Result<EngineId> KillableRuntime::create(const ContainerSpec& spec, runtime::CreateOptions options,
                                         runtime::Call call) {
    return around("create", [&] { return engine_.create(spec, options, call); });
}

Result<> KillableRuntime::start(const EngineId& engine_id, runtime::Call call) {
    return around("start", [&] { return engine_.start(engine_id, call); });
}

Result<> KillableRuntime::stop(const EngineId& engine_id, runtime::StopOptions options, runtime::Call call) {
    return around("stop", [&] { return engine_.stop(engine_id, options, call); });
}

Result<> KillableRuntime::kill(const EngineId& engine_id, const std::string& signal, runtime::Call call) {
    return around("kill", [&] { return engine_.kill(engine_id, signal, call); });
}

Result<> KillableRuntime::pause(const EngineId& engine_id, runtime::Call call) {
    return around("pause", [&] { return engine_.pause(engine_id, call); });
}

Result<> KillableRuntime::unpause(const EngineId& engine_id, runtime::Call call) {
    return around("unpause", [&] { return engine_.unpause(engine_id, call); });
}

Result<> KillableRuntime::rename(const EngineId& engine_id, const std::string& engine_name,
                                 runtime::Call call) {
    return around("rename", [&] { return engine_.rename(engine_id, engine_name, call); });
}

Result<> KillableRuntime::update(const EngineId& engine_id, const runtime::UpdateOptions& options,
                                 runtime::Call call) {
    return around("update", [&] { return engine_.update(engine_id, options, call); });
}

Result<> KillableRuntime::remove(const EngineId& engine_id, runtime::Call call) {
    return around("remove", [&] { return engine_.remove(engine_id, call); });
}

Result<> KillableRuntime::move_to(const EngineId& engine_id, const ContainerSpec& spec, runtime::Place place,
                                  runtime::Call call) {
    return around("move", [&] { return engine_.move_to(engine_id, spec, place, call); });
}

Result<> KillableRuntime::watch(const std::function<void()>& subscribed,
                                const std::function<void(runtime::EngineEvent)>& deliver,
                                runtime::Call call) {
    return engine_.watch(subscribed, deliver, std::move(call));
}

}  // namespace berth::service
