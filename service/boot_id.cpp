#include "service/boot_id.hpp"

#include <ctime>

#include "service/files.hpp"

namespace berth::service {

const std::string& boot_id() {
    static const std::string id = [] {
        auto text = read_file("/proc/sys/kernel/random/boot_id");
        if (text && text->ends_with('\n')) text->pop_back();
        return text ? *text : std::string{};
    }();
    return id;
}

std::int64_t ms_since_boot() {
    std::timespec now{};
    if (::clock_gettime(CLOCK_BOOTTIME, &now) != 0) return 0;
    return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace berth::service
