#include "service/metrics_reporter.hpp"

#include <utility>

#include "protocol/twin/features.hpp"
#include "service/clock.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::int64_t kMillisecondsPerSecond = 1000;

}  // namespace

MetricsReporter::MetricsReporter(Loop& loop, Workers& workers, const World& world, runtime::Runtime& runtime,
                                 const MetricsConfig& config, Say say)
    : loop_(loop),
      workers_(workers),
      world_(world),
      change_(config.change),
      say_(std::move(say)),
      reader_(runtime, usage_source(config.source)) {}

MetricsReporter::~MetricsReporter() {
    end();
}

void MetricsReporter::request(twin::MetricsRequest request) {
    stop();
    request_ = std::move(request);
    due_ = steady_clock::now();
    schedule();
    for (const auto& subject : subjects())
        runs_[subject.id] = {subject.started_at, subject.pid > 0};
    read(subjects(), Purpose::Baseline);
}

// Nobody is read any more: their files are closed.
void MetricsReporter::stop() {
    const bool was_on = request_.has_value();
    end();
    if (!was_on) return;
    workers_.submit(Lane::Quick, ":metrics", [this](const std::stop_token&) -> Task {
        reader_.keep_only({});
        return {};
    });
}

void MetricsReporter::on_dropped() {
    bands_.clear();
}

void MetricsReporter::end() {
    ++number_;
    loop_.cancel(std::exchange(timer_, 0));
    request_.reset();
    reporting_ = false;
    runs_.clear();
    baselines_.clear();
    bands_.clear();
}

std::vector<MetricsReporter::Subject> MetricsReporter::subjects() const {
    auto all = UsageReader::running(world_);
    std::erase_if(all, [this](const Subject& subject) {
        return !request_->wants(twin::container_feature(subject.id));
    });
    return all;
}

// Whoever begins to run is measured from there, once its process is known: this is called again then.
void MetricsReporter::on_changed() {
    if (!request_) return;
    std::vector<Subject> fresh;
    for (const auto& subject : subjects()) {
        auto& run = runs_[subject.id];
        if (run.started_at != subject.started_at) {
            run = {subject.started_at, false};
            baselines_.erase(subject.id);
            bands_.erase(subject.id);
        }
        if (!run.has_begun && subject.pid > 0) {
            run.has_begun = true;
            fresh.push_back(subject);
        }
    }
    if (!fresh.empty()) read(std::move(fresh), Purpose::Baseline);
}

// On the beat of the request, however late this one is; periods that are over already fall out.
void MetricsReporter::schedule() {
    const auto now = steady_clock::now();
    while (due_ <= now)
        due_ += std::chrono::duration_cast<steady_clock::duration>(request_->frequency);
    timer_ = loop_.post_after(std::chrono::ceil<milliseconds>(due_ - now), [this] { tick(); });
}

void MetricsReporter::tick() {
    schedule();
    if (reporting_) return log::debug("metrics: the report before is not ready, this one falls out");
    reporting_ = true;
    read(subjects(), Purpose::Report);
}

void MetricsReporter::read(std::vector<Subject> subjects, Purpose purpose) {
    workers_.submit(
        Lane::Quick, ":metrics",
        [this, number = number_, purpose, subjects = std::move(subjects)](std::stop_token stop) -> Task {
            if (purpose == Purpose::Report) reader_.keep_only(subjects);  // it is about all of them
            auto readings = reader_.read(subjects, stop);
            return [this, number, purpose, readings = std::move(readings)]() mutable {
                on_read(number, purpose, std::move(readings));
            };
        });
}

void MetricsReporter::on_read(std::uint64_t number, Purpose purpose, UsageReader::Readings readings) {
    if (number != number_ || !request_) return;
    twin::Report report;
    for (auto& [subject, usage] : readings.all) {
        const auto& id = subject.id;
        sums_[id].apply(usage, subject.pid);
        const auto before = baselines_.find(id);
        const auto baseline = before == baselines_.end() ? std::nullopt : std::optional(before->second);
        const auto run = runs_.find(id);
        const bool runs_on = run != runs_.end() && run->second.started_at == subject.started_at;
        if (usage.cpu && runs_on) baselines_[id] = *usage.cpu;
        if (purpose == Purpose::Baseline) continue;
        auto measurements = news(id, metrics::measure(usage, baseline, readings.machine_memory));
        if (!measurements.empty())
            report.snapshot.push_back({twin::container_feature(id), std::move(measurements)});
    }
    if (purpose == Purpose::Baseline) return;
    const auto is_gone = [this](const auto& entry) { return world_.find(entry.first) == nullptr; };
    std::erase_if(runs_, is_gone);
    std::erase_if(baselines_, is_gone);
    std::erase_if(sums_, is_gone);
    std::erase_if(bands_, is_gone);
    reporting_ = false;
    report.timestamp = unix_ms() / kMillisecondsPerSecond;
    if (!report.snapshot.empty()) say_(report);
}

// What was asked for and has moved since it was last said.
std::vector<twin::Measurement> MetricsReporter::news(const ContainerId& id,
                                                     const std::vector<twin::Measurement>& all) {
    std::vector<twin::Measurement> wanted;
    for (const auto& measurement : all)
        if (request_->wants(twin::container_feature(id), measurement.id) &&
            bands_[id].passes(measurement, change_))
            wanted.push_back(measurement);
    return wanted;
}

}  // namespace berth::service
