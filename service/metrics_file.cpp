#include "service/metrics_file.hpp"

#include <unistd.h>

#include <set>
#include <utility>

#include "metrics/prometheus.hpp"
#include "service/files.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

constexpr unsigned kReadableByAll = 0644;  // the exporter is another user

std::string exposition(UsageReader::Readings readings) {
    std::vector<metrics::Exposed> all;
    for (auto& [subject, usage] : readings.all)
        all.push_back({std::move(subject.id), std::move(subject.name), usage});
    return metrics::prometheus_text(all, readings.machine_memory);
}

}  // namespace

MetricsFile::MetricsFile(Loop& loop, Workers& workers, World& world, runtime::Runtime& runtime,
                         const MetricsConfig& config)
    : loop_(loop),
      workers_(workers),
      world_(world),
      path_(config.textfile),
      period_(config.textfile_period),
      reader_(runtime, usage_source(config.source)) {
    remove();  // one that was killed has left it
    world.learn_pids();
    world.when_ready([this] { begin(); });
}

MetricsFile::~MetricsFile() {
    loop_.cancel(timer_);
}

void MetricsFile::remove() const {
    ::unlink(path_.c_str());
    discard_unfinished(path_);
}

void MetricsFile::begin() {
    if (timer_ == 0) write();
}

void MetricsFile::write() {
    timer_ = loop_.post_after(period_, [this] { write(); });
    if (std::exchange(writing_, true)) return log::debug("{}: the one before is not ready", path_.string());
    workers_.submit(Lane::Quick, ":metrics-file",
                    [this, subjects = UsageReader::running(world_)](const std::stop_token& stop) -> Task {
                        auto readings = reader_.read(subjects, stop);
                        // Seven files of each container: too many to hold for four readings a minute.
                        reader_.keep_only({});
                        if (stop.stop_requested()) return {};
                        add_up(readings, subjects);
                        auto written = replace_file(path_, exposition(std::move(readings)), kReadableByAll,
                                                    Outlives::Nothing);
                        return [this, written = std::move(written)] { on_written(written); };
                    });
}

// A reader takes a counter that falls for one that has begun anew, and all it says then for new. That is
// right for another run of the container, and for nothing else.
void MetricsFile::add_up(UsageReader::Readings& readings, const std::vector<UsageReader::Subject>& subjects) {
    std::set<ContainerId> running;
    for (const auto& subject : subjects)
        running.insert(subject.id);
    std::erase_if(sums_, [&running](const auto& entry) { return !running.contains(entry.first); });
    for (auto& [subject, usage] : readings.all) {
        auto& sums = sums_[subject.id];
        if (sums.is_of_another_run(subject.pid)) sums = {};
        sums.apply(usage, subject.pid);
    }
}

// Told once, not four times a minute.
void MetricsFile::on_written(const Result<>& written) {
    writing_ = false;
    if (written && std::exchange(failing_, false)) log::info("metrics.textfile is written again");
    if (written || std::exchange(failing_, true)) return;
    log::error("metrics.textfile: {}", written.error().message);
}

}  // namespace berth::service
