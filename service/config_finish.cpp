// What needs more than one value, the disk or the machine.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "service/config_rules.hpp"
#include "service/config_steps.hpp"
#include "service/ids.hpp"

namespace berth::service {

namespace {

bool others_can_read(const std::string& file) {
    struct stat status{};
    return ::stat(file.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

bool is_readable_file(const std::string& file) {
    struct stat status{};
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return false;
    const bool good = ::fstat(descriptor, &status) == 0 && !S_ISDIR(status.st_mode);
    ::close(descriptor);
    return good;
}

// Letters and digits of the host name; what a topic level cannot hold becomes '-'.
std::string device_name(std::string host) {
    if (host.empty()) {
        std::array<char, 256> buffer{};
        if (::gethostname(buffer.data(), buffer.size() - 1) == 0) host = buffer.data();
    }
    host = host.substr(0, 128);
    for (auto& c : host)
        if (!rules::device_name(Typed{std::string(1, c)}).empty()) c = '-';
    if (host.empty()) return "berth";
    return host == "site" ? "berth-site" : host;
}

class Finisher {
 public:
    Finisher(const Origins& origins, Loaded& loaded) : origins_(origins), loaded_(loaded) {}

    void mqtt_password(const std::vector<Written>& chosen) {
        auto& mqtt = loaded_.config.mqtt;
        const auto file = loaded_.given.find("mqtt.password_file");
        const auto flag = std::find_if(chosen.begin(), chosen.end(), [](const Written& w) {
            return w.match.option->key == "mqtt.password" && w.from_flag;
        });
        if (file != loaded_.given.end() && flag != chosen.end()) {
            loaded_.given.erase(file);  // a flag wins over the file, whichever of the two it names
        } else if (file != loaded_.given.end()) {
            const auto path = std::get<std::string>(file->second);
            if (!path.empty() && !mqtt.password.empty())
                return tell(Severity::Error, "mqtt.password_file",
                            "mqtt.password is set too; keep one of them");
            if (!path.empty())
                if (auto password = password_from(path, "mqtt.password_file", origin("mqtt.password_file"),
                                                  loaded_.problems))
                    mqtt.password = std::move(*password);
        }
        if (mqtt.username.empty() && !mqtt.password.empty())
            tell(Severity::Warning, "mqtt.password", "is not used without mqtt.username");
    }

    void tls_files(const std::vector<Written>& chosen) {
        const auto& mqtt = loaded_.config.mqtt;
        if (mqtt.cert_file.empty() != mqtt.key_file.empty())
            tell(Severity::Error, mqtt.cert_file.empty() ? "mqtt.tls.key_file" : "mqtt.tls.cert_file",
                 "mqtt.tls.cert_file and mqtt.tls.key_file need each other");
        const std::pair<const char*, const std::string&> files[] = {{"mqtt.tls.ca_file", mqtt.ca_file},
                                                                    {"mqtt.tls.cert_file", mqtt.cert_file},
                                                                    {"mqtt.tls.key_file", mqtt.key_file}};
        const bool tls = rules::is_tls(mqtt.url);
        // A refused URL left the default in its place, which nobody asked for.
        const bool refused = std::any_of(chosen.begin(), chosen.end(), [this](const Written& w) {
            return w.match.option->key == "mqtt.url" && !loaded_.given.contains("mqtt.url");
        });
        if (tls && mqtt.ca_file.empty())
            loaded_.problems.push_back({Severity::Error, origin("mqtt.url"), "mqtt.tls.ca_file",
                                        fmt::format("is needed for {}; the system's own roots are usually in "
                                                    "/etc/ssl/certs/ca-certificates.crt",
                                                    mqtt.url)});
        for (const auto& [key, file] : files) {
            if (file.empty() || refused) continue;
            if (!tls)
                tell(Severity::Warning, key, fmt::format("is not used: {} is without TLS", mqtt.url));
            else if (!is_readable_file(file))
                tell(Severity::Error, key, fmt::format("'{}' cannot be read", file));
        }
        if (tls && !mqtt.key_file.empty() && others_can_read(mqtt.key_file))
            tell(Severity::Warning, "mqtt.tls.key_file", "everybody on this device can read it");
    }

    void secrets_in_the_file(const std::vector<Written>& chosen) {
        for (const auto& written : chosen) {
            const auto* text = std::get_if<std::string>(&written.value);
            if (!written.match.option->secret || written.from_flag || !text || text->empty()) continue;
            if (!others_can_read(written.origin.file)) return;
            loaded_.problems.push_back({Severity::Warning, written.origin, written.key,
                                        "everybody on this device can read this file and the secret in it"});
        }
    }

    void log_targets() {
        if (loaded_.config.log.syslog && !loaded_.config.log.file.empty())
            tell(Severity::Warning, "log.syslog", "is not used, since log.file is set");
    }

    void stop_on_exit() {
        constexpr std::chrono::seconds kBesideTimeout{20};
        const auto& config = loaded_.config;
        if (!config.stop_on_exit) return;
        const auto wait = std::chrono::ceil<std::chrono::seconds>(config.stop_timeout) + kBesideTimeout;
        tell(Severity::Note, "lifecycle.stop_on_exit",
             fmt::format("the service manager has to wait for it: TimeoutStopSec={} in the unit",
                         wait.count()));
    }

    // Off by default with a Kanto file, and then no desired state is heard: better known before it is on all
    // the devices.
    void update_agent(const std::vector<Written>& chosen) {
        if (loaded_.config.update_agent.enabled) return;
        const std::string key = "update_agent.enabled";
        const auto written = std::find_if(chosen.begin(), chosen.end(),
                                          [&](const Written& w) { return w.match.option->key == key; });
        const bool is_given = written != chosen.end();
        loaded_.problems.push_back({Severity::Note, origin(key), is_given ? written->key : key,
                                    fmt::format("the update agent is off{}: desired states are not obeyed",
                                                is_given ? "" : ", the default of a Kanto file")});
    }

    void names(const std::string& host) {
        auto& config = loaded_.config;
        if (!loaded_.given.contains("things.home_dir") && loaded_.given.contains("storage.home_dir"))
            config.things.home_dir = config.home_dir;
        if (config.name.empty()) config.name = device_name(host);
        if (config.mqtt.client_id.empty())
            config.mqtt.client_id = loaded_.kanto ? random_uuid() : "berth-" + config.name;
        if (config.runtime.address.starts_with("unix://")) config.runtime.address.erase(0, 7);
    }

 private:
    Origin origin(const std::string& key) const {
        const auto at = origins_.find(key);
        return at == origins_.end() ? Origin{loaded_.file, 0} : at->second;
    }

    void tell(Severity severity, const std::string& key, std::string reason) {
        auto at = origin(key);
        const bool names_it = at.file.starts_with("--");  // a flag
        loaded_.problems.push_back({severity, std::move(at), names_it ? "" : key, std::move(reason)});
    }

    const Origins& origins_;
    Loaded& loaded_;
};

}  // namespace

std::optional<std::string> password_from(const std::string& file, const std::string& key,
                                         const Origin& origin, Problems& problems) {
    auto text = read_text(file);
    if (!text) {
        problems.push_back(
            {Severity::Error, origin, key, fmt::format("'{}' {}", file, text.error().message)});
        return {};
    }
    auto line = text->substr(0, text->find_first_of("\r\n"));
    if (line.empty()) {
        problems.push_back(
            {Severity::Error, origin, key, fmt::format("the first line of '{}' is empty", file)});
        return {};
    }
    if (others_can_read(file))
        problems.push_back(
            {Severity::Warning, origin, key, fmt::format("everybody on this device can read '{}'", file)});
    return line;
}

void finish(const Request& request, const std::vector<Written>& chosen, const Origins& origins,
            Loaded& loaded) {
    Finisher finisher(origins, loaded);
    finisher.mqtt_password(chosen);
    finisher.tls_files(chosen);
    finisher.secrets_in_the_file(chosen);
    finisher.log_targets();
    finisher.stop_on_exit();
    finisher.update_agent(chosen);
    finisher.names(request.host_name);
}

}  // namespace berth::service
