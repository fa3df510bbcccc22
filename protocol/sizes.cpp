#include "protocol/sizes.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace berth {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::size_t digits_at(std::string_view text) {
    std::size_t n = 0;
    while (n < text.size() && is_digit(text[n]))
        ++n;
    return n;
}

std::int64_t unit_of(char letter) {
    switch (letter) {
        case 'k':
        case 'K': return 1024LL;
        case 'm':
        case 'M': return 1024LL * 1024;
        case 'g':
        case 'G': return 1024LL * 1024 * 1024;
        default: return 0;
    }
}

constexpr double kInt64Limit = 9223372036854775808.0;  // 2^63

// Digits with at most one dot; whatever the locale says a dot is.
std::optional<double> number_of(std::string_view text) {
    double value{};
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error == std::errc::result_out_of_range) return std::numeric_limits<double>::infinity();
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// One "1.5h": what it is worth in nanoseconds. The text moves on behind it.
std::optional<long double> next_part(std::string_view& text) {
    const std::size_t whole = digits_at(text);
    std::size_t used = whole;
    if (used < text.size() && text[used] == '.') used += 1 + digits_at(text.substr(used + 1));
    if (used == 0 || (whole == 0 && used == 1)) return std::nullopt;
    const auto number = number_of(text.substr(0, used));
    if (!number) return std::nullopt;
    text.remove_prefix(used);

    constexpr std::array<std::pair<std::string_view, long double>, 8> kUnits = {{{"ns", 1.0L},
                                                                                 {"us", 1e3L},
                                                                                 {"\u00b5s", 1e3L},
                                                                                 {"\u03bcs", 1e3L},
                                                                                 {"ms", 1e6L},
                                                                                 {"s", 1e9L},
                                                                                 {"m", 60e9L},
                                                                                 {"h", 3600e9L}}};
    std::size_t length = 0;  // a unit reaches to the next digit, so "m" is never taken for the m of "ms"
    while (length < text.size() && !is_digit(text[length]) && text[length] != '.')
        ++length;
    const auto word = text.substr(0, length);
    for (const auto& [name, worth] : kUnits)
        if (name == word) {
            text.remove_prefix(length);
            return *number * worth;
        }
    return std::nullopt;
}

// 1500000000 in units of 1000000000 -> "1.5": the fraction without trailing noughts.
std::string with_fraction(std::uint64_t value, std::uint64_t unit) {
    std::string text = std::to_string(value / unit);
    std::uint64_t rest = value % unit;
    if (rest == 0) return text;
    text += '.';
    while (rest > 0) {
        rest *= 10;
        text += static_cast<char>('0' + rest / unit);
        rest %= unit;
    }
    return text;
}

}  // namespace

Result<std::int64_t> parse_size(std::string_view text) {
    const Error bad = fail(Errc::Invalid, "expected a number and a unit letter k, m or g, like 64M");
    std::string_view number = text;
    const std::int64_t unit = text.empty() ? 0 : unit_of(text.back());
    if (unit == 0) {
        const bool only_digits = !text.empty() && digits_at(text) == text.size();
        return only_digits ? fail(Errc::Invalid, "size needs a unit letter k, m or g, like 64M") : bad;
    }
    number.remove_suffix(1);
    if (!number.empty() && number.back() == ' ') number.remove_suffix(1);
    const std::size_t whole = digits_at(number);
    if (whole == 0) return bad;
    if (whole < number.size()) {
        const auto fraction = number.substr(whole + 1);
        if (number[whole] != '.' || fraction.empty() || digits_at(fraction) != fraction.size()) return bad;
    }
    const double bytes = number_of(number).value_or(kInt64Limit) * static_cast<double>(unit);
    if (bytes >= kInt64Limit) return fail(Errc::Invalid, "size is out of range");
    return static_cast<std::int64_t>(bytes);
}

std::string format_size(std::int64_t bytes) {
    const auto count = static_cast<std::uint64_t>(bytes);
    for (const char letter : {'G', 'M'})
        if (const auto unit = static_cast<std::uint64_t>(unit_of(letter)); count % unit == 0)
            return std::to_string(count / unit) + letter;
    return with_fraction(count, static_cast<std::uint64_t>(unit_of('K'))) + 'K';
}

Result<bool> parse_bool(std::string_view text) {
    for (const auto word : {"1", "t", "T", "TRUE", "true", "True"})
        if (text == word) return true;
    for (const auto word : {"0", "f", "F", "FALSE", "false", "False"})
        if (text == word) return false;
    return fail(Errc::Invalid, "expected true or false");
}

Result<std::int64_t> parse_int(std::string_view text) {
    std::string_view digits = text;
    if (!digits.empty() && digits.front() == '+') digits.remove_prefix(1);
    const bool signed_twice = digits.size() != text.size() && !digits.empty() && digits.front() == '-';
    std::int64_t value{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc::result_out_of_range) return fail(Errc::Invalid, "number is out of range");
    if (error != std::errc{} || end != digits.data() + digits.size() || signed_twice)
        return fail(Errc::Invalid, "expected a whole number");
    return value;
}

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
    const Error bad = fail(Errc::Invalid, "expected a duration with units, like 30s or 1m30s");
    bool negative = false;
    if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
        negative = text.front() == '-';
        text.remove_prefix(1);
    }
    if (text == "0") return std::chrono::nanoseconds{0};
    if (text.empty()) return bad;
    long double sum = 0;
    while (!text.empty()) {
        const auto part = next_part(text);
        if (!part) return bad;
        sum += *part;
    }
    if (sum >= static_cast<long double>(kInt64Limit)) return fail(Errc::Invalid, "duration is out of range");
    const auto count = static_cast<std::int64_t>(sum);
    return std::chrono::nanoseconds{negative ? -count : count};
}

std::string format_duration(std::chrono::nanoseconds value) {
    if (value.count() == 0) return "0s";
    const std::string sign = value.count() < 0 ? "-" : "";
    const auto raw = static_cast<std::uint64_t>(value.count());
    const std::uint64_t ns = sign.empty() ? raw : ~raw + 1;  // of the least int64 there is no negative
    if (ns < 1'000) return sign + std::to_string(ns) + "ns";
    if (ns < 1'000'000) return sign + with_fraction(ns, 1'000) + "\u00b5s";
    if (ns < 1'000'000'000) return sign + with_fraction(ns, 1'000'000) + "ms";
    constexpr std::uint64_t kMinute = 60'000'000'000;
    const std::uint64_t minutes = ns / kMinute;
    const std::string seconds = with_fraction(ns % kMinute, 1'000'000'000) + "s";
    if (minutes == 0) return sign + seconds;
    if (minutes < 60) return sign + std::to_string(minutes) + "m" + seconds;
    return sign + std::to_string(minutes / 60) + "h" + std::to_string(minutes % 60) + "m" + seconds;
}

}  // namespace berth
