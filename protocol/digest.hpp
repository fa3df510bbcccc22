// The checksum of a text.
#pragma once

#include <string>
#include <string_view>

namespace berth {

std::string sha256(std::string_view text);  // 64 hex digits; empty where the library has none

}  // namespace berth
