// Typed values into the Config; values that ask for what is not there stop the start.
#include <fmt/format.h>

#include "service/config_steps.hpp"

namespace berth::service {

namespace {

constexpr std::string_view kKantoEngine = "container-management.service.local.v1.service-containerd-client";

// Kanto named services where Berth names engines.
Result<Value> kanto_engine(const Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    if (text && *text == kKantoEngine) return Value{std::string{"auto"}};
    return fail(Errc::Invalid,
                fmt::format("can only be '{}'; Berth's own name for this is runtime.type", kKantoEngine));
}

bool is_zero(const Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) return *number == 0;
    const auto* text = std::get_if<std::string>(&value);
    return text && *text == "0";
}

class Applier {
 public:
    Applier(Loaded& loaded, Origins& origins) : loaded_(loaded), origins_(origins) {}

    void one(const Written& written) {
        const auto& option = *written.match.option;
        // Kanto's address is containerd's socket: of no use for any other engine.
        if (option.key == "runtime.address" && written.match.kanto_spelling && loaded_.kanto)
            return tell(Severity::Note, written, "not used: it is the socket of another engine");
        // Kanto takes a number 0 for "not set".
        if (option.key == "lifecycle.stop_timeout" && written.lenient && is_zero(written.value))
            return tell(Severity::Note, written, "0 counts as not set");
        auto value = Result<Value>{written.value};
        if (option.key == "runtime.type" && written.match.kanto_spelling) value = kanto_engine(written.value);
        if (!value) return tell(Severity::Error, written, value.error().message);
        const auto typed = understand(option, *value, written.lenient);
        if (!typed && option.falls_back && !is_readable(option, *value, written.lenient))
            return tell(Severity::Warning, written,
                        fmt::format("{}; {} counts", typed.error().message, option.standard(loaded_.kanto)));
        if (!typed) return tell(Severity::Error, written, typed.error().message);
        keep(written, *typed);
    }

    void check_later(const std::vector<Written>& chosen) {
        for (const auto& written : chosen) {
            const auto& option = *written.match.option;
            const auto value = typed_.find(&written);
            if (value == typed_.end()) continue;
            if (option.standing == Standing::Later) later(written, value->second);
            if (option.standing == Standing::Ignored && !is_default(option, value->second))
                tell(Severity::Warning, written, fmt::format("has no effect: {}", option.help));
        }
    }

 private:
    void keep(const Written& written, const Typed& typed) {
        const auto& option = *written.match.option;
        typed_.emplace(&written, typed);
        if (!written.match.captures.empty()) return;
        loaded_.given[std::string{option.key}] = typed;
        origins_[std::string{option.key}] = written.origin;
        put(option, typed, loaded_.config);
    }

    void later(const Written& written, const Typed& value) {
        const auto& option = *written.match.option;
        if (!asks_for_something(option, value)) {
            if (value == Typed{true} && option.key.ends_with(".enabled") && is_default(option, value))
                tell(Severity::Warning, written, "is not in this version, so nothing of it runs");
            return;
        }
        const auto standard = standard_value(option, loaded_.kanto);
        tell(Severity::Error, written,
             standard ? fmt::format("asks for something this version does not have; leave it out or say {}",
                                    as_toml(option, *standard))
                      : std::string{"asks for something this version does not have; leave it out"});
    }

    bool asks_for_something(const Option& option, const Typed& value) const {
        if (is_default(option, value) || value == Typed{std::string{}}) return false;
        if (!option.off.empty() && as_text(option, value) == option.off) return false;
        if (!option.same_as.empty() && value == get(*find_option(option.same_as), loaded_.config))
            return false;
        return !is_switched_off(option);
    }

    static bool is_default(const Option& option, const Typed& value) {
        for (const bool kanto : {false, true})
            if (const auto standard = standard_value(option, kanto); standard && *standard == value)
                return true;
        return false;
    }

    bool is_switched_off(const Option& option) const {
        if (option.switches.empty()) return false;
        for (auto rest = option.switches; !rest.empty();) {
            const auto name = rest.substr(0, rest.find('|'));
            rest.remove_prefix(std::min(rest.size(), name.size() + 1));
            if (!is_off(name)) return false;
        }
        return true;
    }

    bool is_off(std::string_view name) const {
        const bool inverted = name.starts_with('!');
        const auto& option = *find_option(inverted ? name.substr(1) : name);
        const auto given = loaded_.given.find(std::string{option.key});
        const auto value = given != loaded_.given.end() ? Result<Typed>{given->second}
                                                        : standard_value(option, loaded_.kanto);
        const bool off = value && (*value == Typed{false} || *value == Typed{std::string{"none"}});
        return off != inverted || is_switched_off(option);
    }

    void tell(Severity severity, const Written& written, std::string reason) {
        loaded_.problems.push_back({severity, written.origin, written.key, std::move(reason)});
    }

    Loaded& loaded_;
    Origins& origins_;
    std::map<const Written*, Typed> typed_;
};

}  // namespace

void apply(const std::vector<Written>& chosen, Loaded& loaded, Origins& origins) {
    Applier applier(loaded, origins);
    for (const auto& written : chosen)
        applier.one(written);
    applier.check_later(chosen);
}

}  // namespace berth::service
