#include "service/usage_reader.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "service/log.hpp"

namespace berth::service {
namespace {

constexpr std::chrono::seconds kStatsDeadline{10};
constexpr std::size_t kAskedAtOnce = 16;

// Control groups may be mounted for the engine alone; interfaces can be seen all the same.
bool tells_enough(const Usage& usage) {
    return usage.cpu || usage.memory || usage.pids > 0;
}

}  // namespace

UsageSource usage_source(std::string_view option) {
    if (option == "kernel") return UsageSource::Kernel;
    return option == "engine" ? UsageSource::Engine : UsageSource::Auto;
}

UsageReader::UsageReader(runtime::Runtime& runtime, UsageSource source, std::string root)
    : runtime_(runtime), source_(source), kernel_(std::move(root)) {}

std::vector<UsageReader::Subject> UsageReader::running(const World& world) {
    std::vector<Subject> all;
    for (const auto& [id, container] : world.all())
        if (container.runs())
            all.push_back({id, container.spec.name, container.engine_id, container.state.pid,
                           container.spec.network == "host", container.state.started_at});
    return all;
}

void UsageReader::keep_only(const std::vector<Subject>& those) {
    std::set<EngineId> all;
    for (const auto& subject : those)
        all.insert(subject.engine_id);
    kernel_.keep_only(all);
}

UsageReader::Readings UsageReader::read(const std::vector<Subject>& subjects, const std::stop_token& stop) {
    Readings readings;
    std::vector<Blind> blind;
    if (source_ == UsageSource::Engine)
        for (const auto& subject : subjects)
            blind.push_back({subject, std::nullopt, {}});
    else
        read_files(subjects, readings, blind);
    if (source_ != UsageSource::Kernel) ask_engine(blind, stop);
    for (auto& one : blind)
        if (one.usage)
            readings.all.push_back({std::move(one.subject), *one.usage});
        else
            log::debug("metrics of container {}: {}", one.subject.id, one.trouble);
    for (auto& reading : readings.all) {
        if (!reading.subject.on_host) continue;  // else that traffic is nobody's own
        reading.usage.net = Transfer{};
        reading.usage.by_interface.clear();
    }
    std::sort(readings.all.begin(), readings.all.end(),
              [](const Reading& a, const Reading& b) { return a.subject.id < b.subject.id; });
    return readings;
}

// All of them before the engine is asked: the machine's time is read once for all.
void UsageReader::read_files(const std::vector<Subject>& subjects, Readings& readings,
                             std::vector<Blind>& blind) {
    const auto machine = kernel_.machine();
    readings.machine_memory = machine.memory;
    for (const auto& subject : subjects) {
        const auto usage = kernel_.read(subject.engine_id, subject.pid, machine);
        if (usage && tells_enough(*usage))
            readings.all.push_back({subject, *usage});
        else if (usage)
            blind.push_back({subject, *usage, {}});
        else
            blind.push_back({subject, std::nullopt, usage.error().message});
    }
}

// All at once, as older engines sample once a second and then answer everybody who asks. One deadline for
// all: an engine that hangs holds a worker no longer than that.
void UsageReader::ask_engine(std::vector<Blind>& blind, const std::stop_token& stop) const {
    const auto deadline = std::chrono::steady_clock::now() + kStatsDeadline;
    std::atomic<std::size_t> next{0};
    const auto ask = [this, &blind, &next, &stop, deadline] {
        for (auto i = next++; i < blind.size(); i = next++) {
            runtime::Call call{};
            call.stop = stop;
            call.deadline = deadline;
            auto usage = runtime_.stats(blind[i].subject.engine_id, call);
            if (usage)
                blind[i].usage = *usage;
            else
                blind[i].trouble = usage.error().message;
        }
    };
    std::vector<std::jthread> others;
    try {
        for (std::size_t i = 1; i < std::min(blind.size(), kAskedAtOnce); ++i)
            others.emplace_back(ask);
    } catch (const std::system_error& error) {  // those that there are ask for all
        log::debug("metrics: no more threads: {}", error.what());
    }
    ask();
}

}  // namespace berth::service
