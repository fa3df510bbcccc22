#include "service/options.hpp"

#include <algorithm>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "protocol/resembling.hpp"

namespace berth::service {

namespace {

struct Flag {  // of Kanto, with what was given for it
    const Option* option{};
    CLI::Option* parsed{};
    std::vector<std::string> values{};
};

std::string group_of(const Option& option) {
    if (option.standing != Standing::Built)
        return "Accepted from Kanto's command line, without effect in this version";
    static const std::map<std::string_view, std::string> kGroups = {{"log", "Logging"},
                                                                    {"mqtt", "Broker"},
                                                                    {"update_agent", "Update agent"},
                                                                    {"things", "Digital twin"},
                                                                    {"storage", "Folders"},
                                                                    {"runtime", "Engine"},
                                                                    {"lifecycle", "Engine"},
                                                                    {"network", "Bridge network"},
                                                                    {"images", "Images"}};
    return kGroups.at(option.key.substr(0, option.key.find('.')));
}

std::string value_name(const Option& option) {
    if (option.kind == Kind::Boolean) return "";
    const bool kanto_has_other_words = option.key == "runtime.type";
    if (!option.choices.empty() && option.choices.size() < 30 && !kanto_has_other_words)
        return std::string{option.choices};
    switch (option.kind) {
        case Kind::Duration: return "DURATION";
        case Kind::Size: return "SIZE";
        case Kind::Integer: return "NUMBER";
        case Kind::List: return "NAME,NAME";
        default: return "TEXT";
    }
}

std::string help_of(const Option& option) {
    std::string text{option.help};
    if (option.standing == Standing::Built && !option.own.empty() && option.own != kNoDefault)
        text += fmt::format(" [{}]", option.own);
    return text;
}

// "a,b" and repetition; for k=v lists every part must have both.
void add_settings(const Flag& flag, Settings& settings, std::string& error) {
    const auto& option = *flag.option;
    const std::string name = "--" + std::string{option.flag};
    auto path = split_key(option.path[0]);
    if (path.back() != "*") {
        std::string value = flag.values.back();
        if (option.kind == Kind::List)
            for (std::size_t i = 0; i + 1 < flag.values.size(); ++i)
                value = flag.values[i] + "," + value;
        settings.push_back({path, value, {name, 0}, true});
        return;
    }
    for (const auto& value : flag.values)
        for (const auto& part : CLI::detail::split(value, ',')) {
            const auto sign = part.find('=');
            if (sign == std::string::npos || sign == 0 || sign + 1 == part.size())
                error = fmt::format("{}: '{}' is not name=value", name, part);
            path.back() = part.substr(0, sign);
            settings.push_back({path, part.substr(std::min(sign, part.size() - 1) + 1), {name, 0}, true});
        }
}

// CLI11 takes "--log-file=" for a flag whose value follows; "--log-file" "" is what was meant.
std::vector<std::string> with_empty_values_apart(int argc, const char* const* argv) {
    std::vector<std::string> arguments;
    for (int i = 1; i < argc; ++i) {
        std::string argument = argv[i];
        const bool empty_value = argument.starts_with("--") && argument.size() > 3 &&
                                 argument.back() == '=' && argument.find('=') == argument.size() - 1;
        if (empty_value) argument.pop_back();
        arguments.push_back(std::move(argument));
        if (empty_value) arguments.emplace_back();
    }
    return {arguments.rbegin(), arguments.rend()};  // CLI11 takes them from the back
}

class Parser {
 public:
    Parser() {
        app_.name("berthd");
        app_.get_formatter()->column_width(44);
        app_.footer(
            "A flag wins over the configuration file; --flag=false switches off. Without --config: "
            "$BERTH_CONFIG, then the first of\n"
            "/etc/berth/berth.toml, /etc/container-management/config.toml and config.json there.\n"
            "Exit status: 0 ended by request, 1 configuration, lock or start-up failure, 2 usage.");
        app_.add_option("--config,--cfg-file", command_.request.file, "configuration file, TOML or JSON")
            ->type_name("FILE")
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
            ->group("Berth");
        app_.set_help_flag("-h,--help", "this text")->group("Berth");
        app_.add_flag("--version", version_, "version of berthd")->group("Berth");
        auto* const check =
            app_.add_flag("--check-config", check_, "say all that is wrong with the configuration, and end")
                ->group("Berth");
        app_.add_flag("--dump-config", dump_, "print the configuration in effect as TOML, and end")
            ->group("Berth")
            ->excludes(check);
        app_.add_flag("--strict", command_.request.strict,
                      "an unknown key is an error; in JSON only with --check-config")
            ->group("Berth");
        app_.add_flag("--fence", fence_, "")->group("");
        for (const auto* option : all_options())
            if (!option->flag.empty()) add(*option);
    }

    CommandLine parse(int argc, const char* const* argv) {
        try {
            app_.parse(with_empty_values_apart(argc, argv));
        } catch (const CLI::CallForHelp&) {
            return show(app_.help());
        } catch (const CLI::ExtrasError&) {
            return refuse(2, explain_extra());
        } catch (const CLI::ParseError& error) {
            return refuse(2, error.what());
        }
        if (version_) return show(fmt::format("berthd {}\n", BERTH_VERSION));
        if (fence_) return refuse(1, "--fence: offloading is not in this version");
        command_.request.check = check_;
        std::string error;
        for (const auto& flag : flags_)
            if (flag->parsed->count() > 0) add_settings(*flag, command_.request.flags, error);
        if (!error.empty()) return refuse(2, error);
        command_.errand = check_ ? Errand::CheckConfig : dump_ ? Errand::DumpConfig : Errand::Serve;
        return std::move(command_);
    }

 private:
    void add(const Option& option) {
        flags_.push_back(std::make_unique<Flag>(Flag{&option}));
        auto& flag = *flags_.back();
        const auto name = "--" + std::string{option.flag};
        flag.parsed = option.kind == Kind::Boolean ? app_.add_flag(name, flag.values, help_of(option))
                                                   : app_.add_option(name, flag.values, help_of(option));
        flag.parsed->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->group(group_of(option));
        if (option.kind != Kind::Boolean)
            flag.parsed->type_name(value_name(option))->type_size(1)->expected(1);
    }

    // The value of an unknown flag could not be placed either; what is behind "=" may be secret.
    std::string explain_extra() const {
        const auto extras = app_.remaining();
        const auto flag = std::find_if(extras.begin(), extras.end(),
                                       [](const std::string& extra) { return extra.starts_with('-'); });
        const auto& extra = flag == extras.end() ? extras.front() : *flag;
        const auto name = extra.substr(0, extra.find('='));
        Resembling near(name.substr(std::min(name.find_first_not_of('-'), name.size())));
        for (const auto* option : app_.get_options())
            for (const auto& known : option->get_lnames())
                if (!option->get_group().empty()) near.see(known);
        return near.best().empty() ? fmt::format("{} is no flag", name)
                                   : fmt::format("{} is no flag; did you mean --{}?", name, near.best());
    }

    static CommandLine show(std::string text) { return {Errand::ShowText, {}, std::move(text), 0}; }
    static CommandLine refuse(int status, const std::string& reason) {
        return {
            Errand::Refuse, {}, fmt::format("berthd: {}\nberthd --help lists all flags.\n", reason), status};
    }

    CLI::App app_{"Berth makes the containers of this device manageable over MQTT."};
    CommandLine command_;
    std::vector<std::unique_ptr<Flag>> flags_;
    bool version_{};
    bool check_{};
    bool dump_{};
    bool fence_{};
};

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
    return Parser{}.parse(argc, argv);
}

}  // namespace berth::service
