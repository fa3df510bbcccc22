#include "service/lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace berth::service {

namespace {

Error system_error(const std::string& doing) {
    const int number = errno;
    return fail(number == EACCES || number == EPERM ? Errc::Forbidden : Errc::Unavailable,
                fmt::format("{}: {}", doing, std::generic_category().message(number)));
}

Result<> make_folders(const std::filesystem::path& folder) {
    std::filesystem::path made;
    for (const auto& level : folder) {
        made /= level;
        if (::mkdir(made.c_str(), 0711) == 0) {
            if (::chmod(made.c_str(), 0711) != 0) return system_error("set the mode of " + made.string());
        } else if (errno != EEXIST && errno != EISDIR && errno != EROFS) {
            return system_error("make the folder " + made.string());
        }
    }
    return {};
}

std::string holder(int descriptor) {
    std::array<char, 32> text{};
    const auto length = ::pread(descriptor, text.data(), text.size() - 1, 0);
    const std::string pid(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    const auto digits = pid.substr(0, pid.find_first_not_of("0123456789"));
    return digits.empty() ? "another process" : "process " + digits;
}

}  // namespace

Result<Lock> Lock::take(const std::string& run_dir) {
    if (const auto made = make_folders(run_dir); !made) return made.error();
    const auto file = run_dir + "/lock";
    Lock lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (lock.descriptor_ < 0) return system_error("open the lock " + file);
    if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return system_error("lock " + file);
        return fail(Errc::Conflict,
                    fmt::format("a berthd is running already: {} holds {}", holder(lock.descriptor_), file));
    }
    const auto pid = fmt::format("{}\n", ::getpid());
    if (::ftruncate(lock.descriptor_, 0) != 0 ||
        ::pwrite(lock.descriptor_, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
        return system_error("write to " + file);
    return lock;
}

Lock::Lock(Lock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

// The file stays: removing it would let a third process lock a new one beside a second that waits on the old.
Lock::~Lock() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace berth::service
