// JSON text to a tree and back, for the .cpp files of protocol only. No tree is built of a text that is too
// large or nested too deeply: printing or walking such a tree would end the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/envelope.hpp"
#include "protocol/result.hpp"

namespace berth {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

Error too_large(std::size_t bytes, std::size_t most);

// TooLarge over `most` bytes, Invalid over kMaxNesting levels (with the byte that opens one too many).
std::optional<Error> preflight(std::string_view text, std::size_t most = kMaxMessageBytes);

// Invalid: what the parser stumbled over and at which byte, without quoting the text, which may be secret.
Error syntax_error(std::size_t position, const std::exception& cause);

// The tree of one JSON object. Names are lower-cased on the way in: the wire matches them whatever their
// case, and of names that differ only in it the last one counts.
Result<Json> parse_object(std::string_view text);

// The same with names as they are written: Fields takes the exact one first, then one in another case.
Result<Json> parse_exact(std::string_view text, std::size_t most = kMaxMessageBytes);

std::string lower(std::string_view text);  // ASCII

// Compact, or indented by `indent` blanks. Bytes that are no UTF-8 are replaced: error texts come from
// outside.
template <class AnyJson>
std::string print(const AnyJson& json, int indent = -1) {
    return json.dump(indent, ' ', false, AnyJson::error_handler_t::replace);
}

// Behind `text`: `value` as a JSON string, as print() writes it. For the few messages of which there are
// many.
void append_quoted(std::string& text, std::string_view value);

// {"activityId":…,"timestamp":…,"payload":…}
std::string print_envelope(const std::string& activity_id, std::int64_t timestamp, OrderedJson payload);

}  // namespace berth
