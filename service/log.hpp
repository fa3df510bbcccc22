// Log lines: a narrow door to spdlog's default logger, which service/logging makes. Narrow because spdlog's
// own header costs every file that includes it about four seconds to compile.
#pragma once

#include <fmt/core.h>

namespace berth::service::log {

enum class Level { Trace, Debug, Info, Warn, Error, Critical };

// From any thread. A text of a level that is not wanted is not made.
void write(Level level, fmt::string_view format, fmt::format_args arguments);
void flush();

template <class... Arguments>
void at(Level level, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    write(level, format, fmt::make_format_args(arguments...));
}
template <class... Arguments>
void trace(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    write(Level::Trace, format, fmt::make_format_args(arguments...));
}
template <class... Arguments>
void debug(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    write(Level::Debug, format, fmt::make_format_args(arguments...));
}
template <class... Arguments>
void info(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    write(Level::Info, format, fmt::make_format_args(arguments...));
}
template <class... Arguments>
void warn(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    write(Level::Warn, format, fmt::make_format_args(arguments...));
}
template <class... Arguments>
void error(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    write(Level::Error, format, fmt::make_format_args(arguments...));
}
template <class... Arguments>
void critical(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    write(Level::Critical, format, fmt::make_format_args(arguments...));
}

}  // namespace berth::service::log
