// What hardly moves is not said again.
#include "metrics/dead_band.hpp"

#include <variant>

#include "metrics/measure.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using metrics::DeadBand;

namespace {

constexpr std::uint64_t kMega = 1'000'000;

bool told(DeadBand& band, std::string_view id, std::variant<std::uint64_t, double> value, int percent) {
    return band.passes({id, value}, percent);
}

}  // namespace

TEST_CASE("a value is told again once it has moved by so many percent", "[BX-13][metrics]") {
    DeadBand band;
    CHECK(told(band, metrics::kMemoryUsed, 100 * kMega, 5));  // the first
    CHECK_FALSE(told(band, metrics::kMemoryUsed, 100 * kMega, 5));
    CHECK_FALSE(told(band, metrics::kMemoryUsed, 104 * kMega, 5));
    CHECK(told(band, metrics::kMemoryUsed, 105 * kMega, 5));
    CHECK_FALSE(told(band, metrics::kMemoryUsed, 100 * kMega, 5));  // less than 5 % of what was last told
    CHECK(told(band, metrics::kMemoryUsed, 99 * kMega, 5));
    CHECK(told(band, metrics::kNetRead, 100 * kMega, 5));  // each by itself
}

TEST_CASE("it cannot creep away", "[BX-13][metrics]") {
    DeadBand band;
    int times = 0;
    for (std::uint64_t bytes = 1000; bytes < 2000; ++bytes)
        times += told(band, metrics::kIoRead, bytes, 10) ? 1 : 0;
    CHECK(times == 8);  // 1000, 1100, 1210, 1331, 1465, 1612, 1774, 1952
}

TEST_CASE("percentages move by points", "[BX-13][metrics]") {
    DeadBand band;
    CHECK(told(band, metrics::kCpuUtilization, 1.0, 5));
    CHECK_FALSE(told(band, metrics::kCpuUtilization, 5.9, 5));
    CHECK(told(band, metrics::kCpuUtilization, 6.0, 5));
    CHECK(told(band, metrics::kMemoryUtilization, 50.0, 5));
    CHECK_FALSE(told(band, metrics::kMemoryUtilization, 54.0, 5));
    CHECK(told(band, metrics::kMemoryUtilization, 45.0, 5));
}

TEST_CASE("from and to nothing is always told, and all is without a band", "[BX-13][metrics]") {
    DeadBand band;
    const std::uint64_t nothing = 0;
    CHECK(told(band, metrics::kIoWritten, nothing, 100));
    CHECK_FALSE(told(band, metrics::kIoWritten, nothing, 100));
    CHECK(told(band, metrics::kIoWritten, std::uint64_t{1}, 100));
    CHECK(told(band, metrics::kIoWritten, nothing, 100));
    DeadBand none;
    CHECK(told(none, metrics::kPids, std::uint64_t{2}, 0));
    CHECK(told(none, metrics::kPids, std::uint64_t{2}, 0));
}
