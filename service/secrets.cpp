#include "service/secrets.hpp"

#include <algorithm>
#include <string_view>

#include "protocol/redact.hpp"
#include "service/files.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kReference = "secret:";

// One file of the folder: never a path, never hidden.
bool is_name(std::string_view name) {
    return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos &&
           name.find('\0') == std::string_view::npos;
}

void warn_if_open(const fs::path& file) {
    std::error_code error;
    const auto open = fs::perms::group_read | fs::perms::others_read;
    if ((fs::status(file, error).permissions() & open) != fs::perms::none && !error)
        log::warn("secret '{}' can be read by others than its owner", file.filename().string());
}

Result<std::string> value_of(const std::string& variable, const std::string& name, const fs::path& dir) {
    const std::string where = "key env: variable " + variable + ": secret '" + name + "'";
    if (!is_name(name)) return fail(Errc::Invalid, where + ": not the name of a file in " + dir.string());
    auto content = read_file(dir / name);
    // Not "not found", which would be an image's.
    if (!content) return fail(fail(Errc::Invalid, content.error().message), where);
    warn_if_open(dir / name);
    if (content->ends_with('\n')) content->pop_back();
    return content;
}

}  // namespace

Result<std::vector<std::string>> resolve_secrets(const std::vector<std::string>& env, const fs::path& dir) {
    std::vector<std::string> resolved = env;
    for (auto& entry : resolved) {
        if (!is_secret_reference(entry)) continue;
        const auto equals = entry.find('=');
        const auto variable = entry.substr(0, equals);
        auto value = value_of(variable, entry.substr(equals + 1 + kReference.size()), dir);
        if (!value) return value.error();
        entry = variable + "=" + *value;
    }
    return resolved;
}

}  // namespace berth::service
