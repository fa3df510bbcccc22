// The engine's own reading of a container, for where the kernel's files cannot be seen.
#include <fmt/format.h>

#include "runtime/docker/decode.hpp"
#include "runtime/docker/errors.hpp"
#include "runtime/docker/fields.hpp"

namespace berth::runtime::docker {
namespace {

std::uint64_t count(const json& object, const char* key) {
    const auto& value = member(object, key);
    return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

bool is_operation(std::string given, std::string_view wanted) {
    for (char& c : given)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return given == wanted;
}

Transfers io_of(const json& block_io) {
    const auto& entries = member(block_io, "io_service_bytes_recursive");
    Transfers devices;
    if (!entries.is_array()) return devices;
    for (const auto& entry : entries) {
        auto& sum = devices[fmt::format("{}:{}", count(entry, "major"), count(entry, "minor"))];
        if (is_operation(text(entry, "op"), "read")) sum.read += count(entry, "value");
        if (is_operation(text(entry, "op"), "write")) sum.written += count(entry, "value");
    }
    return devices;
}

Transfers net_of(const json& networks) {
    Transfers interfaces;
    if (!networks.is_object()) return interfaces;
    for (const auto& network : networks.items())
        interfaces[network.key()] = {count(network.value(), "rx_bytes"), count(network.value(), "tx_bytes")};
    return interfaces;
}

}  // namespace

Result<Usage> decode_stats(std::string_view body) {
    const auto parsed = json::parse(body, nullptr, false);
    if (!parsed.is_object()) return fail(Errc::Internal, "the engine's stats are no JSON object");
    const auto& memory = member(parsed, "memory_stats");
    const auto& cpu = member(parsed, "cpu_stats");
    Usage usage;
    usage.pids = count(member(parsed, "pids_stats"), "current");
    if (count(cpu, "system_cpu_usage") == 0 && usage.pids == 0)
        return fail(Errc::Conflict, "stats: it does not run");
    if (const auto host = count(cpu, "system_cpu_usage"); host > 0)
        usage.cpu = CpuUse{count(member(cpu, "cpu_usage"), "total_usage"), host, CpuSource::Engine};
    if (memory.contains("usage")) {
        const auto& details = member(memory, "stats");
        const char* inactive =
            details.contains("total_inactive_file") ? "total_inactive_file" : "inactive_file";
        usage.memory = MemoryUse{count(memory, "usage"), count(details, inactive), count(memory, "limit")};
    }
    usage.by_device = io_of(member(parsed, "blkio_stats"));
    usage.by_interface = net_of(member(parsed, "networks"));
    usage.io = total_of(usage.by_device);
    usage.net = total_of(usage.by_interface);
    return usage;
}

}  // namespace berth::runtime::docker
