#include "service/clock.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <ctime>

namespace berth::service {

using namespace std::chrono;

std::int64_t unix_ms() {
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string now_rfc3339() {
    const auto since = duration_cast<nanoseconds>(system_clock::now().time_since_epoch());
    const auto whole = duration_cast<seconds>(since);
    const std::time_t time = whole.count();
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}Z", fmt::gmtime(time), (since - whole).count());
}

}  // namespace berth::service
