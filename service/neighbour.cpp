#include "service/neighbour.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

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

// Addresses that it has learned there, not those that somebody has set.
std::vector<std::string> learned_on(const std::string& interface) {
    std::ifstream table("/proc/thread-self/net/arp");
    std::string line;
    std::getline(table, line);  // headings
    std::vector<std::string> found;
    while (std::getline(table, line)) {
        std::istringstream fields(line);
        std::string address, type, flags, hardware, mask, on;
        fields >> address >> type >> flags >> hardware >> mask >> on;
        const auto bits = std::strtoul(flags.c_str(), nullptr, 16);
        if (on == interface && (bits & ATF_COM) != 0 && (bits & ATF_PERM) == 0) found.push_back(address);
    }
    return found;
}

// 0, or why not.
int forget_one(int socket, const std::string& interface, const std::string& address) {
    sockaddr_in whom{};
    whom.sin_family = AF_INET;
    if (::inet_pton(AF_INET, address.c_str(), &whom.sin_addr) != 1) return EINVAL;
    arpreq request{};
    std::memcpy(&request.arp_pa, &whom, sizeof whom);
    interface.copy(request.arp_dev, sizeof request.arp_dev - 1);
    const bool gone = ::ioctl(socket, SIOCDARP, &request) == 0 || errno == ENXIO;
    return gone ? 0 : errno;
}

}  // namespace

// The name becomes part of a path.
Neighbours::Neighbours(const BridgeConfig& bridge, std::filesystem::path settings)
    : bridge_(bridge),
      settings_(std::move(settings)),
      ours_(!bridge.disable && bridge.neighbour_retrans != milliseconds::zero() &&
            rules::interface_name(Typed{bridge.name}).empty()) {}

void Neighbours::set_timer() {
    if (!ours_) return;
    const auto file = settings_ / bridge_.name / "retrans_time_ms";
    const auto value = std::to_string(bridge_.neighbour_retrans.count()) + "\n";
    const auto now = read_file(file);
    if (now && *now == value) return;  // sysctl.d was here, or an earlier connect
    tell_once("neighbour timer", write_value(file, value));
}

void Neighbours::forget() {
    if (!ours_) return;
    const auto learned = learned_on(bridge_.name);
    if (learned.empty()) return;
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return tell_once("neighbours", errno);
    for (const auto& address : learned)
        if (const int error = forget_one(socket, bridge_.name, address); error != 0)
            tell_once("neighbours", error);
    ::close(socket);
}

void Neighbours::tell_once(const std::string& what, int error) {
    if (error == 0 || told_.exchange(true)) return;
    log::debug("{} of bridge '{}' left alone: {}", what, bridge_.name,
               std::generic_category().message(error));
}

}  // namespace berth::service
