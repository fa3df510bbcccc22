// Registries: one table each in Berth's spelling, one member per host in Kanto's.
#include <algorithm>

#include <fmt/format.h>

#include "service/config_steps.hpp"

namespace berth::service {

namespace {

struct Draft {
    RegistryConfig registry{};
    bool has_host{};
    bool kanto{};
    std::string password_file{};
    Origin origin{};
    std::string key{};  // "registry.0" or "containers.registry_configurations.ghcr.io"
};

bool is_host(const std::string& host) {
    return !host.empty() && host.find_first_of("/@ \t?#") == std::string::npos;
}

void fill(Draft& draft, const Written& written) {
    const auto& option = *written.match.option;
    const auto typed = understand(option, written.value, written.lenient);
    if (!typed) return;  // reported when all values were applied
    const auto text = std::get_if<std::string>(&*typed);
    auto& registry = draft.registry;
    if (option.key == "registry.*.host") {
        registry.host = *text;
        draft.has_host = true;
    }
    if (option.key == "registry.*.username") registry.username = *text;
    if (option.key == "registry.*.password") registry.password = *text;
    if (option.key == "registry.*.password_file") draft.password_file = *text;
    if (option.key == "registry.*.insecure") registry.insecure = std::get<bool>(*typed);
}

std::vector<Draft> drafts_of(const std::vector<Written>& chosen) {
    std::vector<std::pair<std::string, Draft>> drafts;
    for (const auto& written : chosen) {
        if (!written.match.option->key.starts_with("registry.")) continue;
        const bool kanto = written.match.kanto_spelling;
        const auto id = (kanto ? "kanto " : "berth ") + written.match.captures[0];
        auto at = std::find_if(drafts.begin(), drafts.end(), [&](const auto& d) { return d.first == id; });
        if (at == drafts.end()) {
            Draft draft{.kanto = kanto, .origin = written.origin};
            draft.key = kanto ? "containers.registry_configurations" : "registry";
            if (kanto) draft.registry.host = written.match.captures[0];
            draft.has_host = kanto;
            at = drafts.insert(drafts.end(), {id, draft});
        }
        fill(at->second, written);
    }
    std::vector<Draft> plain;
    for (auto& [id, draft] : drafts)
        plain.push_back(std::move(draft));
    return plain;
}

class Registries {
 public:
    explicit Registries(Loaded& loaded) : loaded_(loaded) {}

    void add(Draft draft) {
        auto& registry = draft.registry;
        if (!draft.has_host) return tell(Severity::Error, draft, "host is missing");
        if (registry.host.empty())
            return tell(Severity::Warning, draft, "a registry without a host is left out");
        if (!is_host(registry.host))
            return tell(Severity::Error, draft, fmt::format("'{}' is not host[:port]", registry.host));
        if (!is_first(draft)) return;
        read_password(draft);
        if (registry.username.empty() && !registry.password.empty())
            tell(Severity::Warning, draft, fmt::format("{} has a password and no username", registry.host));
        if (registry.insecure) list_as_insecure(registry.host);
        if (!draft.password_file.empty()) loaded_.password_files[registry.host] = draft.password_file;
        loaded_.config.registries.push_back(std::move(registry));
    }

 private:
    // Berth's own come first, so what is met twice is Kanto's, or a slip.
    bool is_first(const Draft& draft) {
        const auto& known = loaded_.config.registries;
        const auto& host = draft.registry.host;
        if (std::none_of(known.begin(), known.end(), [&](const auto& r) { return r.host == host; }))
            return true;
        if (draft.kanto)
            tell(Severity::Warning, draft, fmt::format("{} is in [[registry]] too, which counts", host));
        else
            tell(Severity::Error, draft, fmt::format("{} is there twice", host));
        return false;
    }

    void read_password(Draft& draft) {
        if (draft.password_file.empty()) return;
        if (!draft.registry.password.empty())
            return tell(Severity::Error, draft,
                        fmt::format("{} has both password and password_file", draft.registry.host));
        const auto key = draft.key + ".password_file";
        if (auto password = password_from(draft.password_file, key, draft.origin, loaded_.problems))
            draft.registry.password = std::move(*password);
    }

    void list_as_insecure(const std::string& host) {
        auto& list = loaded_.config.images.insecure_registries;
        if (std::find(list.begin(), list.end(), host) == list.end()) list.push_back(host);
    }

    void tell(Severity severity, const Draft& draft, std::string reason) {
        loaded_.problems.push_back({severity, draft.origin, draft.key, std::move(reason)});
    }

    Loaded& loaded_;
};

}  // namespace

void apply_registries(const std::vector<Written>& chosen, Loaded& loaded) {
    auto drafts = drafts_of(chosen);
    std::stable_partition(drafts.begin(), drafts.end(), [](const Draft& draft) { return !draft.kanto; });
    Registries registries(loaded);
    for (auto& draft : drafts)
        registries.add(std::move(draft));
}

}  // namespace berth::service
