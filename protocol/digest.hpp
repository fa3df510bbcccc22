// The checksum of a text, in hex digits; empty where the library has none.
#pragma once

#include <openssl/types.h>

#include <string>
#include <string_view>

namespace berth {

std::string hex_digest(std::string_view text, const EVP_MD* kind);
std::string sha256(std::string_view text);

}  // namespace berth
