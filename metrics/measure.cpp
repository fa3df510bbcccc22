#include "metrics/measure.hpp"

#include <algorithm>

namespace berth::metrics {
namespace {

constexpr double kWhole = 100.0;

double percent(double part, double whole) {
    return std::clamp(kWhole * part / whole, 0.0, kWhole);
}

std::optional<double> cpu_utilization(const std::optional<CpuUse>& now, const std::optional<CpuUse>& before) {
    if (!now || !before || now->source != before->source || now->host <= before->host) return std::nullopt;
    const auto used = now->container > before->container ? now->container - before->container : 0;
    return percent(static_cast<double>(used), static_cast<double>(now->host - before->host));
}

// Without parts the sum is the only one.
Transfer add_to(Flow& flow, const Transfers& parts, const Transfer& sum, Accumulator::Fall fall) {
    if (parts.empty()) return flow.add({{std::string(), sum}}, fall);
    return flow.add(parts, fall);
}

}  // namespace

std::uint64_t memory_total(const MemoryUse& memory, std::uint64_t machine) {
    if (memory.limit == 0) return machine;
    return machine == 0 ? memory.limit : std::min(memory.limit, machine);
}

std::uint64_t memory_used(const MemoryUse& memory) {
    return memory.usage - std::min(memory.usage, memory.inactive_file);
}

std::vector<twin::Measurement> measure(const Usage& now, const std::optional<CpuUse>& baseline,
                                       std::uint64_t machine_memory) {
    std::vector<twin::Measurement> all;
    if (const auto cpu = cpu_utilization(now.cpu, baseline)) all.push_back({kCpuUtilization, *cpu});
    if (now.memory) {
        const auto total = memory_total(*now.memory, machine_memory);
        const auto used = memory_used(*now.memory);
        all.push_back({kMemoryTotal, total});
        all.push_back({kMemoryUsed, used});
        if (total > 0)
            all.push_back(
                {kMemoryUtilization, percent(static_cast<double>(used), static_cast<double>(total))});
    }
    if (now.io) {
        all.push_back({kIoRead, now.io->read});
        all.push_back({kIoWritten, now.io->written});
    }
    if (now.net) {
        all.push_back({kNetRead, now.net->read});
        all.push_back({kNetWritten, now.net->written});
    }
    if (now.pids > 0) all.push_back({kPids, now.pids});
    return all;
}

std::uint64_t Accumulator::add(std::uint64_t reading, Fall fall) {
    constexpr std::uint64_t kRound = std::uint64_t{1} << 32;
    if (reading >= last_) {
        sum_ += reading - last_;
    } else {
        const bool came_round =
            fall == Fall::ComesRound && last_ < kRound && last_ > kRound / 2 && reading < kRound / 2;
        sum_ += came_round ? kRound - last_ + reading : reading;
    }
    last_ = reading;
    return sum_;
}

void Flow::keep_sum_of(const Part& part) {
    gone_.read += part.read.sum();
    gone_.written += part.written.sum();
}

void Flow::begin_anew() {
    for (const auto& [name, part] : parts_)
        keep_sum_of(part);
    parts_.clear();
}

Transfer Flow::add(const Transfers& parts, Accumulator::Fall fall) {
    for (auto at = parts_.begin(); at != parts_.end();) {
        if (parts.contains(at->first)) {
            ++at;
            continue;
        }
        keep_sum_of(at->second);
        at = parts_.erase(at);
    }
    Transfer sum = gone_;
    for (const auto& [name, now] : parts) {
        auto& part = parts_[name];
        sum.read += part.read.add(now.read, fall);
        sum.written += part.written.add(now.written, fall);
    }
    return sum;
}

void Accumulators::apply(Usage& usage, std::int64_t its_pid) {
    if (pid > 0 && its_pid <= 0) {
        usage.io.reset();
        usage.net.reset();
        return;
    }
    const bool same_run = pid > 0 && pid == its_pid;
    if (is_of_another_run(its_pid)) {
        io.begin_anew();
        net.begin_anew();
    }
    pid = its_pid;
    const auto fall = same_run ? Accumulator::Fall::ComesRound : Accumulator::Fall::BeginsAnew;
    if (usage.io) usage.io = add_to(io, usage.by_device, *usage.io, Accumulator::Fall::BeginsAnew);
    if (usage.net) usage.net = add_to(net, usage.by_interface, *usage.net, fall);
}

}  // namespace berth::metrics
