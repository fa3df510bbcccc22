#include "runtime/docker/pull.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "protocol/forms.hpp"
#include "runtime/docker/errors.hpp"
#include "runtime/docker/fields.hpp"

namespace berth::runtime::docker {
namespace {

// The engine decodes the URL-safe alphabet, with padding.
std::string base64_url(const std::string& bytes) {
    std::string encoded(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int length =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    encoded.resize(static_cast<std::size_t>(length));
    std::ranges::replace(encoded, '+', '-');
    std::ranges::replace(encoded, '/', '_');
    return encoded;
}

std::string server_address(const std::string& host) {
    return host == "docker.io" ? "https://index.docker.io/v1/" : host;
}

}  // namespace

PullStream::PullStream(std::function<void(const Progress&)> report) : report_(std::move(report)) {}

Result<> PullStream::on_line(std::string_view line) {
    const auto said = json::parse(line, nullptr, false);
    if (!said.is_object()) return fail(Errc::Internal, "the engine's pull stream is no JSON");
    auto error = text(member(said, "errorDetail"), "message");
    if (error.empty()) error = text(said, "error");
    if (!error.empty()) return to_error(500, error);

    const auto status = text(said, "status");
    const auto id = text(said, "id");
    if (status == "Downloading") {
        const auto& detail = member(said, "progressDetail");
        auto& layer = layers_[id];
        layer.current = std::max(layer.current, number(detail, "current"));
        layer.total = std::max({layer.total, layer.current, number(detail, "total")});
        report();
    } else if (status == "Download complete" || status == "Pull complete") {
        if (const auto found = layers_.find(id); found != layers_.end())
            found->second.current = found->second.total;
        report();
    }
    return {};
}

void PullStream::report() {
    Progress now;
    for (const auto& [id, layer] : layers_) {
        now.current_bytes += layer.current;
        now.total_bytes += layer.total;
    }
    const bool news = now.current_bytes != told_.current_bytes || now.total_bytes != told_.total_bytes;
    told_ = now;
    if (news && report_) report_(now);
}

std::string registry_auth(std::string_view reference, const std::vector<RegistryLogin>& logins) {
    const auto host = registry_of(reference);
    const auto found = std::ranges::find(logins, host, &RegistryLogin::host);
    if (found == logins.end() || found->username.empty()) return {};
    const json login = {{"username", found->username},
                        {"password", found->password},
                        {"serveraddress", server_address(host)}};
    return base64_url(login.dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace berth::runtime::docker
