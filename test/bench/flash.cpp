// B12, in part: how often Berth makes the flash write, idle, for a desired state without news, for an update.
#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test/bench/benches.hpp"
#include "test/bench/operator.hpp"

namespace berth::bench {
namespace {

constexpr int kCount = 20;
constexpr int kTimes = 10;

class SyncCounter {
 public:
    explicit SyncCounter(std::string path) : path_(std::move(path)) {
        test::write_file(path_, std::string(sizeof(Counter), '\0'));
        const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
        void* page = mmap(nullptr, sizeof(Counter), PROT_READ, MAP_SHARED, fd, 0);
        close(fd);
        if (page == MAP_FAILED) throw std::runtime_error("cannot map " + path_);
        counter_ = static_cast<const Counter*>(page);
    }
    ~SyncCounter() { munmap(const_cast<Counter*>(counter_), sizeof(Counter)); }
    SyncCounter(const SyncCounter&) = delete;
    SyncCounter& operator=(const SyncCounter&) = delete;

    std::vector<std::string> environment() const {
        return {std::string("LD_PRELOAD=") + BERTH_BENCH_SYNCS_LIBRARY, "BERTH_BENCH_SYNCS=" + path_};
    }
    std::uint64_t count() const { return counter_->load(); }

 private:
    using Counter = std::atomic<std::uint64_t>;
    std::string path_;
    const Counter* counter_{};
};

std::uint64_t written_bytes(int pid) {
    std::ifstream file(fmt::format("/proc/{}/io", pid));
    std::string key;
    std::uint64_t value = 0;
    while (file >> key >> value)
        if (key == "write_bytes:") return value;
    throw std::runtime_error("no write_bytes of berthd");
}

struct Wear {
    std::uint64_t syncs{};
    std::uint64_t bytes{};
};

}  // namespace

void measure_flash(Bench& bench) {
    const SyncCounter counter(bench.folder / "syncs");
    Operator sender(bench.lab, "flash");
    const Daemon daemon(bench.lab, bench.folder,
                        {.name = "flash", .socket = {}, .environment = counter.environment()});
    sender.await_ready();
    auto components = sleepers("flash", kCount);
    sender.apply(components);
    if (counter.count() == 0)
        throw std::runtime_error("berthd made 20 containers without one fsync: not counted");

    Wear before{};
    const auto begin = [&] { before = {counter.count(), written_bytes(daemon.pid())}; };
    const auto row = [&](const std::string& what, int times, std::optional<double> aim) {
        const auto syncs = static_cast<double>(counter.count() - before.syncs) / times;
        const auto bytes = static_cast<double>(written_bytes(daemon.pid()) - before.bytes) / times;
        bench.report.figure("B12", what, kCount, fmt::format("{:.1f} fsync", syncs),
                            fmt::format("{:.0f} B", bytes), syncs, aim);
    };
    // The inventory that follows a change after 5 s belongs to the change.
    std::this_thread::sleep_for(std::chrono::seconds(6));
    begin();
    const int idle_s = bench.quick ? 10 : 600;
    std::this_thread::sleep_for(std::chrono::seconds(idle_s));
    row(fmt::format("idle {} s: fsyncs; bytes written", idle_s), 1, 0.0);

    begin();
    for (int i = 0; i < kTimes; ++i)
        sender.apply(components);
    row("unchanged, each: fsyncs; bytes written", kTimes, 1.0);

    begin();
    for (int i = 0; i < kTimes; ++i) {
        components.front().image = fmt::format("berth-test/sleeper:{}", 2 + i % 2);
        sender.apply(components);
    }
    row("update of one, each: fsyncs; bytes written", kTimes, {});
    sender.apply({});
}

}  // namespace berth::bench
