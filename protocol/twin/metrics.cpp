#include "protocol/twin/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "protocol/fields.hpp"
#include "protocol/json_text.hpp"
#include "protocol/sizes.hpp"

namespace berth::twin {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr seconds kLeast{1};
constexpr std::chrono::hours kRarest{24 * 365};  // what is added to the clock must not pass its end
constexpr double kMostSeconds = 9e9;             // fits into nanoseconds

// Absent is a wish, null is none: Fields would not tell them apart.
const Json* frequency_of(const Json& value) {
    if (const auto exact = value.find("frequency"); exact != value.end()) return &*exact;
    for (auto member = value.begin(); member != value.end(); ++member)
        if (lower(member.key()) == "frequency") return &*member;
    return nullptr;
}

nanoseconds read_frequency(const Fields& fields) {
    const Json* given = frequency_of(*fields.json());
    if (given == nullptr) return nanoseconds::zero();
    const Json& frequency = *given;
    if (frequency.is_string()) {
        const auto parsed = parse_duration(frequency.get<std::string>());
        if (parsed) return *parsed;
        fields.problem("frequency", parsed.error().message);
    } else if (frequency.is_number() && std::abs(frequency.get<double>()) < kMostSeconds) {
        return seconds(static_cast<std::int64_t>(frequency.get<double>()));
    } else {
        fields.problem("frequency", "expected a duration such as 5s, or a number of seconds, got " +
                                        std::string(kind_of(frequency)));
    }
    return nanoseconds::zero();
}

// cpu.*, *cpu and cpu mean the same: everything that begins with cpu.
bool is_meant(std::string_view id, std::string_view metric) {
    if (id == metric) return true;
    while (id.starts_with('*'))
        id.remove_prefix(1);
    while (id.ends_with('*'))
        id.remove_suffix(1);
    return metric.starts_with(id);
}

bool is_for(const MetricsFilter& filter, std::string_view originator) {
    return filter.originator.empty() || filter.originator == originator;
}

OrderedJson write(const Measurement& measurement) {
    OrderedJson written = {{"id", measurement.id}};
    if (const auto* whole = std::get_if<std::uint64_t>(&measurement.value)) {
        written["value"] = *whole;
    } else {
        const double value = std::get<double>(measurement.value);
        if (value == std::floor(value) && std::abs(value) < 1e15)
            written["value"] = static_cast<std::int64_t>(value);
        else
            written["value"] = value;
    }
    return written;
}

}  // namespace

bool MetricsRequest::wants(std::string_view originator) const {
    return filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const MetricsFilter& filter) {
               return is_for(filter, originator);
           });
}

bool MetricsRequest::wants(std::string_view originator, std::string_view metric) const {
    return filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const MetricsFilter& filter) {
               const auto matches = [metric](const std::string& id) { return is_meant(id, metric); };
               return is_for(filter, originator) &&
                      (filter.ids.empty() || std::any_of(filter.ids.begin(), filter.ids.end(), matches));
           });
}

Result<MetricsRequest> decode_metrics_request(std::string_view value) {
    MetricsRequest request;
    if (value.empty()) return request;
    const auto root = parse_exact(value, value.size());
    if (!root) return root.error();
    Problems problems;
    const Fields fields(&*root, "$.value", problems);
    request.frequency = read_frequency(fields);
    if (request.frequency < nanoseconds::zero()) request.frequency = nanoseconds::zero();
    if (request.frequency > nanoseconds::zero() && request.frequency < kLeast) request.frequency = kLeast;
    request.frequency = std::min<nanoseconds>(request.frequency, kRarest);
    std::size_t ids = 0;
    fields.is_misspelt("frequency", "reports end");
    fields.is_misspelt("filter", "all are reported");
    for (const Fields& item : fields.objects("filter")) {
        item.is_misspelt("id", "all are reported");
        item.is_misspelt("originator", "those of all containers are");
        request.filters.push_back({item.texts("id"), item.text("originator")});
        ids += request.filters.back().ids.size();
    }
    // They are compared with every metric of every container each time.
    if (std::max(ids, request.filters.size()) > kMostFilters)
        fields.problem("filter", "at most " + std::to_string(kMostFilters) + " filters and ids are accepted");
    if (!problems.empty()) return problems.error();
    return request;
}

std::string encode_report(const Thing& thing, const Report& report) {
    OrderedJson snapshot = OrderedJson::array();
    for (const auto& measured : report.snapshot) {
        OrderedJson measurements = OrderedJson::array();
        for (const auto& measurement : measured.measurements)
            measurements.push_back(write(measurement));
        OrderedJson entry = OrderedJson::object();
        entry["originator"] = measured.originator;
        entry["measurements"] = std::move(measurements);
        snapshot.push_back(std::move(entry));
    }
    OrderedJson message = {{"topic", thing.topic_prefix + "/things/live/messages/data"},
                           {"headers", {{"response-required", false}, {"content-type", "application/json"}}},
                           {"path", "/features/Metrics/outbox/messages/data"}};
    message["value"]["snapshot"] = std::move(snapshot);
    message["value"]["timestamp"] = report.timestamp;
    return print(message);
}

}  // namespace berth::twin
