#include "metrics/kernel_reader.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace berth::metrics {
namespace {

constexpr std::uint64_t kNanoseconds = 1'000'000'000;
constexpr std::uint64_t kPerMicrosecond = 1000;
constexpr std::size_t kFirstBuffer = 8192;
constexpr std::uint64_t kUnlimitedFrom = std::uint64_t{1} << 62;  // version 1 writes a number near 2^63

std::uint64_t tick(std::uint64_t per_second) {
    if (per_second == 0) per_second = static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
    return kNanoseconds / per_second;
}

std::optional<std::uint64_t> number(ProbeFile& file, std::string& buffer) {
    const auto text = file.read(buffer);
    return text ? number_in(*text) : std::nullopt;
}

}  // namespace

ProbeFile::~ProbeFile() {
    close();
}

ProbeFile::ProbeFile(ProbeFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

ProbeFile& ProbeFile::operator=(ProbeFile&& other) noexcept {
    if (this != &other) {
        close();
        path_ = std::move(other.path_);
        descriptor_ = std::exchange(other.descriptor_, -1);
    }
    return *this;
}

void ProbeFile::close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

bool ProbeFile::open() {
    if (descriptor_ < 0 && !path_.empty()) descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    return descriptor_ >= 0;
}

std::optional<std::string_view> ProbeFile::read(std::string& buffer) {
    if (buffer.size() < kFirstBuffer) buffer.resize(kFirstBuffer);
    for (int attempt = 0; attempt < 2 && open(); ++attempt) {
        std::size_t filled = 0;
        ssize_t got = 0;
        while ((got = ::pread(descriptor_, buffer.data() + filled, buffer.size() - filled,
                              static_cast<off_t>(filled))) > 0) {
            filled += static_cast<std::size_t>(got);
            if (filled == buffer.size()) buffer.resize(buffer.size() * 2);
        }
        if (got == 0) return std::string_view(buffer).substr(0, filled);
        close();  // ENODEV: the group is gone, and may be there again
    }
    return std::nullopt;
}

KernelReader::KernelReader(std::string root, std::uint64_t ticks_per_second)
    : root_(std::move(root)), ns_per_tick_(tick(ticks_per_second)), stat_(root_ + "/proc/stat") {}

KernelReader::Machine KernelReader::machine() {
    Machine machine;
    if (const auto text = stat_.read(buffer_)) machine.cpu = host_ticks(*text).value_or(0) * ns_per_tick_;
    if (!memory_) {
        ProbeFile meminfo(root_ + "/proc/meminfo");
        if (const auto text = meminfo.read(buffer_)) memory_ = metrics::machine_memory(*text);
    }
    machine.memory = memory_.value_or(0);
    return machine;
}

KernelReader::Files KernelReader::open(const EngineId& engine_id, std::int64_t pid) {
    Files files;
    files.pid = pid;
    const auto process = root_ + "/proc/" + std::to_string(pid);
    if (!mounts_) {
        ProbeFile mountinfo(root_ + "/proc/self/mountinfo");
        const auto text = mountinfo.read(buffer_);
        mounts_ = text ? cgroup_mounts(*text) : CgroupMounts{};
    }
    ProbeFile cgroup(process + "/cgroup");
    const auto text = cgroup.read(buffer_);
    if (!text) return files;
    const std::string groups(*text);
    const auto file = [&](const char* controller, const char* name) {
        const auto folder = cgroup_folder(groups, *mounts_, controller, engine_id);
        files.visible |= folder.has_value();
        return folder ? ProbeFile(root_ + *folder + "/" + name) : ProbeFile();
    };
    files.net = ProbeFile(process + "/net/dev");
    files.version_1 = cgroup_folder(groups, *mounts_, "memory", engine_id).has_value() ||
                      cgroup_folder(groups, *mounts_, "cpuacct", engine_id).has_value();
    if (files.version_1) {
        files.cpu = file("cpuacct", "cpuacct.usage");
        files.memory = file("memory", "memory.usage_in_bytes");
        files.memory_limit = file("memory", "memory.limit_in_bytes");
        files.memory_stat = file("memory", "memory.stat");
        files.io = file("blkio", "blkio.throttle.io_service_bytes_recursive");
        files.pids = file("pids", "pids.current");
    } else {
        files.cpu = file("", "cpu.stat");
        files.memory = file("", "memory.current");
        files.memory_limit = file("", "memory.max");
        files.memory_stat = file("", "memory.stat");
        files.io = file("", "io.stat");
        files.pids = file("", "pids.current");
    }
    return files;
}

// A restart has another process, and another control group of the same name.
KernelReader::Files& KernelReader::files_of(const EngineId& engine_id, std::int64_t pid) {
    const auto known = files_.find(engine_id);
    if (known != files_.end() && known->second.pid == pid && known->second.visible) return known->second;
    return files_.insert_or_assign(engine_id, open(engine_id, pid)).first->second;
}

// An open file of a process that is gone still answers, and holds on to what it was about.
void KernelReader::keep_only(const std::set<EngineId>& those) {
    std::erase_if(files_, [&](const auto& entry) { return !those.contains(entry.first); });
}

Result<Usage> KernelReader::read(const EngineId& engine_id, std::int64_t pid, const Machine& machine) {
    if (pid <= 0) return fail(Errc::NotFound, "its process is not known");
    Files& files = files_of(engine_id, pid);
    if (!files.visible) return fail(Errc::NotFound, "its control group cannot be seen from here");
    Usage usage;
    if (const auto text = files.cpu.read(buffer_)) {
        auto used = files.version_1 ? number_in(*text) : number_of(*text, "usage_usec");
        if (used && !files.version_1) *used *= kPerMicrosecond;
        if (used && machine.cpu > 0) usage.cpu = CpuUse{*used, machine.cpu, CpuSource::Kernel};
    }
    if (const auto used = number(files.memory, buffer_)) {
        MemoryUse memory{*used, 0, number(files.memory_limit, buffer_).value_or(0)};
        if (memory.limit >= kUnlimitedFrom) memory.limit = 0;
        if (const auto text = files.memory_stat.read(buffer_))
            memory.inactive_file =
                number_of(*text, files.version_1 ? "total_inactive_file" : "inactive_file").value_or(0);
        usage.memory = memory;
    }
    if (const auto text = files.io.read(buffer_))
        usage.by_device = files.version_1 ? io_of_v1(*text) : io_of_v2(*text);
    if (const auto text = files.net.read(buffer_)) usage.by_interface = net_of(*text);
    usage.io = total_of(usage.by_device);
    usage.net = total_of(usage.by_interface);
    usage.pids = number(files.pids, buffer_).value_or(0);
    const bool nothing = !usage.cpu && !usage.memory && !usage.net && usage.pids == 0;
    if (!nothing) return usage;
    files_.erase(engine_id);
    return fail(Errc::NotFound, "its kernel files are gone");
}

}  // namespace berth::metrics
