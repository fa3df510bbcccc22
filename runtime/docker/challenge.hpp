// What a registry answers to whom it does not know: which proof it wants, and where that is to be had. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace berth::runtime::docker {

struct Challenge {
    enum class Scheme { Basic, Bearer };
    Scheme scheme{Scheme::Basic};
    std::string realm{};  // Bearer: URL of the token's service
    std::string service{};
    std::string scope{};
    bool operator==(const Challenge&) const = default;
};

// One WWW-Authenticate header; absent: a scheme that is not known here, or a Bearer without a realm.
std::optional<Challenge> parse_challenge(std::string_view header);

// The address to ask for a token, with service and scope.
std::string token_url(const Challenge& challenge);

// Of its answer. Unsupported: there is none, or one that fits no header.
Result<std::string> decode_token(std::string_view answer);

}  // namespace berth::runtime::docker
