#include "runtime/docker/registry.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace berth::runtime::docker {
namespace {

// Everything that decode_manifest reads; a registry picks what it has.
constexpr auto kKinds =
    "Accept: application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, */*";

std::string server_of(const std::string& registry) {
    return registry == "docker.io" ? "registry-1.docker.io" : registry;
}

bool has_tls(std::string_view url) {
    return url.starts_with("https://");
}

Error not_given(int status) {
    const auto message = fmt::format("its registry answers with status {}", status);
    switch (status) {
        case 401:
        case 403: return fail(Errc::Forbidden, message);
        case 404: return fail(Errc::NotFound, message);
        case 429: return fail(Errc::Unavailable, message);
        default: return fail(status >= 500 ? Errc::Unavailable : Errc::Unsupported, message);
    }
}

}  // namespace

Registry::Registry(ImageName image, const std::vector<RegistryLogin>& logins, Trust trust)
    : image_(std::move(image)), trust_(trust) {
    const auto found = std::ranges::find(logins, image_.registry, &RegistryLogin::host);
    if (found != logins.end()) login_ = *found;
}

Result<Manifest> Registry::manifest(const Platform& platform, const Call& call) {
    auto version = image_.version;
    for (const bool of_index : {false, true}) {
        const auto text = fetch("manifests/" + version, call);
        if (!text) return text.error();
        auto said = decode_manifest(*text, platform);
        if (!said) return said.error();
        if (auto* manifest = std::get_if<Manifest>(&*said)) return std::move(*manifest);
        if (of_index) break;
        version = std::get<Elsewhere>(*said).digest;
    }
    return fail(Errc::Unsupported, "an index inside an index");
}

Result<std::vector<std::string>> Registry::diff_ids(const Manifest& manifest, const Call& call) {
    const auto configuration = fetch("blobs/" + manifest.config, call);
    if (!configuration) return configuration.error();
    return decode_diff_ids(*configuration);
}

Result<std::string> Registry::fetch(const std::string& path, const Call& call) {
    auto reply = ask(path, call);
    const bool knows_us = shows_login_ || !token_.empty();
    if (reply && reply->status == 401 && !knows_us) {
        if (scheme_ == "http" && has_tls(reply->url))
            return fail(Errc::Forbidden, "it wants a login by HTTPS, and is asked by HTTP");
        if (auto logged_in = log_in(reply->challenges, call); !logged_in) return logged_in.error();
        reply = ask(path, call);
    }
    if (!reply) return reply.error();
    if (reply->status != 200) return not_given(reply->status);
    return std::move(reply->body);
}

// Without TLS only where that is allowed and nobody speaks it, as a login would follow.
Result<WebReply> Registry::ask(const std::string& path, const Call& call) {
    auto reply = web_.get(request_of(path), call);
    heard_ = heard_ || web_.was_heard();
    const bool refused = !reply && reply.error().code == Errc::Unavailable;
    const bool other_way = trust_ == Trust::Blind && scheme_ == "https" && !heard_ && refused;
    if (!other_way) return reply;
    scheme_ = "http";
    return web_.get(request_of(path), call);
}

WebRequest Registry::request_of(const std::string& path) const {
    WebRequest request{};
    request.url =
        fmt::format("{}://{}/v2/{}/{}", scheme_, server_of(image_.registry), image_.repository, path);
    request.trust = trust_;
    request.headers = {kKinds};
    if (!token_.empty()) request.headers.push_back("Authorization: Bearer " + token_);
    if (!shows_login_) return request;
    request.username = login_.username;
    request.password = login_.password;
    return request;
}

Result<> Registry::log_in(const std::vector<std::string>& challenges, const Call& call) {
    for (const auto& text : challenges) {
        auto challenge = parse_challenge(text);
        if (!challenge) continue;
        if (challenge->scheme == Challenge::Scheme::Bearer) return get_token(*std::move(challenge), call);
        if (login_.username.empty()) continue;
        shows_login_ = true;
        return {};
    }
    return fail(Errc::Forbidden, "its registry wants a login");
}

// The token's service is whoever the registry says; it gets the login, so over TLS if the registry is spoken
// to so.
Result<> Registry::get_token(Challenge challenge, const Call& call) {
    if (challenge.scope.empty()) challenge.scope = fmt::format("repository:{}:pull", image_.repository);
    WebRequest request{};
    request.url = token_url(challenge);
    request.trust = trust_;
    request.username = login_.username;
    request.password = login_.password;
    if (scheme_ == "https" && !has_tls(request.url) && !login_.username.empty())
        return fail(Errc::Forbidden, "its token service wants the login without TLS");
    const auto reply = web_.get(request, call);
    if (!reply) return fail(reply.error(), "token");
    if (reply->status != 200) return fail(not_given(reply->status), "token");
    auto token = decode_token(reply->body);
    if (!token) return token.error();
    token_ = *std::move(token);
    return {};
}

}  // namespace berth::runtime::docker
