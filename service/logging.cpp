#include "service/logging.hpp"

#include <sys/stat.h>
#include <syslog.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>

namespace berth::service {

namespace {

namespace fs = std::filesystem;

// The names of the configuration, not spdlog's own; padded so that texts begin in one column.
class LevelName : public spdlog::custom_flag_formatter {
 public:
    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
        const auto name = text(message.level);
        out.append(name.data(), name.data() + name.size());
    }
    std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<LevelName>(); }

 private:
    static std::string_view text(spdlog::level::level_enum level) {
        switch (level) {
            case spdlog::level::trace: return "TRACE";
            case spdlog::level::debug: return "DEBUG";
            case spdlog::level::info: return "INFO ";
            case spdlog::level::warn: return "WARN ";
            default: return "ERROR";
        }
    }
};

class SafeText : public spdlog::custom_flag_formatter {
 public:
    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
        for (const char c : message.payload) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte >= 0x20 && byte != 0x7f)
                out.push_back(c);
            else
                fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
        }
    }
    std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<SafeText>(); }
};

std::unique_ptr<spdlog::formatter> formatter(const std::string& pattern) {
    auto made = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    made->add_flag<LevelName>('N').add_flag<SafeText>('*').set_pattern(pattern);
    return made;
}

constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%eZ %^%N%$ %*";

// berth.log, berth.1.log, …: those the rotation set aside, when they were written to for the last time too
// long ago.
void remove_old(const fs::path& file, std::chrono::milliseconds max_age) {
    std::error_code error;
    const auto folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
    const auto now = fs::file_time_type::clock::now();
    // No range-for: its step throws, and nothing in the logger's hook would catch that.
    for (fs::directory_iterator at(folder, error); !error && at != fs::directory_iterator();
         at.increment(error)) {
        const auto& entry = *at;
        const auto name = entry.path().filename().string();
        const auto start = file.stem().string() + ".";
        const auto end = file.extension().string();
        if (!name.starts_with(start) || !name.ends_with(end) || name.size() <= start.size() + end.size())
            continue;
        const auto number = name.substr(start.size(), name.size() - start.size() - end.size());
        if (number.find_first_not_of("0123456789") != std::string::npos) continue;
        std::error_code gone;
        const auto written = entry.last_write_time(gone);
        if (!gone && now - written > max_age) fs::remove(entry.path(), gone);
    }
}

spdlog::sink_ptr file_sink(const LogConfigFile& config) {
    const fs::path file = config.file;
    std::error_code error;
    if (file.has_parent_path()) fs::create_directories(file.parent_path(), error);
    spdlog::file_event_handlers handlers;
    const auto max_age = config.file_max_age;
    if (max_age.count() > 0)
        handlers.after_open = [file, max_age](const spdlog::filename_t&, std::FILE*) {
            remove_old(file, max_age);
        };
    return std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
        config.file, static_cast<std::size_t>(config.file_size), static_cast<std::size_t>(config.file_count),
        false, handlers);
}

spdlog::sink_ptr make_sink(const LogConfigFile& config) {
    if (!config.file.empty()) return file_sink(config);
    if (config.syslog)
        return std::make_shared<spdlog::sinks::syslog_sink_mt>("berthd", LOG_PID, LOG_DAEMON, true);
    return std::make_shared<spdlog::sinks::stdout_color_sink_mt>();  // colours on a terminal only
}

}  // namespace

Result<> start_logging(const LogConfigFile& config) {
    try {
        auto sink = make_sink(config);
        const bool syslog = config.syslog && config.file.empty();  // which stamps by itself
        sink->set_formatter(formatter(syslog ? "%*" : kPattern));
        auto logger = std::make_shared<spdlog::logger>("berthd", std::move(sink));
        logger->flush_on(spdlog::level::trace);  // what was said last before a crash is what one looks for
        spdlog::set_default_logger(std::move(logger));
    } catch (const spdlog::spdlog_ex& error) {
        return fail(Errc::Unavailable, fmt::format("log.file: {}", error.what()));
    }
    set_level(config.level);
    return {};
}

void set_level(std::string_view level) {
    spdlog::set_level(level == "ERROR"   ? spdlog::level::err
                      : level == "WARN"  ? spdlog::level::warn
                      : level == "DEBUG" ? spdlog::level::debug
                      : level == "TRACE" ? spdlog::level::trace
                                         : spdlog::level::info);
}

}  // namespace berth::service
