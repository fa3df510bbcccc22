// A Config as TOML. What is left out is a default of a section that this version does not have.
#include <fmt/format.h>

#include "service/config_load.hpp"

namespace berth::service {

namespace {

// Sections in the order of their first key: TOML lets each be opened once.
class Sections {
 public:
    void add(std::string_view key, const std::string& value, std::string_view before = {},
             std::string_view behind = {}) {
        const auto dot = key.rfind('.');
        const auto section = std::string{key.substr(0, dot)};
        auto at = lines_.find(section);
        if (at == lines_.end()) {
            order_.push_back(section);
            at = lines_.emplace(section, std::string{}).first;
        }
        at->second += fmt::format("{}{} = {}{}\n", before, key.substr(dot + 1), value, behind);
    }

    std::string text() const {
        std::string text;
        for (const auto& section : order_)
            text += fmt::format("\n[{}]\n{}", section, lines_.at(section));
        return text;
    }

 private:
    std::vector<std::string> order_;
    std::map<std::string, std::string> lines_;
};

constexpr std::string_view kSecretNote{"  # a secret: fill it in"};

std::string toml_text(const std::string& text) {
    return as_toml(Option{}, Typed{text});
}

void add_built(const Loaded& loaded, Sections& sections) {
    for (const auto& option : built_options()) {
        if (option.key.starts_with("registry.")) continue;
        if (option.key == "mqtt.password_file") {
            const auto file = loaded.given.find("mqtt.password_file");
            if (file != loaded.given.end()) sections.add(option.key, as_toml(option, file->second));
        } else if (option.secret) {
            const bool comes_from_file = loaded.given.contains("mqtt.password_file");
            if (!loaded.config.mqtt.password.empty() && !comes_from_file)
                sections.add(option.key, "\"\"", "# ", kSecretNote);
        } else {
            sections.add(option.key, as_toml(option, get(option, loaded.config)));
        }
    }
}

// What was said about things that are not here yet must survive the way through the dump: it counts one day.
void add_later(const Loaded& loaded, Sections& sections) {
    for (const auto& option : later_options()) {
        const auto given = loaded.given.find(std::string{option.key});
        const bool is_kanto_only = option.key.starts_with("manager.");  // would make it a Kanto file
        if (is_kanto_only || option.secret) continue;
        if (given != loaded.given.end())
            sections.add(option.key, as_toml(option, given->second));
        else if (loaded.kanto && option.same_as.empty() && option.standard(true) != option.standard(false))
            if (const auto standard = standard_value(option, true))
                sections.add(option.key, as_toml(option, *standard));
    }
}

std::string registry(const RegistryConfig& registry, const Loaded& loaded) {
    std::string text = fmt::format("\n[[registry]]\nhost = {}\n", toml_text(registry.host));
    if (!registry.username.empty()) text += fmt::format("username = {}\n", toml_text(registry.username));
    const auto file = loaded.password_files.find(registry.host);
    if (file != loaded.password_files.end())
        text += fmt::format("password_file = {}\n", toml_text(file->second));
    else if (!registry.password.empty())
        text += fmt::format("# password = \"\"{}\n", kSecretNote);
    if (registry.insecure) text += "insecure = true\n";
    return text;
}

}  // namespace

std::string dump(const Loaded& loaded) {
    Sections sections;
    add_built(loaded, sections);
    add_later(loaded, sections);
    std::string text = fmt::format("# Berth {}, from {}\n", BERTH_VERSION,
                                   loaded.file.empty() ? "its own defaults" : loaded.file);
    text += sections.text();
    for (const auto& one : loaded.config.registries)
        text += registry(one, loaded);
    return text;
}

}  // namespace berth::service
