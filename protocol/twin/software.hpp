// The words of the feature SoftwareUpdatable.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/result.hpp"

namespace berth::twin {

struct Module {
    std::string name{};
    std::string version{};
    bool operator==(const Module&) const = default;
};

struct Checksums {  // as sent: hex digits, empty: none
    std::string md5{};
    std::string sha1{};
    std::string sha256{};
    std::string other{};  // the name of one of another kind; only where there is none of these
    bool operator==(const Checksums&) const = default;
};

struct Artifact {
    std::string filename{};
    std::string url{};  // of HTTP, else of HTTPS; empty: neither
    Checksums checksums{};
    bool operator==(const Artifact&) const = default;
};

struct InstallModule {
    Module module{};
    std::vector<Artifact> artifacts{};
    bool operator==(const InstallModule&) const = default;
};

struct Install {
    std::string correlation_id{};
    std::vector<InstallModule> modules{};
    bool operator==(const Install&) const = default;
};

struct Dependency {
    std::string group{};
    std::string name{};  // the container's id
    std::string version{};
    std::string type{};
    bool operator==(const Dependency&) const = default;
};

struct RemoveSoftware {
    std::string correlation_id{};
    std::vector<Dependency> software{};
    bool forced{};  // go on after a failure
    bool operator==(const RemoveSoftware&) const = default;
};

inline constexpr std::size_t kMostSoftware = 1024;  // modules, artifacts of one, containers to remove

// Invalid: cannot be read, nothing to do, or more than kMostSoftware.
Result<Install> decode_install(std::string_view value);
Result<RemoveSoftware> decode_remove_software(std::string_view value);

enum class Progress {
    Started,
    Downloading,
    Downloaded,
    Installing,
    Installed,
    Removing,
    Removed,
    FinishedSuccess,
    FinishedError,
    FinishedRejected
};
std::string_view to_string(Progress progress);  // "FINISHED_SUCCESS"
constexpr bool is_failure(Progress progress) {
    return progress == Progress::FinishedError || progress == Progress::FinishedRejected;
}
constexpr bool is_end(Progress progress) {
    return progress == Progress::FinishedSuccess || is_failure(progress);
}

struct OperationStatus {
    std::string correlation_id{};
    Progress status{};
    std::optional<Module> module{};      // of an install
    std::vector<Dependency> software{};  // of a remove
    std::string message{};
    bool operator==(const OperationStatus&) const = default;
};

// An action as it is kept on disk until the cloud has heard how it ended.
struct KeptAction {
    std::string thing{};  // that asked for it
    std::string correlation_id{};
    std::vector<Module> modules{};        // of an install, which have not ended
    std::vector<Dependency> software{};   // of a removal, which are not removed
    std::vector<Dependency> removed{};    // the others of it
    std::vector<OperationStatus> ends{};  // not heard
    bool operator==(const KeptAction&) const = default;
};
KeptAction kept(const std::string& thing, const Install& install);
KeptAction kept(const std::string& thing, const RemoveSoftware& remove);
std::string encode_kept(const KeptAction& action);
Result<KeptAction> decode_kept(std::string_view text);

// The image reference split at its first colon.
Dependency dependency_of(const ContainerSpec& spec);
std::string key_of(const Dependency& dependency);  // <group>.<name>:<version>, every / as %2F

}  // namespace berth::twin
