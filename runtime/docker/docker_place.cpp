// Where a container can be reached. The engine gives every container on Berth's bridge its host name as an
// alias, asked for or not, from the moment in which its interface is made, and takes it away with that
// interface only. So an instance that must not answer yet starts on a network of its own, and one that must
// not answer any more leaves the bridge: an alias alone cannot be given to what runs, or taken from it.
#include <spdlog/spdlog.h>

#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "runtime/docker/decode.hpp"
#include "runtime/docker/docker_runtime.hpp"
#include "runtime/docker/encode.hpp"
#include "runtime/docker/errors.hpp"

namespace berth::runtime::docker {
namespace {

std::string at_network(const std::string& name, std::string_view suffix = {}) {
    return fmt::format("/networks/{}{}", url_escape(name), suffix);
}

}  // namespace

Result<> DockerRuntime::move_to(const EngineId& engine_id, const ContainerSpec& spec, Place place,
                                Call call) {
    if (spec.network == "host") return {};
    const auto doing = fmt::format("network of {}", spec.name);
    const auto seen = look_at(engine_id, call);
    if (!seen) {
        // Of one that somebody has removed its network is still there.
        if (place == Place::Nowhere && seen.error().code == Errc::NotFound)
            remove_network(apart_network(options_.bridge, spec.id), call);
        return fail(seen.error(), doing);
    }
    if (place == Place::Apart) {
        if (auto done = set_apart(*seen, spec, call); !done) return fail(done.error(), doing);
        return {};
    }
    const auto& bridge = options_.bridge.name;
    const bool is_there = seen->networks.contains(bridge);
    // First the new place, so that what runs is never without any.
    if (place == Place::Shared && !is_there) {
        const auto body = encode_member(engine_id, spec);
        const auto joined = expect_on_bridge(request("POST", at_network(bridge, "/connect"), body), call);
        if (!joined) return fail(joined.error(), doing);
    }
    if (place == Place::Nowhere && is_there)
        if (auto done = leave(engine_id, bridge, call); !done) return fail(done.error(), doing);
    const auto apart = apart_network(options_.bridge, spec.id);
    Result<> left;
    if (seen->networks.contains(apart)) left = leave(engine_id, apart, call);
    remove_network(apart, call);  // also where a former call got only as far as leaving it
    if (!left) return fail(left.error(), doing);
    return {};
}

// What a call that failed, or Berth's end, has left. Nothing is worth a failed connect here: the next one
// tries again. In the middle of set_apart nobody is on a network that is needed: one that is claimed stays.
void DockerRuntime::sweep_apart(const Call& call) {
    const auto filters = url_escape(encode_filters(options_.name_space));
    const auto reply = expect(request("GET", "/networks?filters=" + filters), call);
    const auto names = reply ? decode_network_names(reply->body) : reply.error();
    if (!names) return spdlog::warn("left networks not looked for: {}", names.error().message);
    for (const auto& name : *names) {
        if (!is_apart_network(options_.bridge, name) || !claim_if_free(name)) continue;
        if (is_unused(name, call)) {
            spdlog::info("network '{}' was left behind: no container needs it any more", name);
            remove_network(name, call);
        }
        release_network(name);
    }
}

bool DockerRuntime::claim_if_free(const std::string& name) {
    const std::lock_guard lock(claims_mutex_);
    return claimed_.insert(name).second;
}

Result<> DockerRuntime::claim_network(const std::string& name, const Call& call) {
    std::unique_lock lock(claims_mutex_);
    const auto claim = [&] { return claimed_.insert(name).second; };
    if (released_.wait_until(lock, call.stop, call.deadline, claim)) return {};
    if (call.stop.stop_requested()) return fail(Errc::Interrupted, "interrupted");
    return fail(Errc::Timeout, "the engine took too long");
}

void DockerRuntime::release_network(const std::string& name) {
    {
        const std::lock_guard lock(claims_mutex_);
        claimed_.erase(name);
    }
    released_.notify_all();
}

// Also of a container that does not run the engine notes where it will start.
bool DockerRuntime::is_unused(const std::string& network, const Call& call) const {
    const auto filters = url_escape(encode_network_filter(network));
    const auto reply = expect(request("GET", "/containers/json?all=1&filters=" + filters), call);
    const auto members = reply ? decode_list(reply->body) : reply.error();
    return members && members->empty();
}

void DockerRuntime::remove_network(const std::string& name, const Call& call) const {
    if (const auto gone = expect(request("DELETE", at_network(name)), call, 404); !gone)
        spdlog::warn("network '{}' is left behind: {}", name, gone.error().message);
}

// Whoever tidies up the engine takes the bridge along while nothing runs on it.
Result<> DockerRuntime::make_bridge_again(const Call& call) {
    const auto& bridge = options_.bridge.name;
    if (options_.bridge.disable) return fail(Errc::Unsupported, "no bridge is made here");
    if (auto claimed = claim_network(bridge, call); !claimed) return claimed;
    auto there = ensure_network(call);
    release_network(bridge);
    return there;
}

Result<Reply> DockerRuntime::expect_on_bridge(const Request& request, const Call& call) {
    auto reply = expect(request, call);
    if (reply || !is_network_gone(reply.error()) || !make_bridge_again(call)) return reply;
    return expect(request, call);
}

// Who was on it notes that one, and is found a place on no other of its name.
Result<> DockerRuntime::come_back_to_bridge(const EngineId& engine_id, const Call& call) {
    if (auto there = make_bridge_again(call); !there) return there;
    const auto seen = look_at(engine_id, call);
    if (!seen) return seen.error();
    const auto& bridge = options_.bridge.name;
    // Engine 26 starts nothing apart either while the network that it was made for is not there.
    if (!seen->networks.contains(bridge)) return {};
    // Of one whose document is lost the names are not known.
    const auto& spec = seen->container.spec;
    const auto body = spec.name.empty() ? encode_member(engine_id) : encode_member(engine_id, spec);
    // It is never without a network, as it would start without one: what it notes of the old one is replaced.
    const auto joined = expect(request("POST", at_network(bridge, "/connect"), body), call);
    if (!joined) return joined.error();
    return {};
}

// Of one that does not run only the engine's notes change: it will start there.
Result<> DockerRuntime::set_apart(const Inspected& seen, const ContainerSpec& spec, const Call& call) {
    if (seen.container.is_up()) return {};
    const auto apart = apart_network(options_.bridge, spec.id);
    if (auto claimed = claim_network(apart, call); !claimed) return claimed;
    auto joined = join_apart(seen, spec, apart, call);
    release_network(apart);
    return joined;
}

Result<> DockerRuntime::join_apart(const Inspected& seen, const ContainerSpec& spec, const std::string& apart,
                                   const Call& call) const {
    const auto& engine_id = seen.container.engine_id;
    // The note may be of a network of that name that somebody has removed since.
    if (seen.networks.contains(apart))
        if (auto left = leave(engine_id, apart, call); !left) return left;
    auto body = encode_apart_network(options_.bridge, spec.id, options_.name_space);
    const auto made = expect(request("POST", "/networks/create", std::move(body)), call, 409);
    if (!made) return made.error();
    const auto joined =
        expect(request("POST", at_network(apart, "/connect"), encode_member(engine_id)), call);
    if (!joined) return joined.error();
    if (!seen.networks.contains(options_.bridge.name)) return {};
    return leave(engine_id, options_.bridge.name, call);
}

Result<> DockerRuntime::leave(const EngineId& engine_id, const std::string& network, const Call& call) const {
    const auto left =
        expect(request("POST", at_network(network, "/disconnect"), encode_member(engine_id)), call, 404);
    // An instance that ends has left already, while the engine still notes the network: it says so with 500.
    if (!left && left.error().message.find("is not connected to") == std::string::npos) return left.error();
    return {};
}

}  // namespace berth::runtime::docker
