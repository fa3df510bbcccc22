// From a written value to a typed one, and back to text.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "protocol/sizes.hpp"
#include "service/config_option.hpp"

namespace berth::service {

namespace {

using std::chrono::duration_cast;
using std::chrono::nanoseconds;

std::string kind_of(const Value& value) {
    struct Name {
        std::string operator()(bool) const { return "a boolean"; }
        std::string operator()(std::int64_t) const { return "a number"; }
        std::string operator()(double) const { return "a number"; }
        std::string operator()(const std::string&) const { return "a string"; }
        std::string operator()(const std::vector<std::string>&) const { return "a list"; }
        std::string operator()(const Unfit& unfit) const { return unfit.what; }
    };
    return std::visit(Name{}, value);
}

Error wrong_type(std::string_view wanted, const Value& value) {
    return fail(Errc::Invalid, fmt::format("must be {}, is {}", wanted, kind_of(value)));
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (std::size_t start = 0; !text.empty() && start <= text.size();) {
        const auto end = std::min(text.find(separator, start), text.size());
        auto part = text.substr(start, end - start);
        while (!part.empty() && part.front() == ' ')
            part.remove_prefix(1);
        while (!part.empty() && part.back() == ' ')
            part.remove_suffix(1);
        if (!part.empty()) parts.emplace_back(part);
        start = end + 1;
    }
    return parts;
}

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

Result<Typed> to_boolean(const Value& value, bool lenient) {
    if (const auto* flag = std::get_if<bool>(&value)) return Typed{*flag};
    const auto* text = std::get_if<std::string>(&value);
    if (!lenient || !text) return wrong_type("true or false", value);
    const auto parsed = parse_bool(*text);
    if (!parsed) return fail(Errc::Invalid, fmt::format("must be true or false, is '{}'", *text));
    return Typed{*parsed};
}

Result<Typed> to_integer(const Value& value, bool lenient) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) return Typed{*number};
    const auto* text = std::get_if<std::string>(&value);
    if (!lenient || !text) return wrong_type("a whole number", value);
    const auto parsed = parse_int(*text);
    if (!parsed) return fail(Errc::Invalid, fmt::format("must be a whole number, is '{}'", *text));
    return Typed{*parsed};
}

Result<Typed> to_number(const Value& value) {
    if (const auto* number = std::get_if<double>(&value)) return Typed{*number};
    if (const auto* number = std::get_if<std::int64_t>(&value)) return Typed{static_cast<double>(*number)};
    return wrong_type("a number", value);
}

// A number without unit, also when it is written as text; nothing if it is not one.
std::optional<double> bare_number(const Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) return static_cast<double>(*number);
    if (const auto* number = std::get_if<double>(&value)) return *number;
    const auto* text = std::get_if<std::string>(&value);
    if (!text) return {};
    if (const auto parsed = parse_int(*text)) return static_cast<double>(*parsed);
    return {};
}

constexpr std::string_view kDurationForm{"a duration such as \"30s\" or \"1m30s\""};

Result<Typed> to_duration(const Option& option, const Value& value, bool lenient) {
    const auto number = bare_number(value);
    const bool unit_needed = !lenient || option.bare == Bare::Refused;
    if (number && !unit_needed) {
        const double unit_ms = option.bare == Bare::Days ? 24.0 * 3600 * 1000 : 1000.0;
        if (std::abs(*number) > 1e12) return fail(Errc::Invalid, "is out of range");
        return Typed{milliseconds{std::llround(*number * unit_ms)}};
    }
    const auto* text = std::get_if<std::string>(&value);
    if (!text) return wrong_type(kDurationForm, value);
    const auto parsed = parse_duration(*text);
    if (!parsed) return fail(Errc::Invalid, fmt::format("must be {}, is '{}'", kDurationForm, *text));
    const auto whole = duration_cast<milliseconds>(*parsed);
    if (whole == milliseconds::zero() && *parsed != nanoseconds::zero())
        return fail(Errc::Invalid, fmt::format("'{}' is finer than a millisecond", *text));
    return Typed{whole};
}

constexpr std::string_view kSizeForm{"a size with a unit letter such as \"256M\""};

Result<Typed> to_size(const Option& option, const Value& value, bool lenient) {
    const auto number = bare_number(value);
    if (number && lenient && option.bare == Bare::Megabytes) {
        if (std::abs(*number) > 1e9) return fail(Errc::Invalid, "is out of range");
        return Typed{static_cast<std::int64_t>(*number) * 1024 * 1024};
    }
    const auto* text = std::get_if<std::string>(&value);
    if (!text) return wrong_type(kSizeForm, value);
    const auto parsed = parse_size(*text);
    if (!parsed) return fail(Errc::Invalid, fmt::format("must be {}, is '{}'", kSizeForm, *text));
    return Typed{*parsed};
}

Result<Typed> to_list(const Value& value, bool lenient) {
    if (const auto* list = std::get_if<std::vector<std::string>>(&value)) return Typed{*list};
    const auto* text = std::get_if<std::string>(&value);
    if (!lenient || !text) return wrong_type("a list of strings", value);
    return Typed{split(*text, ',')};
}

Result<Typed> to_text(const Option& option, const Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    if (!text) return wrong_type("a string", value);
    if (option.choices.empty()) return Typed{*text};
    const auto choices = split(option.choices, '|');
    for (const auto& choice : choices)
        if (same_word(*text, choice)) return Typed{choice};
    return fail(Errc::Invalid,
                choices.size() == 1
                    ? fmt::format("can only be '{}', is '{}'", choices[0], *text)
                    : fmt::format("must be one of {}; is '{}'", fmt::join(choices, ", "), *text));
}

Result<Typed> convert(const Option& option, const Value& value, bool lenient) {
    switch (option.kind) {
        case Kind::Text: return to_text(option, value);
        case Kind::Boolean: return to_boolean(value, lenient);
        case Kind::Integer: return to_integer(value, lenient);
        case Kind::Number: return to_number(value);
        case Kind::Duration: return to_duration(option, value, lenient);
        case Kind::Size: return to_size(option, value, lenient);
        case Kind::List: return to_list(value, lenient);
        case Kind::Any:
            if (std::holds_alternative<std::vector<std::string>>(value)) return to_list(value, lenient);
            return to_text(option, value);
    }
    return fail(Errc::Internal, "unknown kind of option");
}

Result<> in_range(const Option& option, const Typed& typed) {
    if (const auto* length = std::get_if<milliseconds>(&typed)) {
        if (length->count() < option.least)
            return fail(Errc::Invalid, option.least > 0 ? std::string{"must be longer than 0s"}
                                                        : fmt::format("must not be negative, is {}",
                                                                      format_duration(*length)));
        if (length->count() > option.most)
            return fail(Errc::Invalid,
                        fmt::format("must be at most {}, is {}", format_duration(milliseconds{option.most}),
                                    format_duration(*length)));
    }
    if (const auto* number = std::get_if<std::int64_t>(&typed)) {
        if (*number >= option.least && *number <= option.most) return {};
        if (option.most == kAnyLength)
            return fail(Errc::Invalid, fmt::format("must be at least {}, is {}", option.least, *number));
        return fail(Errc::Invalid,
                    fmt::format("must be {} to {}, is {}", option.least, option.most, *number));
    }
    return {};
}

std::string_view apply_mode_text(ApplyMode mode) {
    switch (mode) {
        case ApplyMode::Hybrid: return "hybrid";
        case ApplyMode::Auto: return "auto";
        case ApplyMode::Command: return "command";
    }
    return "hybrid";
}

std::string size_text(std::int64_t bytes) {
    constexpr std::int64_t kKibi = 1024;
    if (bytes != 0 && bytes % (kKibi * kKibi * kKibi) == 0)
        return fmt::format("{}G", bytes / (kKibi * kKibi * kKibi));
    if (bytes != 0 && bytes % (kKibi * kKibi) == 0) return fmt::format("{}M", bytes / (kKibi * kKibi));
    if (bytes % kKibi == 0) return fmt::format("{}K", bytes / kKibi);
    return fmt::format("{:.10f}K", static_cast<double>(bytes) / kKibi);  // ten binary digits: exact
}

// Go writes 672h0m0s; people write 672h.
std::string duration_text(milliseconds length) {
    auto text = format_duration(length);
    if (text.ends_with("m0s")) text.erase(text.size() - 2);
    if (text.ends_with("h0m")) text.erase(text.size() - 2);
    return text;
}

std::string in_quotes(std::string_view text) {
    std::string out{"\""};
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += {'\\', c};
        else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
            out += c;
    }
    return out + '"';
}

}  // namespace

Result<Typed> understand(const Option& option, const Value& value, bool lenient) {
    auto typed = convert(option, value, lenient);
    if (!typed) return typed;
    if (const auto range = in_range(option, *typed); !range) return range.error();
    if (option.check)
        if (auto reason = option.check(*typed); !reason.empty())
            return fail(Errc::Invalid, std::move(reason));
    return typed;
}

bool is_readable(const Option& option, const Value& value, bool lenient) {
    return static_cast<bool>(convert(option, value, lenient));
}

Result<Typed> standard_value(const Option& option, bool kanto_file) {
    const auto text = option.standard(kanto_file);
    if (text == kNoDefault) return fail(Errc::NotFound, "has no default");
    if (option.kind == Kind::List) return Typed{split(text, ',')};
    return understand(option, std::string{text}, true);
}

void put(const Option& option, const Typed& value, Config& config) {
    struct Put {
        const Typed& value;
        Config& config;
        void operator()(std::monostate) const {}
        void operator()(std::string& (*at)(Config&)) const { at(config) = std::get<std::string>(value); }
        void operator()(bool& (*at)(Config&)) const { at(config) = std::get<bool>(value); }
        void operator()(int& (*at)(Config&)) const {
            at(config) = static_cast<int>(std::get<std::int64_t>(value));
        }
        void operator()(std::int64_t& (*at)(Config&)) const { at(config) = std::get<std::int64_t>(value); }
        void operator()(milliseconds& (*at)(Config&)) const { at(config) = std::get<milliseconds>(value); }
        void operator()(std::vector<std::string>& (*at)(Config&)) const {
            at(config) = std::get<std::vector<std::string>>(value);
        }
        void operator()(ApplyMode& (*at)(Config&)) const {
            const auto& text = std::get<std::string>(value);
            at(config) = text == "auto"      ? ApplyMode::Auto
                         : text == "command" ? ApplyMode::Command
                                             : ApplyMode::Hybrid;
        }
    };
    std::visit(Put{value, config}, option.target);
}

Typed get(const Option& option, const Config& config) {
    struct Get {
        Config& config;
        Typed operator()(std::monostate) const { return std::string{}; }
        Typed operator()(std::string& (*at)(Config&)) const { return at(config); }
        Typed operator()(bool& (*at)(Config&)) const { return at(config); }
        Typed operator()(int& (*at)(Config&)) const { return std::int64_t{at(config)}; }
        Typed operator()(std::int64_t& (*at)(Config&)) const { return at(config); }
        Typed operator()(milliseconds& (*at)(Config&)) const { return at(config); }
        Typed operator()(std::vector<std::string>& (*at)(Config&)) const { return at(config); }
        Typed operator()(ApplyMode& (*at)(Config&)) const { return std::string{apply_mode_text(at(config))}; }
    };
    Config copy = config;  // the accessors give references to change
    return std::visit(Get{copy}, option.target);
}

std::string as_text(const Option& option, const Typed& value) {
    struct Text {
        const Option& option;
        std::string operator()(bool flag) const { return flag ? "true" : "false"; }
        std::string operator()(std::int64_t number) const {
            return option.kind == Kind::Size ? size_text(number) : fmt::format("{}", number);
        }
        std::string operator()(double number) const { return fmt::format("{}", number); }
        std::string operator()(const std::string& text) const { return text; }
        std::string operator()(const std::vector<std::string>& list) const {
            return fmt::format("{}", fmt::join(list, ","));
        }
        std::string operator()(milliseconds length) const { return duration_text(length); }
    };
    return std::visit(Text{option}, value);
}

std::string as_toml(const Option& option, const Typed& value) {
    if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
        std::vector<std::string> items;
        for (const auto& item : *list)
            items.push_back(in_quotes(item));
        return fmt::format("[{}]", fmt::join(items, ", "));
    }
    auto text = as_text(option, value);
    const bool plain = std::holds_alternative<bool>(value) || std::holds_alternative<double>(value) ||
                       (std::holds_alternative<std::int64_t>(value) && option.kind != Kind::Size);
    return plain ? text : in_quotes(text);
}

Path split_key(std::string_view dotted) {
    Path path;
    for (std::size_t start = 0; start <= dotted.size();) {
        const auto end = std::min(dotted.find('.', start), dotted.size());
        path.emplace_back(dotted.substr(start, end - start));
        start = end + 1;
    }
    return path;
}

std::vector<const Option*> all_options() {
    std::vector<const Option*> all;
    for (const auto& option : built_options())
        all.push_back(&option);
    for (const auto& option : later_options())
        all.push_back(&option);
    return all;
}

const Option* find_option(std::string_view key) {
    for (const auto* option : all_options())
        if (option->key == key) return option;
    return nullptr;
}

}  // namespace berth::service
