#include "service/log.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace berth::service::log {
namespace {

spdlog::level::level_enum level_of(Level level) {
    switch (level) {
        case Level::Trace: return spdlog::level::trace;
        case Level::Debug: return spdlog::level::debug;
        case Level::Info: return spdlog::level::info;
        case Level::Warn: return spdlog::level::warn;
        case Level::Error: return spdlog::level::err;
        case Level::Critical: return spdlog::level::critical;
    }
    return spdlog::level::critical;
}

}  // namespace

void write(Level level, fmt::string_view format, fmt::format_args arguments) {
    auto* logger = spdlog::default_logger_raw();
    if (!logger->should_log(level_of(level))) return;
    logger->log(level_of(level), fmt::vformat(format, arguments));
}

void flush() {
    spdlog::default_logger_raw()->flush();
}

}  // namespace berth::service::log
