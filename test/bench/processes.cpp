#include "test/bench/processes.hpp"

#include <fmt/format.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace berth::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kReadyPatience{20};
constexpr std::chrono::microseconds kReadyLook{100};

std::string comm_of(const std::string& process) {
    auto name = test::read_file(process + "/comm");
    if (!name.empty()) name.pop_back();  // the line's end
    return name;
}

}  // namespace

double pss_mb(int pid) {
    std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("Pss:")) return std::stod(line.substr(4)) / 1024;
    throw std::runtime_error(fmt::format("process {} has ended", pid));
}

std::int64_t cpu_ns(int pid) {
    clockid_t clock{};
    timespec used{};
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        throw std::runtime_error(fmt::format("no CPU time of process {}", pid));
    return std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
}

std::int64_t wakeups(int pid) {
    constexpr std::string_view kKey = "voluntary_ctxt_switches:";
    std::int64_t sum = 0;
    for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", pid))) {
        std::ifstream file(task.path() / "status");
        for (std::string line; std::getline(file, line);)
            if (line.starts_with(kKey)) sum += std::stoll(line.substr(kKey.size()));
    }
    return sum;
}

std::vector<int> processes_of(const test::Lab& lab, const std::set<std::string>& names) {
    const auto mark = "BERTH_LAB_STATE=" + fs::path(lab.docker_socket()).parent_path().string() + '\0';
    std::vector<int> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const auto process = entry.path().string();
        const auto number = entry.path().filename().string();
        if (number.find_first_not_of("0123456789") != std::string::npos) continue;
        if (!names.contains(comm_of(process))) continue;
        const auto environment = test::read_file(process + "/environ");
        if (environment.starts_with(mark) || environment.find('\0' + mark) != std::string::npos)
            found.push_back(std::stoi(number));
    }
    return found;
}

Watch::PerSecond Watch::so_far() const {
    const auto seconds = std::chrono::duration<double>(Clock::now() - since_).count();
    return {static_cast<double>(cpu_ns(pid_) - cpu_ns_) / 1e3 / seconds,
            static_cast<double>(wakeups(pid_) - wakeups_) / seconds};
}

ReadyProgram::ReadyProgram(const std::vector<std::string>& command) : child_(command, folder_ / "output") {
    const auto output = folder_ / "output";
    while (test::read_file(output) != "ready\n") {
        if (Clock::now() > begin_ + kReadyPatience || !child_.running())
            throw std::runtime_error(command.front() + " does not get ready: " + test::read_file(output));
        std::this_thread::sleep_for(kReadyLook);
    }
    ready_ = Clock::now();
}

}  // namespace berth::bench
