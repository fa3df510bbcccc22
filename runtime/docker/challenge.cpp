#include "runtime/docker/challenge.hpp"

#include <algorithm>
#include <cctype>

#include "runtime/docker/fields.hpp"
#include "runtime/docker/http.hpp"

namespace berth::runtime::docker {
namespace {

std::string lower_case(std::string_view words) {
    std::string low(words);
    std::ranges::transform(low, low.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return low;
}

// Takes the next `name=value` or `name="value"` off the front; empty: there is none.
std::string_view take_name(std::string_view& rest, std::string& value) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" ,\t"), rest.size()));
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos) return {};
    const auto name = rest.substr(0, equals);
    rest.remove_prefix(equals + 1);
    value.clear();
    const bool quoted = rest.starts_with('"');
    if (quoted) rest.remove_prefix(1);
    while (!rest.empty() && rest.front() != (quoted ? '"' : ',')) {
        if (quoted && rest.front() == '\\' && rest.size() > 1) rest.remove_prefix(1);
        value += rest.front();
        rest.remove_prefix(1);
    }
    if (!rest.empty()) rest.remove_prefix(1);
    return name;
}

}  // namespace

std::optional<Challenge> parse_challenge(std::string_view header) {
    const auto space = std::min(header.find(' '), header.size());
    const auto scheme = lower_case(header.substr(0, space));
    auto rest = header.substr(space);
    if (scheme == "basic") return Challenge{};
    if (scheme != "bearer") return std::nullopt;
    Challenge challenge{.scheme = Challenge::Scheme::Bearer, .realm = {}, .service = {}, .scope = {}};
    std::string value;
    for (auto name = take_name(rest, value); !name.empty(); name = take_name(rest, value)) {
        const auto known = lower_case(name);
        if (known == "realm") challenge.realm = value;
        if (known == "service") challenge.service = value;
        if (known == "scope") challenge.scope = value;
    }
    if (challenge.realm.empty()) return std::nullopt;
    return challenge;
}

std::string token_url(const Challenge& challenge) {
    auto url = challenge.realm;
    const auto add = [&url](const std::string& name, const std::string& value) {
        if (value.empty()) return;
        url += url.find('?') == std::string::npos ? '?' : '&';
        url += name + "=" + url_escape(value);
    };
    add("service", challenge.service);
    add("scope", challenge.scope);
    return url;
}

Result<std::string> decode_token(std::string_view answer) {
    const auto said = json::parse(answer, nullptr, false);
    auto token = text(said, "token");
    if (token.empty()) token = text(said, "access_token");
    const bool fits = std::ranges::all_of(token, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
    if (token.empty() || !fits) return fail(Errc::Unsupported, "the registry's token service gives no token");
    return token;
}

}  // namespace berth::runtime::docker
