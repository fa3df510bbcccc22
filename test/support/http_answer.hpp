// Requests and answers of HTTP as they stand on a connection, for whoever is in between.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "test/support/relay.hpp"

namespace berth::test {

struct HttpAnswer {
    std::string head{};  // with the empty line
    std::string body{};  // in one piece

    bool has_body() const;  // may have one, even if it is empty
};

std::string_view first_line(std::string_view text);
bool is_whole_request(std::string_view bytes);

// One answer of the server to its end; nothing: the connection ended before, or the relay goes away.
std::optional<HttpAnswer> read_answer(const Relay::Connection& connection);
// With a length in place of chunks, whatever has become of the body.
std::string bytes_of(const HttpAnswer& answer);

}  // namespace berth::test
