#include "service/config_load.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "protocol/sizes.hpp"
#include "service/config_steps.hpp"

namespace berth::service {

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestFile = 4 * 1024 * 1024;

bool is_blank(const std::string& text) {
    return text.find_first_not_of(" \t\r\n") == std::string::npos;
}

bool is_json(const std::string& file, const std::string& text) {
    const auto extension = fs::path(file).extension();
    if (extension == ".json") return true;
    if (extension == ".toml") return false;
    const auto first = text.find_first_not_of(" \t\r\n");
    return first != std::string::npos && text[first] == '{';
}

// A Kanto file takes Kanto's defaults for what it leaves out.
bool is_kanto(const Source& source, const Settings& settings, const std::string& etc) {
    if (source.json) return true;
    if (fs::path(source.file).lexically_normal().string().starts_with(etc + "/container-management/"))
        return true;
    return std::any_of(settings.begin(), settings.end(), [](const Setting& setting) {
        const auto& section = setting.path.front();
        return section == "manager" || section == "containers" || section == "connection" ||
               section == "grpc_server";
    });
}

// Kanto passes over what it does not know, and a file that starts Kanto starts Berth. Who asks for a check
// wants to see the key that does nothing.
Severity severity_of_unknown(const Request& request, bool in_json) {
    if (in_json && !request.check) return Severity::Note;
    return request.strict ? Severity::Error : Severity::Warning;
}

void set_defaults(Loaded& loaded) {
    for (const auto& option : built_options())
        if (const auto value = standard_value(option, loaded.kanto)) put(option, *value, loaded.config);
}

}  // namespace

bool Loaded::good() const {
    return std::none_of(problems.begin(), problems.end(),
                        [](const Problem& problem) { return problem.severity == Severity::Error; });
}

Result<std::string> read_text(const std::string& file) {
    std::error_code error;
    const auto status = fs::status(file, error);
    if (!fs::exists(status)) return fail(Errc::NotFound, "there is no such file");
    if (fs::is_directory(status)) return fail(Errc::Invalid, "is a directory");
    if (fs::is_regular_file(status) && fs::file_size(file, error) > kLargestFile)
        return fail(Errc::TooLarge, "is larger than 4 MiB");
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    if (stream.peek() != std::ifstream::traits_type::eof()) text << stream.rdbuf();
    if (stream.bad() || !stream.is_open()) return fail(Errc::Forbidden, "cannot be read");
    return text.str();
}

std::optional<Source> find_source(const Request& request, Problems& problems) {
    std::string file = !request.file.empty() ? request.file : request.environment;
    const std::string asked_by = !request.file.empty() ? "--config" : "BERTH_CONFIG";
    const bool named = !file.empty();
    for (const auto* usual :
         {"/berth/berth.toml", "/container-management/config.toml", "/container-management/config.json"})
        if (file.empty() && fs::exists(request.etc + usual)) file = request.etc + usual;
    if (file.empty()) return {};
    auto text = read_text(file);
    if (!text) {
        problems.push_back({Severity::Error, {file, 0}, named ? asked_by : "", text.error().message});
        return {};
    }
    const bool json = is_json(file, *text);
    return Source{file, std::move(*text), json};
}

void modernise(Settings& settings, Problems& problems) {
    const auto is_under = [](const Setting& setting, std::initializer_list<std::string_view> sections) {
        return setting.path.size() > sections.size() &&
               std::equal(sections.begin(), sections.end(), setting.path.begin());
    };
    const bool has_new = std::any_of(settings.begin(), settings.end(),
                                     [&](const Setting& s) { return is_under(s, {"connection"}); });
    bool told = false;
    for (auto& setting : settings) {
        if (!is_under(setting, {"things", "connection"})) continue;
        if (!told)
            problems.push_back({Severity::Warning, setting.origin, "things.connection",
                                has_new ? "is of an older layout and not used, since connection is there"
                                        : "is of an older layout; move it to connection, with units"});
        told = true;
        if (has_new) continue;
        setting.path.erase(setting.path.begin());
        const auto* digits = std::get_if<std::string>(&setting.value);
        const auto number =
            digits ? parse_int(*digits) : Result<std::int64_t>{fail(Errc::Invalid, "no text")};
        const bool is_duration =
            setting.path.back().ends_with("_timeout") || setting.path.back() == "keep_alive";
        if (const auto* plain = std::get_if<std::int64_t>(&setting.value))
            setting.value = fmt::format("{}ms", *plain);
        else if (number && is_duration)
            setting.value = *digits + "ms";
    }
    if (has_new)
        std::erase_if(settings, [&](const Setting& s) { return is_under(s, {"things", "connection"}); });
}

Loaded load(const Request& request) {
    Loaded loaded;
    auto source = find_source(request, loaded.problems);
    Settings settings;
    if (source) {
        loaded.file = source->file;
        if (source->json && is_blank(source->text))
            loaded.problems.push_back(
                {Severity::Warning, {source->file, 1}, "", "is empty; all defaults count"});
        else
            settings = source->json ? read_json(source->text, source->file, loaded.problems)
                                    : read_toml(source->text, source->file, loaded.problems);
        loaded.kanto = is_kanto(*source, settings, request.etc);
    }
    if (!loaded.good()) return loaded;
    set_defaults(loaded);
    const bool json = source && source->json;
    modernise(settings, loaded.problems);
    settings.insert(settings.end(), request.flags.begin(), request.flags.end());
    const auto chosen = choose(settings, json, severity_of_unknown(request, json), loaded.problems);
    Origins origins;
    apply(chosen, loaded, origins);
    apply_registries(chosen, loaded);
    finish(request, chosen, origins, loaded);
    std::ranges::stable_sort(loaded.problems, {}, [](const Problem& problem) { return problem.origin.line; });
    return loaded;
}

}  // namespace berth::service
