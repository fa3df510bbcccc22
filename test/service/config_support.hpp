// A folder of its own for each test, and short ways to load configurations from it.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "service/config_load.hpp"
#include "service/options.hpp"

namespace berth::service::test {

class Folder {
 public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "berth-config-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~Folder() {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string path(const std::string& name = "") const { return name.empty() ? path_ : path_ + "/" + name; }

    std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) const {
        const auto file = path(name);
        std::filesystem::create_directories(std::filesystem::path(file).parent_path());
        std::ofstream(file) << text;
        ::chmod(file.c_str(), mode);
        return file;
    }

 private:
    std::string path_;
};

// As main does it; the surroundings of the test machine stay out.
inline Loaded load_arguments(std::vector<std::string> arguments, const std::string& etc = "/nowhere") {
    std::vector<const char*> argv = {"berthd"};
    for (const auto& argument : arguments)
        argv.push_back(argument.c_str());
    auto command = parse_command_line(static_cast<int>(argv.size()), argv.data());
    command.request.etc = etc;
    command.request.host_name = "edge-01";
    if (command.errand == Errand::Refuse) {
        Loaded refused;
        refused.problems.push_back({Severity::Error, {}, "usage", command.text});
        return refused;
    }
    return load(command.request);
}

inline Loaded load_text(const Folder& folder, const std::string& name, const std::string& text,
                        std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"--config", folder.write(name, text)});
    return load_arguments(std::move(arguments));
}

inline std::string told(const Loaded& loaded, Severity severity) {
    std::string all;
    for (const auto& problem : loaded.problems)
        if (problem.severity == severity) all += to_string(problem) + "\n";
    return all;
}
inline std::string errors(const Loaded& loaded) {
    return told(loaded, Severity::Error);
}
inline std::string warnings(const Loaded& loaded) {
    return told(loaded, Severity::Warning);
}
inline std::string notes(const Loaded& loaded) {
    return told(loaded, Severity::Note);
}

// The value in effect, as a flag would give it.
inline std::string value_of(const Loaded& loaded, const std::string& key) {
    const auto* option = find_option(key);
    if (!option) return "no such option";
    if (option->standing == Standing::Built) return as_text(*option, get(*option, loaded.config));
    if (const auto given = loaded.given.find(key); given != loaded.given.end())
        return as_text(*option, given->second);
    const auto standard = standard_value(*option, loaded.kanto);
    return standard ? as_text(*option, *standard) : "no default";
}

}  // namespace berth::service::test
