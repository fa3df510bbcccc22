#include "service/metrics_reporter.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "protocol/twin/features.hpp"
#include "service/clock.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kStatsDeadline{10};
constexpr std::int64_t kMillisecondsPerSecond = 1000;

}  // namespace

MetricsReporter::MetricsReporter(Loop& loop, Workers& workers, const World& world, runtime::Runtime& runtime,
                                 Say say)
    : loop_(loop), workers_(workers), world_(world), runtime_(runtime), say_(std::move(say)) {}

MetricsReporter::~MetricsReporter() {
    end();
}

void MetricsReporter::request(twin::MetricsRequest request) {
    stop();
    request_ = std::move(request);
    due_ = steady_clock::now();
    schedule();
    for (const auto& subject : subjects())
        if (subject.pid > 0) started_[subject.id] = world_.find(subject.id)->state.started_at;
    read(subjects(), Purpose::Baseline);
}

// Nobody is read any more: their files are closed.
void MetricsReporter::stop() {
    const bool was_on = request_.has_value();
    end();
    if (!was_on) return;
    workers_.submit(Lane::Quick, ":metrics", [this](const std::stop_token&) -> Task {
        kernel_.keep_only({});
        return {};
    });
}

void MetricsReporter::end() {
    ++number_;
    loop_.cancel(std::exchange(timer_, 0));
    request_.reset();
    reporting_ = false;
    started_.clear();
    baselines_.clear();
}

std::vector<MetricsReporter::Subject> MetricsReporter::subjects() const {
    std::vector<Subject> all;
    for (const auto& [id, container] : world_.all())
        if (container.runs() && request_->wants(twin::container_feature(id)))
            all.push_back({id, container.engine_id, container.state.pid, container.spec.network == "host"});
    return all;
}

// Whoever begins to run is measured from there.
void MetricsReporter::on_changed() {
    if (!request_) return;
    std::vector<Subject> fresh;
    for (const auto& subject : subjects()) {
        const auto& started_at = world_.find(subject.id)->state.started_at;
        if (subject.pid <= 0) continue;  // told again when it is known
        const auto known = started_.find(subject.id);
        if (known != started_.end() && known->second == started_at) continue;
        started_[subject.id] = started_at;
        baselines_.erase(subject.id);
        fresh.push_back(subject);
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
            auto readings = read_all(subjects, purpose, stop);
            return [this, number, purpose, readings = std::move(readings)]() mutable {
                on_read(number, purpose, std::move(readings));
            };
        });
}

// On a worker. Where the kernel's files cannot be seen the engine is asked.
MetricsReporter::Readings MetricsReporter::read_all(const std::vector<Subject>& subjects, Purpose purpose,
                                                    const std::stop_token& stop) {
    Readings readings;
    if (purpose == Purpose::Report) {  // it is about all of them
        std::set<EngineId> all;
        for (const auto& subject : subjects)
            all.insert(subject.engine_id);
        kernel_.keep_only(all);
    }
    const auto machine = kernel_.machine();
    readings.machine_memory = machine.memory;
    const auto take = [&readings](const Subject& subject, Usage usage) {
        if (subject.on_host) usage.net = Transfer{};  // the machine's traffic is nobody's own
        readings.all.push_back({subject.id, subject.pid, usage});
    };
    // The kernel first: the machine's time was read for all of them together.
    std::vector<std::pair<Subject, Result<Usage>>> blind;
    for (const auto& subject : subjects) {
        auto usage = kernel_.read(subject.engine_id, subject.pid, machine);
        // Control groups may be mounted for the engine alone; interfaces can be seen all the same.
        if (usage && (usage->cpu || usage->memory || usage->pids > 0))
            take(subject, *usage);
        else
            blind.emplace_back(subject, std::move(usage));
    }
    // One deadline for all: an engine that hangs holds a worker no longer than that.
    const auto deadline = steady_clock::now() + kStatsDeadline;
    for (auto& [subject, usage] : blind) {
        runtime::Call call{};
        call.stop = stop;
        call.deadline = deadline;
        auto asked = runtime_.stats(subject.engine_id, call);
        if (asked || !usage) usage = std::move(asked);
        if (usage)
            take(subject, *usage);
        else
            log::debug("metrics of container {}: {}", subject.id, usage.error().message);
    }
    std::sort(readings.all.begin(), readings.all.end(),
              [](const Reading& a, const Reading& b) { return a.id < b.id; });
    return readings;
}

void MetricsReporter::on_read(std::uint64_t number, Purpose purpose, Readings readings) {
    if (number != number_ || !request_) return;
    twin::Report report;
    for (auto& [id, pid, usage] : readings.all) {
        sums_[id].apply(usage, pid);
        const auto before = baselines_.find(id);
        const auto baseline = before == baselines_.end() ? std::nullopt : std::optional(before->second);
        if (usage.cpu) baselines_[id] = *usage.cpu;
        if (purpose == Purpose::Baseline) continue;
        twin::Measured measured{twin::container_feature(id), {}};
        for (const auto& measurement : metrics::measure(usage, baseline, readings.machine_memory))
            if (request_->wants(measured.originator, measurement.id))
                measured.measurements.push_back(measurement);
        if (!measured.measurements.empty()) report.snapshot.push_back(std::move(measured));
    }
    if (purpose == Purpose::Baseline) return;
    std::erase_if(sums_, [this](const auto& entry) { return world_.find(entry.first) == nullptr; });
    reporting_ = false;
    report.timestamp = unix_ms() / kMillisecondsPerSecond;
    if (!report.snapshot.empty()) say_(report);
}

}  // namespace berth::service
