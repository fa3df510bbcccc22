#include "metrics/prometheus.hpp"

#include <optional>
#include <string_view>

#include "metrics/measure.hpp"

namespace berth::metrics {
namespace {

using Value = std::optional<std::string>;

struct Family {
    std::string_view name, type, help;
    Value (*value)(const Usage& usage, std::uint64_t machine_memory);
};

// Exact: a double would lose the nanoseconds of a container that runs for months.
std::string in_seconds(std::uint64_t nanoseconds) {
    constexpr std::uint64_t kInASecond = 1'000'000'000;
    constexpr std::size_t kDigits = 9;
    const auto rest = std::to_string(nanoseconds % kInASecond);
    return std::to_string(nanoseconds / kInASecond) + '.' + std::string(kDigits - rest.size(), '0') + rest;
}

Value read_of(const std::optional<Transfer>& transfer) {
    return transfer ? Value(std::to_string(transfer->read)) : std::nullopt;
}

Value written_of(const std::optional<Transfer>& transfer) {
    return transfer ? Value(std::to_string(transfer->written)) : std::nullopt;
}

// Names are a promise: dashboards and alarms are built on them.
constexpr Family kFamilies[] = {
    {"berth_container_cpu_seconds_total", "counter", "CPU time that the container has used.",
     [](const Usage& usage, std::uint64_t) {
         return usage.cpu ? Value(in_seconds(usage.cpu->container)) : std::nullopt;
     }},
    {"berth_container_memory_used_bytes", "gauge", "Memory in use, without inactive file cache.",
     [](const Usage& usage, std::uint64_t) {
         return usage.memory ? Value(std::to_string(memory_used(*usage.memory))) : std::nullopt;
     }},
    {"berth_container_memory_limit_bytes", "gauge",
     "Memory that the container may use: its limit, or the machine's memory where that is lower.",
     [](const Usage& usage, std::uint64_t machine) {
         const auto limit = usage.memory ? memory_total(*usage.memory, machine) : 0;
         return limit > 0 ? Value(std::to_string(limit)) : std::nullopt;
     }},
    {"berth_container_io_read_bytes_total", "counter", "Bytes read from block devices.",
     [](const Usage& usage, std::uint64_t) { return read_of(usage.io); }},
    {"berth_container_io_written_bytes_total", "counter", "Bytes written to block devices.",
     [](const Usage& usage, std::uint64_t) { return written_of(usage.io); }},
    {"berth_container_network_receive_bytes_total", "counter",
     "Bytes received over the container's interfaces; none on the machine's network.",
     [](const Usage& usage, std::uint64_t) { return read_of(usage.net); }},
    {"berth_container_network_transmit_bytes_total", "counter",
     "Bytes sent over the container's interfaces; none on the machine's network.",
     [](const Usage& usage, std::uint64_t) { return written_of(usage.net); }},
    {"berth_container_pids", "gauge", "Processes and threads of the container.",
     [](const Usage& usage, std::uint64_t) {
         return usage.pids > 0 ? Value(std::to_string(usage.pids)) : std::nullopt;
     }},
};

std::string label_text(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '\\' || c == '"') escaped += '\\';
        if (c == '\n')
            escaped += "\\n";
        else
            escaped += c;
    }
    return escaped;
}

std::string samples_of(const Family& family, const std::vector<Exposed>& containers, std::uint64_t machine) {
    std::string lines;
    for (const auto& container : containers)
        if (const auto value = family.value(container.usage, machine))
            lines.append(family.name)
                .append("{id=\"")
                .append(label_text(container.id))
                .append("\",name=\"")
                .append(label_text(container.name))
                .append("\"} ")
                .append(*value)
                .append("\n");
    return lines;
}

}  // namespace

std::string prometheus_text(const std::vector<Exposed>& containers, std::uint64_t machine_memory) {
    std::string text;
    for (const auto& family : kFamilies) {
        const auto samples = samples_of(family, containers, machine_memory);
        if (samples.empty()) continue;
        text.append("# HELP ").append(family.name).append(" ").append(family.help).append("\n");
        text.append("# TYPE ").append(family.name).append(" ").append(family.type).append("\n");
        text.append(samples);
    }
    return text;
}

}  // namespace berth::metrics
