// Reports what containers use, once per period, to whoever asked last. Reads on a worker; a report that takes
// longer than its period makes the next ones fall out. Knows no topic and no cloud.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metrics/kernel_reader.hpp"
#include "metrics/measure.hpp"
#include "protocol/twin/metrics.hpp"
#include "runtime/runtime.hpp"
#include "service/loop.hpp"
#include "service/workers.hpp"
#include "service/world.hpp"

namespace berth::service {

class MetricsReporter {
 public:
    using Say = std::function<void(const twin::Report&)>;  // on the loop; never an empty one

    MetricsReporter(Loop& loop, Workers& workers, const World& world, runtime::Runtime& runtime, Say say);
    ~MetricsReporter();
    MetricsReporter(const MetricsReporter&) = delete;
    MetricsReporter& operator=(const MetricsReporter&) = delete;

    // Takes the place of the one before; the first report comes after one whole period.
    void request(twin::MetricsRequest request);
    void stop();
    void on_changed();  // the picture of the engine

 private:
    struct Subject {
        ContainerId id{};
        EngineId engine_id{};
        std::int64_t pid{};
        bool on_host{};  // its network is the machine's
    };
    struct Reading {
        ContainerId id{};
        std::int64_t pid{};
        Usage usage{};
    };
    struct Readings {
        std::uint64_t machine_memory{};
        std::vector<Reading> all{};
    };
    enum class Purpose { Baseline, Report };

    std::vector<Subject> subjects() const;
    void end();
    void schedule();
    void tick();
    void read(std::vector<Subject> subjects, Purpose purpose);
    Readings read_all(const std::vector<Subject>& subjects, Purpose purpose, const std::stop_token& stop);
    void on_read(std::uint64_t number, Purpose purpose, Readings readings);

    Loop& loop_;
    Workers& workers_;
    const World& world_;
    runtime::Runtime& runtime_;
    Say say_;
    std::optional<twin::MetricsRequest> request_;
    std::uint64_t number_{0};  // of the request; what belongs to an older one is dropped
    std::chrono::steady_clock::time_point due_{};
    TimerId timer_{0};
    bool reporting_{false};                       // a report is being read
    std::map<ContainerId, std::string> started_;  // when, of those that have a baseline
    std::map<ContainerId, CpuUse> baselines_;
    std::map<ContainerId, metrics::Accumulators> sums_;
    metrics::KernelReader kernel_;  // on workers only, one job at a time: they bear the same key
};

}  // namespace berth::service
