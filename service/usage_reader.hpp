// What containers use, read where metrics.source says: the kernel's files, the engine, or the engine only
// where the files cannot be seen. For one thread at a time; knows no period and no filter.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/kernel_reader.hpp"
#include "protocol/container.hpp"
#include "protocol/usage.hpp"
#include "runtime/runtime.hpp"
#include "service/world.hpp"

namespace berth::service {

enum class UsageSource { Auto, Kernel, Engine };
UsageSource usage_source(std::string_view option);

class UsageReader {
 public:
    struct Subject {
        ContainerId id{};
        std::string name{};
        EngineId engine_id{};
        std::int64_t pid{};
        bool on_host{};  // its network is the machine's
        std::string started_at{};
    };
    struct Reading {
        Subject subject{};
        Usage usage{};
    };
    struct Readings {
        std::uint64_t machine_memory{};  // 0: not known
        std::vector<Reading> all{};      // by id, without those that could not be read
    };

    // `root` stands before every path of the kernel.
    UsageReader(runtime::Runtime& runtime, UsageSource source, std::string root = {});

    static std::vector<Subject> running(const World& world);

    Readings read(const std::vector<Subject>& subjects, const std::stop_token& stop);
    void keep_only(const std::vector<Subject>& those);  // files of all others are closed

 private:
    struct Blind {  // one that the kernel does not tell enough of
        Subject subject{};
        std::optional<Usage> usage{};
        std::string trouble{};
    };
    void read_files(const std::vector<Subject>& subjects, Readings& readings, std::vector<Blind>& blind);
    void ask_engine(std::vector<Blind>& blind, const std::stop_token& stop) const;

    runtime::Runtime& runtime_;
    const UsageSource source_;
    metrics::KernelReader kernel_;
};

}  // namespace berth::service
