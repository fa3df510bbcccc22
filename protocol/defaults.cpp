// What a model leaves open, and the first thing that is wrong with one.
#include <charconv>
#include <cmath>

#include "protocol/check.hpp"
#include "protocol/document.hpp"
#include "protocol/problems.hpp"
#include "protocol/sizes.hpp"

namespace berth {
namespace {

void fill(std::string& text, std::string_view value) {
    if (text.empty()) text = value;
}

// Twice the number with the same unit letter: "64M" -> "128M", "1.00005g" -> "2.0001g". Empty for a bad size.
std::string doubled(const std::string& size) {
    if (!parse_size(size)) return {};
    double number{};
    const auto* const end = size.data() + size.size();
    if (std::from_chars(size.data(), end, number, std::chars_format::fixed).ec != std::errc{}) return {};
    number = std::round(number * 2 * 10'000) / 10'000;
    char digits[400];
    const auto [last, error] =
        std::to_chars(std::begin(digits), std::end(digits), number, std::chars_format::fixed);
    if (error != std::errc{}) return {};
    return std::string(std::begin(digits), last) + size.back();
}

void fill_log(LogConfig& log) {
    fill(log.driver, "json-file");
    if (log.driver == "json-file") {
        if (log.max_files == 0) log.max_files = 2;
        fill(log.max_size, "100M");
    } else if (log.driver == "none") {
        log.max_files = 0;
        log.max_size.clear();
    }
    fill(log.mode, "blocking");
    if (log.mode == "blocking") log.max_buffer_size.clear();
    if (log.mode == "non-blocking") fill(log.max_buffer_size, "1M");
}

}  // namespace

void fill_defaults(ContainerSpec& spec) {
    fill(spec.name, spec.id);
    if (!spec.name.empty()) {
        fill(spec.domain_name, spec.name + "-domain");
        fill(spec.host_name, spec.name + "-host");
    }
    for (auto& mount : spec.mounts)
        fill(mount.propagation, "rprivate");
    for (auto& device : spec.devices) {
        fill(device.in_container, device.on_host);
        fill(device.permissions, "rwm");
    }
    fill(spec.network, "bridge");
    fill(spec.oci_runtime, "io.containerd.runc.v2");
    for (auto& port : spec.ports) {
        fill(port.host_ip, "0.0.0.0");
        fill(port.protocol, "tcp");
        if (port.host_port_end == 0) port.host_port_end = port.host_port;
    }
    fill_log(spec.log);
    if (spec.resources.memory_swap.empty()) spec.resources.memory_swap = doubled(spec.resources.memory);
}

bool has_default_swap(const Resources& limits) {
    return limits.memory_swap == doubled(limits.memory);
}

Result<> validate(const ContainerSpec& spec) {
    const auto found = findings(spec);
    if (found.empty()) return {};
    const Finding& first = found.front();
    return fail(Errc::Invalid,
                "key " + std::string(first.document) + ": " + first.reason + value_note(first.value));
}

}  // namespace berth
