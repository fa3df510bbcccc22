// The kernel's files: recorded trees of control groups of version 2 with both drivers, made ones of
// version 1.
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "metrics/kernel_reader.hpp"
#include "metrics/kernel_text.hpp"
#include "metrics/measure.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using metrics::KernelReader;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const fs::path kRecorded = fs::path(BERTH_SOURCE_DIR) / "test/data/cgroup-v2";

std::string text_of(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

void write(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
}

class Tree {  // a folder that stands for /
 public:
    Tree() {
        std::string name = (fs::temp_directory_path() / "berth-kernel-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
        path = name;
    }
    ~Tree() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;
    fs::path path;
};

// What the container of a recorded tree used, at the time of one of its two samples.
Usage at_sample(const fs::path& recorded, const std::string& sample, const Tree& tree) {
    const auto about = json::parse(text_of(recorded / "about.json"));
    const auto pid = about["pid"].get<std::int64_t>();
    const std::string group = about["path"].get<std::string>().substr(1);
    fs::copy(recorded, tree.path, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    for (const char* name :
         {"cpu.stat", "io.stat", "memory.current", "memory.max", "memory.stat", "pids.current"})
        fs::copy_file(recorded / sample / name, tree.path / group / name,
                      fs::copy_options::overwrite_existing);
    fs::copy_file(recorded / sample / "proc-stat", tree.path / "proc/stat",
                  fs::copy_options::overwrite_existing);
    fs::copy_file(recorded / sample / "net-dev", tree.path / "proc" / std::to_string(pid) / "net/dev",
                  fs::copy_options::overwrite_existing);
    KernelReader reader(tree.path.string(), 100);
    const auto usage = reader.read(about["container"], pid, reader.machine());
    REQUIRE(usage);
    return *usage;
}

}  // namespace

TEST_CASE("recorded control groups of version 2 give the engine's numbers", "[TW-62][TW-63][metrics]") {
    const Tree tree;
    const auto recorded = kRecorded / "systemd-bridge-limited";
    const auto first = at_sample(recorded, "sample1", tree);
    const auto second = at_sample(recorded, "sample2", tree);
    REQUIRE(second.cpu);
    CHECK(second.cpu->container == 3'033'825'000);
    CHECK(second.cpu->host == 12'978 * std::uint64_t{10'000'000});
    CHECK(second.memory == MemoryUse{13'070'336, 10'506'240, 67'108'864});
    CHECK(second.io == Transfer{1'781'760, 10'485'760});
    CHECK(second.net == Transfer{1182, 0});
    CHECK(second.pids == 2);
    // 0.944 of the 10.39 seconds that all CPUs had between the samples
    const auto measured = metrics::measure(second, first.cpu, 2'021'564ull * 1024);
    REQUIRE(measured.size() == 9);
    CHECK(std::abs(std::get<double>(measured[0].value) - 9.087) < 0.01);
    CHECK(std::abs(std::get<double>(measured[3].value) - 3.82) < 0.01);  // as the docker client shows it
}

TEST_CASE("the other driver puts it elsewhere", "[TW-62][metrics]") {
    for (const char* name : {"cgroupfs-bridge-limited", "systemd-host-idle", "systemd-bridge-limited"}) {
        INFO(name);
        const auto recorded = kRecorded / name;
        const auto about = json::parse(text_of(recorded / "about.json"));
        KernelReader reader(recorded.string(), 100);
        const auto usage = reader.read(about["container"], about["pid"], reader.machine());
        REQUIRE(usage);
        CHECK(usage->cpu);
        CHECK(usage->memory);
        CHECK(usage->pids > 0);
        CHECK_FALSE(reader.read("another", about["pid"], reader.machine()));
        CHECK_FALSE(reader.read(about["container"], -1, reader.machine()));
        CHECK_FALSE(reader.read(about["container"], 1'999'999, reader.machine()));
    }
}

TEST_CASE("control groups of version 1 are read by controller", "[TW-62][metrics]") {
    const Tree tree;
    const auto cgroup = tree.path / "sys/fs/cgroup";
    write(tree.path / "proc/self/mountinfo",
          "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
          "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
          "33 31 0:30 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n"
          "34 31 0:31 /machine /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
          "35 31 0:32 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n"
          "36 31 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    write(tree.path / "proc/7/cgroup",
          "4:cpu,cpuacct:/docker/abc/init.scope\n3:memory:/docker/abc\n2:pids:/machine/docker/abc\n"
          "1:blkio:/docker/abc\n0::/elsewhere\n");
    write(tree.path / "proc/7/net/dev",
          "Inter-|\n face |\n    lo: 5 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n  eth0:100 1 0 0 0 0 0 0 200 1 0 0 0 0 "
          "0 0\n"
          "  eth1: 1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n");
    write(tree.path / "proc/stat", "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n");
    write(tree.path / "proc/meminfo", "MemTotal:  2048 kB\nMemFree: 1 kB\n");
    write(cgroup / "cpu,cpuacct/docker/abc/cpuacct.usage", "12345\n");
    write(cgroup / "memory/docker/abc/memory.usage_in_bytes", "5000\n");
    write(cgroup / "memory/docker/abc/memory.limit_in_bytes", "9223372036854771712\n");
    write(cgroup / "memory/docker/abc/memory.stat", "inactive_file 1\ntotal_inactive_file 1000\n");
    write(cgroup / "pids/docker/abc/pids.current", "4\n");
    const auto io = cgroup / "blkio/docker/abc/blkio.throttle.io_service_bytes_recursive";
    write(io, "8:0 Read 10\n8:0 Write 20\n8:16 READ 1\n8:16 Total 31\nTotal 31\n");

    KernelReader reader(tree.path.string(), 100);
    const auto machine = reader.machine();
    CHECK(machine.memory == 2048 * 1024);
    CHECK(machine.cpu == 36 * std::uint64_t{10'000'000});
    const auto usage = reader.read("abc", 7, machine);
    REQUIRE(usage);
    CHECK(usage->cpu == CpuUse{12'345, machine.cpu});
    CHECK(usage->memory == MemoryUse{5000, 1000, 0});
    CHECK(usage->io == Transfer{11, 20});
    CHECK(usage->net == Transfer{101, 202});
    CHECK(usage->pids == 4);

    write(cgroup / "memory/docker/abc/memory.usage_in_bytes", "6000\n");
    CHECK(reader.read("abc", 7, machine)->memory->usage == 6000);

    // A controller that is missing drops its own part only.
    fs::remove(io);
    KernelReader other(tree.path.string(), 100);
    CHECK_FALSE(other.read("abc", 7, other.machine())->io);
    CHECK(other.read("abc", 7, other.machine())->memory);

    // Its interfaces can be seen where its control group cannot.
    fs::remove_all(cgroup);
    KernelReader blind(tree.path.string(), 100);
    CHECK(blind.read("abc", 7, blind.machine())->net == Transfer{101, 202});
    CHECK_FALSE(blind.read("abc", 7, blind.machine())->memory);
}

TEST_CASE("what another mount hides is not where control groups are read", "[TW-62][metrics]") {
    using metrics::cgroup_mounts;
    const std::string moved = "1 1 0:2 / / rw - rootfs rootfs rw\n23 27 0:22 / /sys rw - sysfs sysfs rw\n";
    const std::string root = "27 1 254:0 / / rw - ext4 /dev/vda rw\n";  // what was moved into it came before
    const std::string first =
        "30 23 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"
        "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    const std::string above = "40 30 0:40 / /sys/fs/cgroup rw - tmpfs cgroup rw\n";
    const auto cpu = [](const metrics::CgroupMounts& mounts) {
        const auto found = mounts.find("cpuacct");
        return found == mounts.end() ? std::string() : found->second.point;
    };
    CHECK(cgroup_mounts(moved + first + root).size() == 5);  // with the options rw
    CHECK(cpu(cgroup_mounts(moved + first + root)) == "/sys/fs/cgroup/cpu,cpuacct");

    // A whole set of others lies above it.
    const auto mounts = cgroup_mounts(moved + root + first + above +
                                      "41 40 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                                      "42 40 0:27 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n");
    CHECK(cpu(mounts) == "/sys/fs/cgroup/cpuacct");
    CHECK(mounts.at("cpu").point == "/sys/fs/cgroup/cpu");
    CHECK_FALSE(mounts.contains("memory"));
    CHECK_FALSE(mounts.contains(""));

    // On it, on a folder on the way, and on the mount in which it stands.
    const std::vector<std::string> hiding = {
        "50 31 0:50 / /sys/fs/cgroup/cpu,cpuacct rw - tmpfs tmpfs rw\n",
        "50 23 0:50 / /sys/fs rw - tmpfs tmpfs rw\n",
        "50 23 0:50 / /sys rw - tmpfs tmpfs rw\n",
    };
    for (const auto& line : hiding) {
        INFO(line);
        CHECK(cpu(cgroup_mounts(moved + first + root + line)).empty());
    }
    CHECK_FALSE(cpu(cgroup_mounts(moved + first + root + "50 27 0:50 / /sysroot rw - tmpfs tmpfs rw\n" +
                                  "51 30 0:51 / /sys/fs/cgroup/cpu rw - tmpfs tmpfs rw\n"))
                    .empty());
    CHECK(cgroup_mounts("1 2 0:1 / /a rw - cgroup2 cgroup2 rw\n2 1 0:1 / /b rw - cgroup2 cgroup2 rw\n")
              .empty());
}

TEST_CASE("the files of containers that went are closed", "[TW-62][metrics]") {
    const Tree tree;
    write(tree.path / "proc/self/mountinfo", "36 31 0:33 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    write(tree.path / "proc/stat", "cpu  1 2 3 4 5 6 7 8 9 10\n");
    const auto open_files = [] {
        const fs::directory_iterator all("/proc/self/fd");
        return std::distance(fs::begin(all), fs::end(all));
    };
    KernelReader reader(tree.path.string(), 100);
    const auto read_one = [&](const std::string& id, std::int64_t pid) {
        const auto process = tree.path / "proc" / std::to_string(pid);
        write(process / "cgroup", "0::/docker/" + id + "\n");
        write(process / "net/dev", "  eth0: 1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0\n");
        write(tree.path / "sys/fs/cgroup/docker" / id / "memory.current", "1\n");
        REQUIRE(reader.read(id, pid, reader.machine()));
    };
    read_one("stays", 10);
    const auto before = open_files();
    for (int round = 0; round < 20; ++round) {  // each time one is made anew
        const auto id = "new" + std::to_string(round);
        read_one(id, 100 + round);
        reader.keep_only({"stays", id});
    }
    const auto of_one = open_files() - before;
    CHECK(of_one > 0);
    CHECK(of_one <= 7);
    CHECK(reader.read("stays", 10, reader.machine())->memory->usage == 1);
    reader.keep_only({});
    CHECK(open_files() < before);
}

TEST_CASE("odd texts of the kernel are as good as none", "[TW-62][metrics]") {
    using namespace metrics;
    CHECK_FALSE(number_in(""));
    CHECK_FALSE(number_in("max\n"));
    CHECK_FALSE(number_in("12x"));
    CHECK(number_in(" 12\n") == 12);
    CHECK_FALSE(number_of("a 1\nb 2\n", "c"));
    CHECK(number_of("aa 1\na 2\n", "a") == 2);
    CHECK(io_of_v2("").empty());
    // A device without numbers may stand in the line of the next one.
    CHECK(io_of_v2("8:0 rbytes=1 wbytes=2\n7:0 8:1 rbytes=3 wbytes=4 rios=1\n") ==
          Transfers{{"8:0", {1, 2}}, {"8:1", {3, 4}}});
    CHECK(io_of_v1("8:0 Read 1\n8:0 Write 2\n8:1 Read 3\n8:1 Total 3\nTotal 6\n") ==
          Transfers{{"8:0", {1, 2}}, {"8:1", {3, 0}}});
    CHECK(io_of_v1("Total 0\n").empty());
    CHECK(net_of("Inter-|\n face |\n lo: 1 2 3 4 5 6 7 8 9\n").empty());
    CHECK_FALSE(host_ticks("intr 1 2 3 4 5\n"));
    CHECK(cgroup_mounts("nonsense\n1 2 3\n").empty());
}
