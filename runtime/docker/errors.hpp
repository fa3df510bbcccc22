// What an answer of the engine that is no success means for us. The only place that looks at a status code
// or at the engine's wording.
#pragma once

#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace berth::runtime::docker {

// body: the answer's JSON or, for a failure inside a 200 stream, its error text (status 500). The table is in
// runtime/README.md.
Error to_error(int status, std::string_view body);

// The engine's text without the layers it was passed through ("OCI runtime create failed: …: unknown"), on
// one line, at most 500 bytes.
std::string clean_message(std::string_view text);

// "network 0a1b… not found": of a call about something else that is there.
bool is_network_gone(const Error& error);

}  // namespace berth::runtime::docker
