#include "test/support/disk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "test/support/catch.hpp"
#include "test/support/child.hpp"

namespace berth::test {
namespace {

constexpr std::uintmax_t kSmall{std::uintmax_t{4} << 30};  // nobody's own disk is filled by mistake
constexpr off_t kLargestPiece{off_t{64} << 20};
constexpr off_t kSmallestPiece{1024};

}  // namespace

SmallDisk::SmallDisk(std::string folder) : folder_(std::move(folder)), image_(folder_ + ".img") {
    run_command({"truncate", "-s", "1G", image_});
    run_command({"mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1", image_});
    std::filesystem::create_directories(folder_);
    run_command({"mount", "-o", "loop", image_, folder_});
    std::filesystem::remove(folder_ + "/lost+found");
}

SmallDisk::~SmallDisk() {
    try {
        run_command({"umount", "-l", folder_});
    } catch (const std::exception& error) {
        FAIL_CHECK(error.what());
    }
}

void SmallDisk::become_read_only() const {
    run_command({"mount", "-o", "remount,abort", folder_});
}

void SmallDisk::mount_again(const std::string& how) const {
    run_command({"mount", "-o", "remount," + how, folder_});
}

void SmallDisk::repair() const {
    run_command({"umount", folder_});
    run_command({"mount", "-o", "loop", image_, folder_});
}

// In ever smaller pieces: how much of the room is for files is the file system's secret.
Filler::Filler(const std::string& folder, std::uintmax_t leave) : file_(folder + "/filler") {
    if (std::filesystem::space(folder).capacity > kSmall)
        throw std::runtime_error(folder + " is on no small disk: it is not filled");
    const int fd = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), file_);
    off_t size = 0;
    for (off_t piece = kLargestPiece; piece >= kSmallestPiece;) {
        const bool would_leave_too_little = leave > 0 && std::filesystem::space(folder).available <
                                                             leave + static_cast<std::uintmax_t>(piece);
        if (!would_leave_too_little && ::posix_fallocate(fd, size, piece) == 0)
            size += piece;
        else
            piece /= 2;
    }
    ::fsync(fd);
    ::close(fd);
}

Filler::~Filler() {
    std::error_code ignored;  // the disk may be gone, or read-only by now
    std::filesystem::remove(file_, ignored);
}

}  // namespace berth::test
