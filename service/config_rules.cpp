#include "service/config_rules.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "service/broker_address.hpp"

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

}  // namespace

std::string device_name(const Typed& value) {
    const auto& name = text_of(value);
    if (name == "site") return "'site' is taken by the topics of a site";
    if (name.empty() || is_word(name, "_.:-", 128)) return {};
    return fmt::format("'{}' is not 1 to 128 of A-Z a-z 0-9 _ . : -", name);
}

std::string broker_url(const Typed& value) {
    const auto& url = text_of(value);
    if (url.find("://") == std::string::npos) return "must look like mqtt://host:1883";
    const auto address = parse_broker_url(url);
    return address ? "" : address.error().message;
}

bool is_tls(const std::string& url) {
    const auto address = parse_broker_url(url);
    return address && address->tls;
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

std::string prometheus_file(const Typed& value) {
    const auto& path = text_of(value);
    if (path.empty()) return {};
    if (!path.ends_with(".prom"))
        return fmt::format("must end in .prom, or no collector reads it; is '{}'", path);
    return path.starts_with('/') ? "" : fmt::format("must be the absolute path of a file, is '{}'", path);
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
