#include "runtime/docker/docker_runtime.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "protocol/document.hpp"
#include "runtime/docker/api_version.hpp"
#include "runtime/docker/encode.hpp"
#include "runtime/docker/errors.hpp"
#include "runtime/docker/held.hpp"
#include "runtime/docker/insecure.hpp"
#include "runtime/docker/machine.hpp"

namespace berth::runtime::docker {

DockerRuntime::DockerRuntime(DockerOptions options)
    : options_(std::move(options)),
      registries_(std::make_shared<const std::vector<RegistryLogin>>(options_.registries)),
      http_(options_.socket),
      api_minor_(kOldestApi.minor) {}

void DockerRuntime::set_registries(std::vector<RegistryLogin> registries) {
    registries_ = std::make_shared<const std::vector<RegistryLogin>>(std::move(registries));
}

Request DockerRuntime::request(std::string_view method, std::string_view path, std::string body) const {
    return {.method = std::string(method),
            .target = fmt::format("/v1.{}{}", api_minor_.load(), path),
            .body = std::move(body),
            .headers = {},
            .idle = {}};
}

Request DockerRuntime::on_container(std::string_view method, const EngineId& engine_id,
                                    std::string_view suffix) const {
    // an empty id would name another endpoint
    return request(method,
                   fmt::format("/containers/{}{}", engine_id.empty() ? "-" : url_escape(engine_id), suffix));
}

Result<Reply> DockerRuntime::expect(const Request& request, const Call& call, int also_fine) const {
    auto reply = http_.send(request, call);
    if (!reply || reply->ok() || reply->status == also_fine) return reply;
    return to_error(reply->status, reply->body);
}

Result<EngineInfo> DockerRuntime::connect(Call call) {
    const auto ping = expect({.method = "GET", .target = "/_ping"}, call);
    if (!ping) return fail(ping.error(), "connect");
    const auto version = choose_api_version(options_.api_version, ping->api_version);
    if (!version) return fail(version.error(), "connect");
    api_minor_ = version->minor;

    const auto about = expect(request("GET", "/version"), call);
    if (!about)
        return fail(about.error(),
                    fmt::format("connect: API version {} is refused by an engine of version {}",
                                to_string(*version), ping->api_version));
    const auto engine = decode_engine_version(about->body);
    if (!engine) return fail(engine.error(), "connect");
    auto platform = decode_platform(about->body);
    platform.variant = machine_variant();  // the engine is on this machine, and does not tell
    platform_ = std::make_shared<const Platform>(std::move(platform));
    if (!options_.bridge.disable) {
        if (auto network = ensure_network(call); !network) return fail(network.error(), "connect");
        sweep_apart(call);
    }
    compare_insecure_registries(call);
    return EngineInfo{.name = fmt::format("Docker Engine {}", *engine), .api_version = to_string(*version)};
}

// The engine alone decides this. Nothing is worth a failed connect here: its pulls will tell.
void DockerRuntime::compare_insecure_registries(const Call& call) const {
    const auto& wanted = options_.insecure_registries;
    if (std::ranges::all_of(wanted, is_insecure_anyway)) return;
    const auto info = expect(request("GET", "/info"), call);
    const auto refused = info ? refused_insecure(wanted, info->body) : info.error();
    if (!refused) {
        spdlog::warn("insecure registries not compared with the engine's: {}", refused.error().message);
    } else if (!refused->empty()) {
        spdlog::warn(
            "the engine insists on TLS with {}: add \"insecure-registries\": [\"{}\"] to its "
            "daemon.json (/etc/docker) and reload it",
            fmt::join(*refused, ", "), fmt::join(*refused, "\", \""));
    }
}

// A network that is there is used as it is: remaking it would cut off whoever is on it.
Result<> DockerRuntime::ensure_network(const Call& call) const {
    const auto& name = options_.bridge.name;
    const auto there = http_.send(request("GET", "/networks/" + url_escape(name)), call);
    if (!there) return there.error();
    if (there->ok()) return {};
    if (there->status != 404) return to_error(there->status, there->body);
    auto body = encode_network(options_.bridge, options_.name_space);
    if (!body) return body.error();
    const auto made = expect(request("POST", "/networks/create", *std::move(body)), call, 409);
    if (!made) return fail(made.error(), fmt::format("network {}", name));
    if (made->ok()) spdlog::info("network '{}' made", name);
    return {};
}

Result<std::string> DockerRuntime::gateway(const Call& call) {
    const auto reply =
        expect_on_bridge(request("GET", "/networks/" + url_escape(options_.bridge.name)), call);
    if (!reply) return fail(reply.error(), fmt::format("network {}", options_.bridge.name));
    return decode_gateway(reply->body);
}

Result<std::vector<Container>> DockerRuntime::list(Call call) {
    const auto filters = url_escape(encode_filters(options_.name_space));
    const auto reply = expect(request("GET", "/containers/json?all=1&filters=" + filters), call);
    if (!reply) return fail(reply.error(), "list");
    return decode_list(reply->body);
}

Result<Inspected> DockerRuntime::look_at(const EngineId& engine_id, const Call& call) const {
    const auto reply = expect(on_container("GET", engine_id, "/json"), call);
    if (!reply) return reply.error();
    return decode_inspect(reply->body);
}

Result<Container> DockerRuntime::inspect(const EngineId& engine_id, Call call) {
    auto found = look_at(engine_id, call);
    if (!found) return fail(found.error(), "inspect");
    return std::move(found->container);
}

Result<ContainerSpec> DockerRuntime::read_back(const EngineId& engine_id, const ContainerSpec& asked,
                                               Call call) {
    const auto reply = expect(on_container("GET", engine_id, "/json"), call);
    if (!reply) return fail(reply.error(), "read back");
    auto held = held_by_engine(asked, reply->body, options_, machine_memory());
    if (!held) return fail(held.error(), "read back");
    return held;
}

Result<std::optional<EngineId>> DockerRuntime::find(const ContainerId& id, Call call) {
    const auto filters = url_escape(encode_filters(options_.name_space, id));
    const auto reply = expect(request("GET", "/containers/json?all=1&filters=" + filters), call);
    if (!reply) return fail(reply.error(), "find");
    const auto found = decode_list(reply->body);
    if (!found) return found.error();
    if (found->empty()) return std::optional<EngineId>{};
    return std::optional(found->front().engine_id);
}

Result<EngineId> DockerRuntime::create(const ContainerSpec& spec, CreateOptions options, Call call) {
    const auto doing = fmt::format("create {}", spec.name);
    auto there = find(spec.id, call);  // made before a crash, or by an answer that got lost
    if (!there) return fail(there.error(), doing);
    if (*there) return **there;

    Surroundings around{.document = encode_document(spec),
                        .replaces = options.replaces,
                        .gateway = {},
                        .address_of = interface_address};
    if (needs_gateway(spec) && !options_.bridge.disable) {
        auto address = gateway(call);
        if (!address) return fail(address.error(), doing);
        around.gateway = *std::move(address);
    }
    ContainerSpec asked = spec;
    asked.env = options.env.value_or(spec.env);
    const auto body = encode_create(asked, options_, around);
    if (!body) return fail(body.error(), doing);
    for (const auto& warning : body->warnings)
        spdlog::warn("{}: {}", doing, warning);

    const auto name = options.engine_name.empty() ? plain_name(spec) : options.engine_name;
    auto made = create_named(name, body->json, call);
    if (!made && made.error().code == Errc::Conflict) {  // made meanwhile by another call, or somebody else's
        there = find(spec.id, call);
        if (!there) return fail(there.error(), doing);
        if (*there) return **there;
        const auto other_name = fmt::format("{}-{}", name, id8(spec.id));
        spdlog::warn("the engine's name '{}' is taken, '{}' is used", name, other_name);
        made = create_named(other_name, body->json, call);
    }
    if (!made && made.error().code == Errc::NotFound)
        return fail(fail(Errc::NotFound, fmt::format("image {}: not found", spec.image)), doing);
    if (!made) return fail(made.error(), doing);
    return made;
}

Result<EngineId> DockerRuntime::create_named(const std::string& name, const std::string& body,
                                             const Call& call) const {
    const auto reply = expect(request("POST", "/containers/create?name=" + url_escape(name), body), call);
    if (!reply) return reply.error();
    return decode_id(reply->body);
}

Result<> DockerRuntime::watch(const std::function<void()>& subscribed,
                              const std::function<void(EngineEvent)>& deliver, Call call) {
    const auto filters = url_escape(encode_event_filters(options_.name_space));
    const auto on_line = [&](std::string_view line) -> Result<> {
        auto event = decode_event(line);
        if (!event) return event.error();
        if (*event) deliver(**std::move(event));
        return {};
    };
    // An event carries all labels of its container; without this one such container ends every stream.
    const auto on_skipped = [told = false]() mutable {
        if (!std::exchange(told, true))
            spdlog::warn(
                "the engine tells of a container with labels of more than 1 MiB: such events are lost");
    };
    const auto reply = http_.stream(request("GET", "/events?filters=" + filters),
                                    {.opened = subscribed, .line = on_line, .skipped = on_skipped}, call);
    if (!reply) return fail(reply.error(), "events");
    if (!reply->ok()) return fail(to_error(reply->status, reply->body), "events");
    return fail(Errc::Unavailable, "events: the engine ended the stream");
}

}  // namespace berth::runtime::docker
