// Keeps the file of metrics.textfile up to date, for a Prometheus node exporter, whether or not a cloud asks
// for metrics. What is in it is metrics/prometheus.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <vector>

#include "metrics/measure.hpp"
#include "runtime/runtime.hpp"
#include "service/config.hpp"
#include "service/loop.hpp"
#include "service/usage_reader.hpp"
#include "service/workers.hpp"
#include "service/world.hpp"

namespace berth::service {

class MetricsFile {
 public:
    MetricsFile(Loop& loop, Workers& workers, World& world, runtime::Runtime& runtime,
                const MetricsConfig& config);
    ~MetricsFile();
    MetricsFile(const MetricsFile&) = delete;
    MetricsFile& operator=(const MetricsFile&) = delete;

    // What nobody keeps up to date tells nothing. After the workers have ended.
    void remove() const;

 private:
    void begin();
    void write();
    void add_up(UsageReader::Readings& readings, const std::vector<UsageReader::Subject>& subjects);
    void on_written(const Result<>& written);

    Loop& loop_;
    Workers& workers_;
    const World& world_;
    const std::filesystem::path path_;
    const std::chrono::milliseconds period_;
    TimerId timer_{0};
    bool writing_{false};
    bool failing_{false};  // and that was told
    // On workers only, one job at a time: they bear the same key.
    UsageReader reader_;
    std::map<ContainerId, metrics::Accumulators> sums_;
};

}  // namespace berth::service
