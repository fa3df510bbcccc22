// berth.name and [log].
#include "service/config_rules.hpp"
#include "service/config_table.hpp"

namespace berth::service {

namespace {

constexpr Option kLogOptions[] = {
    {.key = "berth.name",
     .target = GOES_TO(name),
     .check = rules::device_name,
     .help = "this device, part of the MQTT client id; empty: the host name"},

    {.key = "log.level",
     .own = "INFO",
     .path = {"log.log_level"},
     .flag = "log-level",
     .target = GOES_TO(log.level),
     .choices = "ERROR|WARN|INFO|DEBUG|TRACE",
     .help = "how much is logged"},
    {.key = "log.file",
     .kanto = "log/container-management.log",
     .path = {"log.log_file"},
     .flag = "log-file",
     .target = GOES_TO(log.file),
     .help = "log file; empty: standard output"},
    {.key = "log.file_size",
     .kind = Kind::Size,
     .own = "2M",
     .path = {"log.log_file_size"},
     .flag = "log-file-size",
     .target = GOES_TO(log.file_size),
     .least = 1024,
     .bare = Bare::Megabytes,
     .help = "a fuller log file is set aside; a bare number: MB"},
    {.key = "log.file_count",
     .kind = Kind::Integer,
     .own = "5",
     .path = {"log.log_file_count"},
     .flag = "log-file-count",
     .target = GOES_TO(log.file_count),
     .least = 0,
     .most = 1000,
     .help = "log files kept besides the one written to"},
    {.key = "log.file_max_age",
     .kind = Kind::Duration,
     .own = "672h",
     .path = {"log.log_file_max_age"},
     .flag = "log-file-max-age",
     .target = GOES_TO(log.file_max_age),
     .least = 0,
     .most = kYearsMs,
     .bare = Bare::Days,
     .help = "older log files are deleted, 0: never; a bare number: days"},
    {.key = "log.syslog",
     .kind = Kind::Boolean,
     .own = "false",
     .path = {"log.syslog"},
     .flag = "log-syslog",
     .target = GOES_TO(log.syslog),
     .help = "log to syslog, unless a log file is set"},
};

}  // namespace

std::span<const Option> log_options() {
    return kLogOptions;
}

}  // namespace berth::service
