// Reads what containers use straight from the kernel: control groups of version 1 and 2, /proc. Keeps its
// files open, as that is most of the cost. For one thread at a time; knows no engine and no filter.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "metrics/kernel_text.hpp"
#include "protocol/container.hpp"
#include "protocol/result.hpp"
#include "protocol/usage.hpp"

namespace berth::metrics {

// An open file that is read again from its beginning; opened anew when what it showed is gone.
class ProbeFile {
 public:
    ProbeFile() = default;
    explicit ProbeFile(std::string path) : path_(std::move(path)) {}
    ~ProbeFile();
    ProbeFile(ProbeFile&& other) noexcept;
    ProbeFile& operator=(ProbeFile&& other) noexcept;

    // Absent: it cannot be read. `buffer` is grown as needed and holds the text until the next read.
    std::optional<std::string_view> read(std::string& buffer);

 private:
    bool open();
    void close();

    std::string path_{};
    int descriptor_{-1};
};

class KernelReader {
 public:
    // `root` stands before every path; ticks of /proc/stat in a second.
    explicit KernelReader(std::string root = {}, std::uint64_t ticks_per_second = 0);

    // What all containers of one report share: read it first.
    struct Machine {
        std::uint64_t cpu{};     // nanoseconds of all CPUs
        std::uint64_t memory{};  // bytes
    };
    Machine machine();

    // NotFound: this container's files cannot be seen from here. A controller that is missing, or a file that
    // is gone in the middle, drops its part only.
    Result<Usage> read(const EngineId& engine_id, std::int64_t pid, const Machine& machine);
    void keep_only(const std::set<EngineId>& those);  // files of all others are closed

 private:
    struct Files {
        std::int64_t pid{};
        ProbeFile cpu{}, memory{}, memory_limit{}, memory_stat{}, io{}, pids{}, net{};
        bool version_1{};
        bool visible{};
    };
    Files& files_of(const EngineId& engine_id, std::int64_t pid);
    Files open(const EngineId& engine_id, std::int64_t pid);

    const std::string root_;
    const std::uint64_t ns_per_tick_;
    std::string buffer_;
    ProbeFile stat_;
    std::optional<std::uint64_t> memory_{};
    std::optional<CgroupMounts> mounts_{};
    std::map<EngineId, Files> files_;
};

}  // namespace berth::metrics
