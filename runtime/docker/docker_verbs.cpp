// The verbs on one container. Each can be repeated: what is so already is fine.
#include <spdlog/spdlog.h>

#include <algorithm>

#include <fmt/format.h>

#include "runtime/docker/docker_runtime.hpp"
#include "runtime/docker/errors.hpp"
#include "runtime/docker/machine.hpp"

namespace berth::runtime::docker {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr milliseconds kLeastWaitAfterKill = 10s;

bool is_sigkill(const std::string& signal) {
    return signal == "SIGKILL" || signal == "KILL" || signal == "9";
}

// Docker's kill without a signal is SIGKILL, so the container's own has to be named.
std::string signal_for(const StopOptions& options, const Inspected& seen) {
    if (!options.signal.empty()) return options.signal;
    return seen.stop_signal.empty() ? "SIGTERM" : seen.stop_signal;
}

bool came_without_answer(const Error& error) {
    return error.code == Errc::Unavailable || error.code == Errc::Timeout || error.code == Errc::Interrupted;
}

}  // namespace

Result<> DockerRuntime::start(const EngineId& engine_id, Call call) {
    if (options_.before_start) options_.before_start();
    const auto begin = [&] { return expect(on_container("POST", engine_id, "/start"), call, 304); };
    auto reply = begin();
    if (!reply && is_network_gone(reply.error())) {
        const auto back = come_back_to_bridge(engine_id, call);
        if (back)
            reply = begin();
        else if (came_without_answer(back.error()))
            return fail(back.error(), "start");
    }
    if (!reply) return fail(reply.error(), "start");
    return {};
}

Result<DockerRuntime::Sent> DockerRuntime::send_signal(const EngineId& engine_id, const std::string& signal,
                                                       const Call& call) const {
    const auto reply =
        http_.send(on_container("POST", engine_id, "/kill?signal=" + url_escape(signal)), call);
    if (!reply) return reply.error();
    if (reply->ok()) return Sent::Delivered;
    if (reply->status == 404 || reply->status == 409) return Sent::NotRunning;
    const auto error = to_error(reply->status, reply->body);
    if (error.code == Errc::Busy) return Sent::Delivered;  // it ends by itself: the wait shows it
    return error;
}

Result<DockerRuntime::Wait> DockerRuntime::wait_for_end(const EngineId& engine_id, milliseconds grace,
                                                        const Call& call) const {
    Call waiting = call;
    waiting.deadline = std::min(call.deadline, steady_clock::now() + grace);
    const auto reply = expect(on_container("POST", engine_id, "/wait?condition=not-running"), waiting, 404);
    if (reply) return Wait::Ended;
    const bool only_the_grace = reply.error().code == Errc::Timeout && steady_clock::now() < call.deadline;
    if (only_the_grace) return Wait::GraceOver;
    return reply.error();
}

// Signal, wait, and only where force is wanted SIGKILL: the engine's own stop always forces. Whoever wants
// the container to stay down has set its restart policy before.
Result<> DockerRuntime::stop(const EngineId& engine_id, StopOptions options, Call call) {
    const auto seen = look_at(engine_id, call);
    if (!seen && seen.error().code == Errc::NotFound) return {};
    if (!seen) return fail(seen.error(), "stop");
    if (!seen->container.is_up()) return {};

    const auto signal_and_wait = [&](const std::string& signal, milliseconds grace) -> Result<Wait> {
        const auto sent = send_signal(engine_id, signal, call);
        if (!sent) return sent.error();
        if (*sent == Sent::NotRunning) return Wait::Ended;
        // A paused process cannot react. The engine may wake it by itself, and it may end at that: then
        // waking it is refused in one way or another, and the wait shows whether it mattered.
        if (seen->container.state.status == Status::Paused)
            if (const auto woken = unpause(engine_id, call); !woken && came_without_answer(woken.error()))
                return woken.error();
        return wait_for_end(engine_id, grace, call);
    };

    const auto signal = signal_for(options, *seen);
    if (!is_sigkill(signal)) {
        const auto waited = signal_and_wait(signal, options.grace);
        if (!waited) return fail(waited.error(), "stop");
        if (*waited == Wait::Ended) return {};
        if (!options.force)
            return fail(Errc::Timeout,
                        fmt::format("stop: still runs {} ms after {}", options.grace.count(), signal));
    }
    const auto waited = signal_and_wait("SIGKILL", std::max(options.grace, kLeastWaitAfterKill));
    if (!waited) return fail(waited.error(), "stop");
    if (*waited == Wait::Ended) return {};
    return fail(Errc::Timeout, "stop: still runs after SIGKILL");
}

Result<> DockerRuntime::kill(const EngineId& engine_id, const std::string& signal, Call call) {
    const auto reply = expect(on_container("POST", engine_id, "/kill?signal=" + url_escape(signal)), call);
    if (!reply) return fail(reply.error(), "kill");
    return {};
}

Result<> DockerRuntime::pause(const EngineId& engine_id, Call call) {
    const auto reply = expect(on_container("POST", engine_id, "/pause"), call);
    if (reply) return {};
    const auto seen = look_at(engine_id, call);
    if (!seen) return fail(reply.error(), "pause");
    if (seen->container.state.status == Status::Paused) return {};
    return fail(seen->container.runs() ? reply.error() : fail(Errc::Conflict, reply.error().message),
                "pause");
}

Result<> DockerRuntime::unpause(const EngineId& engine_id, Call call) {
    const auto reply = expect(on_container("POST", engine_id, "/unpause"), call);
    if (reply) return {};
    const auto seen = look_at(engine_id, call);
    if (!seen) return fail(reply.error(), "unpause");
    if (seen->container.state.status == Status::Running) return {};
    // the engine answers 500 for a container that is not paused
    return fail(seen->container.runs() ? reply.error() : fail(Errc::Conflict, reply.error().message),
                "unpause");
}

Result<> DockerRuntime::rename(const EngineId& engine_id, const std::string& engine_name, Call call) {
    const auto reply =
        expect(on_container("POST", engine_id, "/rename?name=" + url_escape(engine_name)), call);
    if (reply) return {};
    const auto seen = look_at(engine_id, call);
    if (seen && seen->container.engine_name == engine_name) return {};
    return fail(reply.error(), "rename");
}

Result<> DockerRuntime::update(const EngineId& engine_id, const UpdateOptions& options, Call call) {
    if (!options.restart && !options.resources) return {};
    const auto seen = look_at(engine_id, call);
    if (!seen) return fail(seen.error(), "update");
    const auto body = encode_update(options, seen->limits, machine_memory());
    if (!body) return fail(body.error(), "update");
    for (const auto& warning : body->warnings)
        spdlog::warn("update {}: {}", seen->container.engine_name, warning);
    auto asked = on_container("POST", engine_id, "/update");
    asked.body = body->json;
    const auto reply = expect(asked, call);
    if (!reply) return fail(reply.error(), "update");
    return {};
}

Result<> DockerRuntime::remove(const EngineId& engine_id, Call call) {
    const auto reply = expect(on_container("DELETE", engine_id, "?force=true&v=true"), call, 404);
    if (reply) return {};
    if (reply.error().code != Errc::Conflict) return fail(reply.error(), "remove");
    // somebody else is removing it right now: done when that is
    const auto gone = expect(on_container("POST", engine_id, "/wait?condition=removed"), call, 404);
    if (!gone) return fail(gone.error(), "remove");
    return {};
}

Result<Usage> DockerRuntime::stats(const EngineId& engine_id, Call call) {
    const auto reply = expect(on_container("GET", engine_id, "/stats?stream=false&one-shot=true"), call);
    if (!reply) return fail(reply.error(), "stats");
    return decode_stats(reply->body);
}

}  // namespace berth::runtime::docker
