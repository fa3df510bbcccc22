// The engine's own reading of a container, for where the kernel's files cannot be seen.
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

std::optional<Transfer> io_of(const json& block_io) {
    const auto& entries = member(block_io, "io_service_bytes_recursive");
    if (!entries.is_array() || entries.empty()) return std::nullopt;
    Transfer sum;
    for (const auto& entry : entries) {
        if (is_operation(text(entry, "op"), "read")) sum.read += count(entry, "value");
        if (is_operation(text(entry, "op"), "write")) sum.written += count(entry, "value");
    }
    return sum;
}

std::optional<Transfer> net_of(const json& networks) {
    if (!networks.is_object() || networks.empty()) return std::nullopt;
    Transfer sum;
    for (const auto& network : networks) {
        sum.read += count(network, "rx_bytes");
        sum.written += count(network, "tx_bytes");
    }
    return sum;
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
        usage.cpu = CpuUse{count(member(cpu, "cpu_usage"), "total_usage"), host};
    if (memory.contains("usage")) {
        const auto& details = member(memory, "stats");
        const char* inactive =
            details.contains("total_inactive_file") ? "total_inactive_file" : "inactive_file";
        usage.memory = MemoryUse{count(memory, "usage"), count(details, inactive), count(memory, "limit")};
    }
    usage.io = io_of(member(parsed, "blkio_stats"));
    usage.net = net_of(member(parsed, "networks"));
    return usage;
}

}  // namespace berth::runtime::docker
