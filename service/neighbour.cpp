#include "service/neighbour.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "service/config_rules.hpp"
#include "service/files.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

// The kernel takes the value in one write. 0, or why not.
int write_value(const std::filesystem::path& file, const std::string& value) {
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (descriptor < 0) return errno;
    const auto written = ::write(descriptor, value.data(), value.size());
    const int error = written < 0 ? errno : 0;
    ::close(descriptor);
    return error;
}

}  // namespace

NeighbourTimer::NeighbourTimer(const BridgeConfig& bridge, std::filesystem::path settings)
    : bridge_(bridge), settings_(std::move(settings)) {}

void NeighbourTimer::apply() {
    if (bridge_.disable || bridge_.neighbour_retrans == milliseconds::zero()) return;
    if (!rules::interface_name(Typed{bridge_.name}).empty()) return;  // it is to become part of a path
    const auto file = settings_ / bridge_.name / "retrans_time_ms";
    const auto value = std::to_string(bridge_.neighbour_retrans.count()) + "\n";
    const auto now = read_file(file);
    if (now && *now == value) return;  // sysctl.d was here, or an earlier connect
    const int error = write_value(file, value);
    if (error == 0 || std::exchange(told_, true)) return;
    log::debug("neighbour timer of bridge '{}' left alone: {}", bridge_.name,
               std::generic_category().message(error));
}

}  // namespace berth::service
