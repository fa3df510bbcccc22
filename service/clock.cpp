#include "service/clock.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>

namespace berth::service {

using namespace std::chrono;

std::int64_t unix_ms() {
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::int64_t Stamps::next() {
    const auto now = now_();
    last_ = now >= last_ ? now : last_ + 1;
    return last_;
}

std::int64_t Stamps::reached() const {
    return std::max(last_, now_());
}

void Stamps::restore(std::int64_t last) {
    last_ = std::max(last_, last);
}

std::string now_rfc3339() {
    const auto since = duration_cast<nanoseconds>(system_clock::now().time_since_epoch());
    const auto whole = duration_cast<seconds>(since);
    const std::time_t time = whole.count();
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}Z", fmt::gmtime(time), (since - whole).count());
}

}  // namespace berth::service
