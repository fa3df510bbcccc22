// The words of the feature Metrics: what is asked for, and the report.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/result.hpp"
#include "protocol/twin/identity.hpp"

namespace berth::twin {

struct MetricsFilter {
    std::vector<std::string> ids{};  // empty: every metric
    std::string originator{};        // empty: everybody
    bool operator==(const MetricsFilter&) const = default;
};

struct MetricsRequest {
    std::chrono::nanoseconds frequency{};  // 0: stop; else at least a second
    std::vector<MetricsFilter> filters{};  // empty: everything; one that matches is enough
    bool operator==(const MetricsRequest&) const = default;

    bool wants(std::string_view originator) const;
    bool wants(std::string_view originator, std::string_view metric) const;
};

inline constexpr std::size_t kMostFilters = 1024;  // and as many ids in all of them

// Absent, zero and negative frequencies mean stop; more than a year is a year. Invalid: anything but a
// duration or a number of seconds, and more filters than kMostFilters.
Result<MetricsRequest> decode_metrics_request(std::string_view value);

struct Measurement {
    std::string_view id{};  // one of the constants of metrics/measure
    std::variant<std::uint64_t, double> value{};
    bool operator==(const Measurement&) const = default;
};

struct Measured {
    std::string originator{};  // Container:<id>
    std::vector<Measurement> measurements{};
    bool operator==(const Measured&) const = default;
};

struct Report {
    std::vector<Measured> snapshot{};
    std::int64_t timestamp{};  // Unix seconds
    bool operator==(const Report&) const = default;
};

std::string encode_report(const Thing& thing, const Report& report);

}  // namespace berth::twin
