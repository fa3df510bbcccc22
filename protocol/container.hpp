// A container as Berth knows it: the stored model (what was asked for) and the state (what the engine says).
// Plain data; the JSON document is protocol/document, the engine's body runtime/docker/encode.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

using ContainerId = std::string;  // label io.berth.id: ours, for ever, chosen before the engine is asked
using EngineId = std::string;     // the engine's own id: changes whenever the instance is made anew

struct Mount {
    std::string source{};
    std::string destination{};
    std::string propagation{"rprivate"};  // rprivate private rshared shared rslave slave
    auto operator<=>(const Mount&) const = default;
};

struct Device {
    std::string on_host{};
    std::string in_container{};
    std::string permissions{"rwm"};  // one to three of r, w, m
    auto operator<=>(const Device&) const = default;
};

struct Port {
    std::string host_ip{"0.0.0.0"};
    std::uint16_t host_port{};      // 0: any free one
    std::uint16_t host_port_end{};  // equal to host_port, or the end of a range of which one is used
    std::uint16_t container_port{};
    std::string protocol{"tcp"};  // tcp udp sctp
    auto operator<=>(const Port&) const = default;
};

struct RestartPolicy {
    std::string type{"unless-stopped"};  // no always on-failure unless-stopped
    std::int64_t maximum_retry_count{};  // only with on-failure; 0: no limit
    std::int64_t retry_timeout_s{};      // seconds; no engine field on Docker: stored, reported, warned about
    bool operator==(const RestartPolicy&) const = default;
};

struct LogConfig {
    std::string driver{"json-file"};  // json-file none
    std::int64_t max_files{2};        // json-file only
    std::string max_size{"100M"};     // json-file only; size text, 1024-based
    std::string root_dir{};           // absolute folder, empty: the engine's
    std::string mode{"blocking"};     // blocking non-blocking
    std::string max_buffer_size{};    // size text, only with non-blocking (then 1M by default)
    bool operator==(const LogConfig&) const = default;
};

// Size texts as the user gave them ("64M", "-1" for an unlimited swap), empty: not set. protocol/sizes reads
// them.
struct Resources {
    std::string memory{};
    std::string memory_reservation{};
    std::string memory_swap{};  // memory + swap
    bool operator==(const Resources&) const = default;
};

struct Hook {  // kept and reported, never run (D13 of the project's decisions)
    std::string path{};
    std::vector<std::string> args{};
    std::vector<std::string> env{};
    std::int64_t timeout_s{};
    int type{3};
    bool operator==(const Hook&) const = default;
};

struct Io {
    bool attach_stderr{};
    bool attach_stdin{};
    bool attach_stdout{};
    bool open_stdin{};
    bool stdin_once{};
    bool tty{};
    bool operator==(const Io&) const = default;
};

// What was asked for: stored, written into label io.berth.document, compared by the plan.
// Never rebuilt from the engine's inspect, which mixes in the image's own settings.
struct ContainerSpec {
    ContainerId id{};
    std::string name{};  // [a-zA-Z0-9_][a-zA-Z0-9_.-]*; for people, not unique
    std::string image{};
    std::string domain_name{};  // <name>-domain
    std::string host_name{};    // <name>-host
    std::vector<Mount> mounts{};
    std::vector<Hook> hooks{};
    std::vector<std::string> env{};  // NAME=v, NAME= or NAME (removes the image's)
    std::vector<std::string> cmd{};
    std::vector<Device> devices{};
    std::string network{"bridge"};  // bridge host
    bool privileged{};
    RestartPolicy restart{};
    std::string oci_runtime{};  // empty: the engine's default
    std::vector<std::string> extra_hosts{};
    std::vector<std::string> extra_capabilities{};
    std::vector<Port> ports{};
    LogConfig log{};
    Resources resources{};
    Io io{};
    bool operator==(const ContainerSpec&) const = default;
};

enum class Status { Creating, Created, Running, Stopped, Paused, Exited, Dead, Unknown };

std::string_view to_string(Status status);
std::optional<Status> parse_status(std::string_view text);

// The part an instance plays in an update. Only Plain ones are in the inventory.
enum class Role {
    Plain,     // the component
    Staged,    // made in DOWNLOAD, has not been started yet
    Old,       // replaced by a started one, kept until CLEANUP
    Discarded  // could not be removed when its update wanted that: is as soon as it can be
};

struct ContainerState {
    Status status{Status::Unknown};
    std::int64_t pid{-1};  // -1: no process
    std::int64_t exit_code{};
    bool oom_killed{};
    bool restarting{};      // the engine waits to start it again
    std::string error{};    // the engine's text of a failed start
    std::string created{};  // RFC 3339, UTC, nanoseconds, like the next two; empty: never
    std::string started_at{};
    std::string finished_at{};
    std::int64_t restart_count{};
    bool operator==(const ContainerState&) const = default;
};

// A managed container: model, state and what the store adds to them.
struct Container {
    ContainerSpec spec{};
    ContainerState state{};
    EngineId engine_id{};         // empty: the engine has no such instance (now)
    std::string engine_name{};    // for people
    std::string engine_policy{};  // the engine's restart policy now; empty: not inspected
    ContainerId replaces{};       // label io.berth.replaces: the old instance of a staged one
    Role role{Role::Plain};
    bool manually_stopped{};
    bool started_before{};  // started successfully at least once
    bool operator==(const Container&) const = default;

    bool runs() const { return state.status == Status::Running || state.status == Status::Paused; }
    // Or has just ended, and the engine starts it again: a crash loop is a way of running.
    bool is_up() const { return runs() || state.restarting; }
    // Its record is all there is: it is being made, was removed while nobody looked, or the engine lost it.
    bool is_missing() const { return engine_id.empty(); }
    // Whatever took it down: nobody asked for that.
    bool should_run() const { return spec.restart.type != "no" && started_before && !manually_stopped; }
    // A stop has taken the one that was asked for away, or somebody else has.
    bool has_other_policy() const { return !engine_policy.empty() && engine_policy != spec.restart.type; }
};

// The plain instance that counts for each name, by name; without a name it is nobody's. Of several, which
// only others can have made, the running one, else the newest. They point into `containers`.
std::vector<const Container*> effective(const std::vector<Container>& containers);

}  // namespace berth
