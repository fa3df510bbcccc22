#include "test/bench/open_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace berth::bench {
namespace {

constexpr std::size_t kLongestText = 65536;

std::int64_t thread_ns() {
    timespec used{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
}

bool is_the_kernels(int descriptor) {
    struct statfs about{};
    if (fstatfs(descriptor, &about) != 0) return false;
    return about.f_type == CGROUP_SUPER_MAGIC || about.f_type == CGROUP2_SUPER_MAGIC ||
           about.f_type == PROC_SUPER_MAGIC;
}

}  // namespace

// By way of the link: the path may be of another mount namespace. Sockets cannot be opened so; pipes can.
OpenFiles::OpenFiles(int pid) {
    for (const auto& link : std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid))) {
        const int descriptor = open(link.path().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (descriptor < 0) continue;
        if (is_the_kernels(descriptor))
            descriptors_.push_back(descriptor);
        else
            close(descriptor);
    }
}

OpenFiles::~OpenFiles() {
    for (const int descriptor : descriptors_)
        close(descriptor);
}

std::int64_t OpenFiles::read_all_ns() const {
    std::string buffer(kLongestText, '\0');
    const auto begin = thread_ns();
    for (const int descriptor : descriptors_)
        if (pread(descriptor, buffer.data(), buffer.size(), 0) < 0)
            throw std::runtime_error("a file of a container is gone");
    return thread_ns() - begin;
}

}  // namespace berth::bench
