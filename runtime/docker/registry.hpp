// One image in its registry: manifest and configuration, over the registry's HTTP interface. Logs in if it is
// asked to, with what it was given. Fetches no layer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"
#include "runtime/docker/challenge.hpp"
#include "runtime/docker/manifest.hpp"
#include "runtime/docker/options.hpp"
#include "runtime/docker/reference.hpp"
#include "runtime/docker/web.hpp"
#include "runtime/runtime.hpp"

namespace berth::runtime::docker {

class Registry {
 public:
    // Of `logins` the one for this registry is used, if there is one. Blind: by HTTPS, and by HTTP
    // if nobody there speaks that.
    Registry(ImageName image, const std::vector<RegistryLogin>& logins, Trust trust);

    // NotFound: no such image, or not for this platform; Forbidden: it needs a login that we have not got;
    // Unavailable, Timeout, Interrupted, TooLarge: see Web; Unsupported: not what a registry says.
    Result<Manifest> manifest(const Platform& platform, const Call& call);
    Result<std::vector<std::string>> diff_ids(const Manifest& manifest, const Call& call);

 private:
    Result<std::string> fetch(const std::string& path, const Call& call);
    Result<WebReply> ask(const std::string& path, const Call& call);
    Result<> log_in(const std::vector<std::string>& challenges, const Call& call);
    Result<> get_token(Challenge challenge, const Call& call);
    WebRequest request_of(const std::string& path) const;

    ImageName image_;
    RegistryLogin login_{};
    Trust trust_;
    std::string scheme_{"https"};
    bool heard_{false};        // it has answered by this scheme
    bool shows_login_{false};  // Basic
    std::string token_{};      // Bearer
    Web web_{};
};

}  // namespace berth::runtime::docker
