#include <fmt/format.h>

#include "runtime/docker/docker_runtime.hpp"
#include "runtime/docker/errors.hpp"
#include "runtime/docker/pull.hpp"
#include "runtime/docker/reference.hpp"

namespace berth::runtime::docker {
namespace {

constexpr std::chrono::seconds kPullIdle{120};

}  // namespace

Result<bool> DockerRuntime::image_present(const std::string& reference, Call call) {
    if (auto checked = check_reference(reference); !checked) return checked.error();
    const auto reply = expect(request("GET", fmt::format("/images/{}/json", reference)), call, 404);
    if (!reply) return fail(reply.error(), fmt::format("image {}", reference));
    return reply->ok();
}

Result<> DockerRuntime::pull(const std::string& reference, Call call) {
    const auto doing = fmt::format("image {}", reference);
    if (auto checked = check_reference(reference); !checked) return checked;
    auto asked = request("POST", "/images/create?fromImage=" + url_escape(with_tag(reference)));
    asked.idle = kPullIdle;
    if (const auto login = registry_auth(reference, *registries_.load()); !login.empty())
        asked.headers.push_back("X-Registry-Auth: " + login);

    PullStream progress(call.progress);
    const auto on_line = [&](std::string_view line) { return progress.on_line(line); };
    const auto reply = http_.stream(asked, {.opened = {}, .line = on_line}, call);
    if (!reply) return fail(reply.error(), doing);
    if (!reply->ok()) return fail(to_error(reply->status, reply->body), doing);
    return {};
}

}  // namespace berth::runtime::docker
