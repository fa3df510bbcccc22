#include "service/config_rules.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace berth::service::rules {

namespace {

const std::string& text_of(const Typed& value) {
    return std::get<std::string>(value);
}

bool is_word(std::string_view text, std::string_view extra, std::size_t longest) {
    return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               extra.find(c) != std::string_view::npos;
    });
}

bool is_number(std::string_view text, int least, int most) {
    int number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() && number >= least && number <= most;
}

constexpr std::string_view kPlainSchemes[] = {"tcp", "mqtt", "ws"};
constexpr std::string_view kTlsSchemes[] = {"ssl", "tls", "mqtts", "mqtt+ssl", "tcps", "wss"};

bool is_one_of(std::string_view scheme, std::span<const std::string_view> schemes) {
    return std::find(schemes.begin(), schemes.end(), scheme) != schemes.end();
}

bool has_good_port(std::string_view authority) {
    const auto bracket = authority.find(']');  // of an IPv6 address
    const auto colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon == 0) return false;  // no host
    return colon == std::string_view::npos || is_number(authority.substr(colon + 1), 1, 65535);
}

}  // namespace

std::string device_name(const Typed& value) {
    const auto& name = text_of(value);
    if (name == "site") return "'site' is taken by the topics of a site";
    if (name.empty() || is_word(name, "_.:-", 128)) return {};
    return fmt::format("'{}' is not 1 to 128 of A-Z a-z 0-9 _ . : -", name);
}

std::string broker_url(const Typed& value) {
    const auto& url = text_of(value);
    const auto end = url.find("://");
    if (end == std::string::npos) return "must look like tcp://host:1883";
    const auto scheme = url.substr(0, end);
    if (!is_one_of(scheme, kPlainSchemes) && !is_one_of(scheme, kTlsSchemes))
        return fmt::format("unknown scheme '{}'; plain: {}; TLS: {}", scheme, fmt::join(kPlainSchemes, ", "),
                           fmt::join(kTlsSchemes, ", "));
    const auto rest = url.substr(end + 3);
    const auto authority = rest.substr(0, rest.find('/'));
    // Not repeated in the message: it would show the password.
    if (authority.find('@') != std::string::npos) return "holds a login; use mqtt.username and mqtt.password";
    if (authority.empty() || !has_good_port(authority))
        return fmt::format("'{}' has no good host and port", url);
    return {};
}

bool is_tls(const std::string& url) {
    return is_one_of(url.substr(0, url.find("://")), kTlsSchemes);
}

std::string client_id(const Typed& value) {
    const auto& id = text_of(value);
    const bool printable =
        std::all_of(id.begin(), id.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
    return printable && id.size() <= 128 ? "" : "must be at most 128 printable ASCII characters";
}

std::string topic_level(const Typed& value) {
    const auto& level = text_of(value);
    if (is_word(level, "_.:-", 64)) return {};
    return fmt::format("'{}' is not 1 to 64 of A-Z a-z 0-9 _ . : -", level);
}

std::string directory(const Typed& value) {
    const auto& path = text_of(value);
    return path.starts_with('/') ? "" : fmt::format("must be an absolute path, is '{}'", path);
}

std::string engine(const Typed& value) {
    return text_of(value) == "containerd" ? "containerd is not in this version; 'auto' and 'docker' are" : "";
}

std::string socket(const Typed& value) {
    const auto& path = text_of(value);
    if (path.empty() || path.starts_with('/') || path.starts_with("unix:///")) return {};
    return fmt::format("must be the path of a socket, is '{}'", path);
}

std::string label(const Typed& value) {
    const auto& name = text_of(value);
    if (is_word(name, "_.-", 64)) return {};
    return fmt::format("'{}' is not 1 to 64 of A-Z a-z 0-9 _ . -", name);
}

std::string api_version(const Typed& value) {
    const auto& version = text_of(value);
    if (version == "auto") return {};
    if (version.starts_with("1.") && is_number(std::string_view{version}.substr(2), 41, 999)) return {};
    return fmt::format("must be auto, or 1.41 and up; is '{}'", version);
}

std::string interface_name(const Typed& value) {
    const auto& name = text_of(value);
    if (!is_word(name, "_.-", 15)) return fmt::format("'{}' is not 1 to 15 of A-Z a-z 0-9 _ . -", name);
    const bool taken = name == "." || name == ".." || name == "all" || name == "default";
    return taken ? fmt::format("'{}' is no name of an interface", name) : std::string();
}

}  // namespace berth::service::rules
