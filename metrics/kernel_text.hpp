// What the kernel's files say, as numbers. Pure: text in. A line that is not understood is as good as absent.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/container.hpp"
#include "protocol/usage.hpp"

namespace berth::metrics {

std::optional<std::uint64_t> number_in(std::string_view text);  // the whole text but for white space
// Of "name value" lines, as memory.stat, cpu.stat and, with "MemTotal:", /proc/meminfo have them.
std::optional<std::uint64_t> number_of(std::string_view text, std::string_view name);

Transfers io_of_v2(std::string_view io_stat);                           // by device
Transfers io_of_v1(std::string_view service_bytes);                     // the same
Transfers net_of(std::string_view net_dev);                             // all interfaces but lo
std::optional<std::uint64_t> host_ticks(std::string_view proc_stat);    // all CPUs, steal included
std::optional<std::uint64_t> machine_memory(std::string_view meminfo);  // bytes

// Where control groups can be seen: "" stands for version 2, "memory", "cpuacct", … for a controller of 1.
// What is mounted and hidden by a later mount does not count.
struct CgroupMount {
    std::string point{};
    std::string root{};  // of the hierarchy, what the mount shows
    bool operator==(const CgroupMount&) const = default;
};
using CgroupMounts = std::map<std::string, CgroupMount>;
CgroupMounts cgroup_mounts(std::string_view mountinfo);

// The folder of a container's control group, from its process's /proc/<pid>/cgroup: cut after the level that
// bears the engine's id, as an init system inside sits deeper. Absent: not there for this controller.
std::optional<std::string> cgroup_folder(std::string_view proc_cgroup, const CgroupMounts& mounts,
                                         const std::string& controller, const EngineId& engine_id);

}  // namespace berth::metrics
