#include "protocol/forms.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <optional>
#include <vector>

namespace berth {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n\v\f";
    const auto begin = text.find_first_not_of(kBlanks);
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    for (auto found = text.find(at); found != text.npos; found = text.find(at)) {
        parts.push_back(text.substr(0, found));
        text.remove_prefix(found + 1);
    }
    parts.push_back(text);
    return parts;
}

// Digits only and at most 65535: nothing is ever cut to 16 bits.
std::optional<std::uint16_t> port_number(std::string_view text) {
    std::uint16_t value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// What stands before the first slash of an image.
bool is_registry(std::string_view text) {
    return text == "localhost" || text.find_first_of(".:") != std::string_view::npos;
}

// "8080" or "5000-5005" into the host side of a port.
std::optional<Error> read_host_ports(std::string_view text, Port& port) {
    const auto range = split(text, '-');
    const auto first = port_number(range.front());
    const auto last = port_number(range.back());
    if (!first || !last || range.size() > 2)
        return fail(Errc::Invalid, "host port must be a number up to 65535, or a range of two");
    if (*last < *first) return fail(Errc::Invalid, "host port range runs backwards");
    if (*first == 0 && *last != 0) return fail(Errc::Invalid, "a host port range cannot begin with 0");
    port.host_port = *first;
    port.host_port_end = *last;
    return std::nullopt;
}

}  // namespace

bool is_ipv4(std::string_view text) {
    in_addr address{};
    return inet_pton(AF_INET, std::string(text).c_str(), &address) == 1 && text.find('\0') == text.npos;
}

bool is_ip(std::string_view text) {
    in6_addr address{};
    return is_ipv4(text) ||
           (inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1 && text.find('\0') == text.npos);
}

bool is_permissions(std::string_view text) {
    return !text.empty() && text.size() <= 3 && text.find_first_not_of("rwm") == text.npos;
}

bool is_protocol(std::string_view text) {
    return text == "tcp" || text == "udp" || text == "sctp";
}

Result<Device> parse_device(std::string_view text) {
    const auto parts = split(trimmed(text), ':');
    if (parts.size() < 2 || parts.size() > 3)
        return fail(Errc::Invalid, "expected <host path>:<container path>[:<permissions>]");
    Device device{std::string(parts[0]), std::string(parts[1].empty() ? parts[0] : parts[1])};
    if (parts.size() == 3) device.permissions = parts[2];
    if (!is_permissions(device.permissions))
        return fail(Errc::Invalid, "permissions must be one to three of the letters r, w and m");
    return device;
}

Result<Mount> parse_mount(std::string_view text) {
    const auto parts = split(trimmed(text), ':');
    if (parts.size() < 2 || parts.size() > 3)
        return fail(Errc::Invalid, "expected <source>:<destination>[:<propagation mode>]");
    Mount mount{std::string(parts[0]), std::string(parts[1])};
    if (parts.size() == 3 && !parts[2].empty()) mount.propagation = parts[2];
    return mount;
}

Result<Port> parse_port(std::string_view text) {
    const Error shape = fail(Errc::Invalid, "expected [<ip>:]<host port>[-<end>]:<container port>[/<proto>]");
    const auto around_slash = split(trimmed(text), '/');
    const auto parts = split(around_slash[0], ':');
    if (around_slash.size() > 2 || parts.size() < 2 || parts.size() > 3) return shape;
    Port port;
    if (around_slash.size() == 2) port.protocol = around_slash[1];
    if (!is_protocol(port.protocol)) return fail(Errc::Invalid, "protocol must be tcp, udp or sctp");
    if (parts.size() == 3) port.host_ip = parts[0];
    if (!is_ipv4(port.host_ip)) return fail(Errc::Invalid, "host address must be an IPv4 address");
    if (auto bad = read_host_ports(parts[parts.size() - 2], port)) return *bad;
    const auto inside = port_number(parts.back());
    if (!inside || *inside == 0)
        return fail(Errc::Invalid, "container port must be one number from 1 to 65535");
    port.container_port = *inside;
    return port;
}

std::string format(const Device& device) {
    std::string text;
    for (const auto* part : {&device.on_host, &device.in_container, &device.permissions})
        if (!part->empty()) text += (text.empty() ? "" : ":") + *part;
    return text;
}

std::string format(const Mount& mount) {
    return mount.source + ":" + mount.destination + ":" + mount.propagation;
}

std::string format(const Port& port) {
    std::string text;
    if (!port.host_ip.empty() && port.host_ip != "0.0.0.0") text = port.host_ip + ":";
    text += std::to_string(port.host_port);
    if (port.host_port_end != 0 && port.host_port_end != port.host_port)
        text += "-" + std::to_string(port.host_port_end);
    text += ":" + std::to_string(port.container_port);
    if (!port.protocol.empty()) text += "/" + port.protocol;
    return text;
}

std::string registry_of(std::string_view reference) {
    const auto slash = reference.find('/');
    const bool names_one = slash != std::string_view::npos && is_registry(reference.substr(0, slash));
    return names_one ? std::string(reference.substr(0, slash)) : "docker.io";
}

bool is_qualified_image(std::string_view reference) {
    const auto slash = reference.find('/');
    if (slash == std::string_view::npos || slash == 0) return false;
    const auto path = reference.substr(slash + 1);
    const auto mark = path.find_first_of(":@");
    return is_registry(reference.substr(0, slash)) && mark != std::string_view::npos && mark > 0 &&
           mark + 1 < path.size();
}

}  // namespace berth
