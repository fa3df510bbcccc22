// The twin's upper-case words for what the model names as the engine does. Internal to protocol/twin.
#pragma once

#include <string>
#include <string_view>

namespace berth::twin {

// "on-failure" -> "ON_FAILURE".
std::string upper_word(std::string_view engine_word);
// "ON_FAILURE" -> "on-failure"; what is no upper-case word stays as it is, for the validation to judge.
std::string engine_word(std::string_view word);

// Without the zeros at the end of the fraction: 2025-03-04T05:06:07.089Z.
std::string short_time(std::string_view rfc3339);

}  // namespace berth::twin
