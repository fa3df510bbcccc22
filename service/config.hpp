// Everything the daemon can be told, as one struct; defaults are the member initialisers (Berth's own set).
// Read by service/config_*.cpp; nothing else reads files, flags or the environment.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace berth::service {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

struct MqttConfig {
    std::string url{"tcp://localhost:1883"};
    std::string version{"auto"};  // auto 5 3.1.1
    std::string client_id{};      // empty: berth-<berth.name>; with a Kanto file a random UUID
    std::string username{};
    std::string password{};  // never logged, never dumped
    std::string ca_file{};   // needed with TLS: it replaces the system's authorities
    std::string cert_file{};
    std::string key_file{};
    milliseconds keep_alive{20s};
    milliseconds disconnect_timeout{250ms};
    milliseconds connect_timeout{30s};
    milliseconds ack_timeout{15s};
    milliseconds subscribe_timeout{15s};
    milliseconds unsubscribe_timeout{5s};
    milliseconds session_expiry{0s};

    bool operator==(const MqttConfig&) const = default;
};

struct RegistryConfig {  // credentials and TLS of one registry
    std::string host{};  // host[:port], exact
    std::string username{};
    std::string password{};
    std::string ca_file{};
    std::string cert_file{};
    std::string key_file{};
    bool insecure{};

    bool operator==(const RegistryConfig&) const = default;
};

struct RuntimeConfig {
    std::string type{"auto"};  // auto docker
    std::string address{};     // socket path; empty: the type's usual one
    std::string name_space{"berth"};
    std::string docker_api_version{"auto"};
    std::string docker_cgroup_parent{};
    bool no_new_privileges{true};
    bool prune_orphans{};

    bool operator==(const RuntimeConfig&) const = default;
};

struct BridgeConfig {
    std::string name{"berth0"};  // Docker network name and interface
    bool disable{};
    std::string ip4{};
    std::string fixed_cidr4{};
    std::string gateway4{};
    bool ipv6{};
    int mtu{1500};
    bool icc{true};
    bool ip_masq{true};
    milliseconds neighbour_retrans{20ms};

    bool operator==(const BridgeConfig&) const = default;
};

struct ImagesConfig {
    bool require_qualified{};
    std::vector<std::string> insecure_registries{"localhost"};
    std::int64_t reserve_bytes{256LL * 1024 * 1024};

    bool operator==(const ImagesConfig&) const = default;
};

enum class ApplyMode { Hybrid, Auto, Command };

struct UpdateAgentConfig {
    bool enabled{true};
    std::string domain{"containers"};
    std::vector<std::string> system_containers{};
    bool verbose_inventory{};
    ApplyMode apply_mode{ApplyMode::Hybrid};
    milliseconds standalone_grace{0s};
    int parallel{4};  // 1-16
    milliseconds feedback_interval{1s};
    milliseconds current_state_delay{5s};
    milliseconds abandon_after{45min};
    bool strict_config{};
    bool redact_env{true};

    bool operator==(const UpdateAgentConfig&) const = default;
};

struct ThingsConfig {  // the digital twin
    bool enabled{true};
    std::string home_dir{"/var/lib/berth"};  // of the file of known features
    std::vector<std::string> features{"ContainerFactory", "SoftwareUpdatable", "Metrics"};
    std::string topic_form{"namespace"};  // namespace tenant
    bool resync_on_repeat{};
    bool metrics_refresh{true};
    std::int64_t max_command_bytes{1024 * 1024};
    bool redact_env{true};
    std::string download_ca{};         // PEM bundle; empty: the system's
    milliseconds sync_pause{30'000};   // no option: the least between two full syncs that nobody asked for
    milliseconds repeat_pause{5'000};  // no option: the same of those that a repeated answer brings

    bool operator==(const ThingsConfig&) const = default;
};

struct MetricsConfig {
    std::string source{"auto"};            // auto kernel engine
    std::string textfile{};                // for a node exporter; empty: none
    int change{};                          // percent that a value has to move to be reported again; 0: none
    milliseconds textfile_period{15'000};  // no option: as often as it is usually scraped

    bool operator==(const MetricsConfig&) const = default;
};

struct LogConfigFile {
    std::string level{"INFO"};
    std::string file{};  // empty: standard output
    std::int64_t file_size{2LL * 1024 * 1024};
    int file_count{5};
    milliseconds file_max_age{672h};
    bool syslog{};

    bool operator==(const LogConfigFile&) const = default;
};

struct Config {
    std::string name{};  // berth.name; empty: filled with the host name
    MqttConfig mqtt{};
    std::string home_dir{"/var/lib/berth"};
    std::string run_dir{"/run/berth"};
    RuntimeConfig runtime{};
    milliseconds stop_timeout{30s};
    bool stop_on_exit{};
    BridgeConfig bridge{};
    ImagesConfig images{};
    std::vector<RegistryConfig> registries{};
    std::string secrets_dir{"/etc/berth/secrets"};
    std::vector<std::string> redact{"*PASSWORD*", "*TOKEN*", "*SECRET*", "*KEY*"};
    UpdateAgentConfig update_agent{};
    ThingsConfig things{};
    MetricsConfig metrics{};
    LogConfigFile log{};

    bool operator==(const Config&) const = default;
};

}  // namespace berth::service
