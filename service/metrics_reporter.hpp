// Reports what containers use, once per period, to whoever asked last. Reads on a worker; a report that takes
// longer than its period makes the next ones fall out. Knows no topic and no cloud.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "metrics/dead_band.hpp"
#include "metrics/measure.hpp"
#include "protocol/twin/metrics.hpp"
#include "runtime/runtime.hpp"
#include "service/config.hpp"
#include "service/loop.hpp"
#include "service/usage_reader.hpp"
#include "service/workers.hpp"
#include "service/world.hpp"

namespace berth::service {

class MetricsReporter {
 public:
    using Say = std::function<void(const twin::Report&)>;  // on the loop; never an empty one

    MetricsReporter(Loop& loop, Workers& workers, const World& world, runtime::Runtime& runtime,
                    const MetricsConfig& config, Say say);
    ~MetricsReporter();
    MetricsReporter(const MetricsReporter&) = delete;
    MetricsReporter& operator=(const MetricsReporter&) = delete;

    // Takes the place of the one before; the first report comes after one whole period.
    void request(twin::MetricsRequest request);
    void stop();
    void on_changed();  // the picture of the engine
    void on_dropped();  // a report, or refused: whoever waits has not heard what it said

 private:
    using Subject = UsageReader::Subject;
    enum class Purpose { Baseline, Report };

    std::vector<Subject> subjects() const;
    void end();
    void schedule();
    void tick();
    void read(std::vector<Subject> subjects, Purpose purpose);
    void on_read(std::uint64_t number, Purpose purpose, UsageReader::Readings readings);
    std::vector<twin::Measurement> news(const ContainerId& id, const std::vector<twin::Measurement>& all);

    Loop& loop_;
    Workers& workers_;
    const World& world_;
    const int change_;  // percent
    Say say_;
    std::optional<twin::MetricsRequest> request_;
    std::uint64_t number_{0};  // of the request; what belongs to an older one is dropped
    std::chrono::steady_clock::time_point due_{};
    TimerId timer_{0};
    bool reporting_{false};  // a report is being read
    struct Run {
        std::string started_at{};
        bool has_begun{};  // its first reading has been asked for
    };
    std::map<ContainerId, Run> runs_;
    std::map<ContainerId, CpuUse> baselines_;
    std::map<ContainerId, metrics::Accumulators> sums_;
    std::map<ContainerId, metrics::DeadBand> bands_;
    UsageReader reader_;  // on workers only, one job at a time: they bear the same key
};

}  // namespace berth::service
