#include "service/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "service/kill_points.hpp"

namespace berth::service {
namespace {

std::string beside(const std::filesystem::path& path) {
    return path.string() + ".new";
}

class Descriptor {
 public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }

 private:
    int fd_;
};

Result<> write_all(int fd, std::string_view content, const std::string& name, Outlives outlives) {
    while (!content.empty()) {
        const ssize_t written = ::write(fd, content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return os_error("write " + name);
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    if (outlives == Outlives::PowerCut && ::fsync(fd) != 0) return os_error("flush " + name);
    return {};
}

Result<> write_new(const std::string& name, std::string_view content, unsigned mode, Outlives outlives) {
    // The folder may be another user's: what stands there by that name, a link to elsewhere, is not written
    // to.
    ::unlink(name.c_str());
    const Descriptor file(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (file.get() < 0) return os_error("create " + name);
    ::fchmod(file.get(), mode);  // the umask has narrowed it; a file system without modes refuses
    return write_all(file.get(), content, name, outlives);
}

}  // namespace

Error os_error(const std::string& doing) {
    const int number = errno;
    const bool full = number == ENOSPC || number == EDQUOT;
    return fail(full ? Errc::NoSpace : Errc::Internal,
                doing + ": " + std::generic_category().message(number));
}

Result<> replace_file(const std::filesystem::path& path, std::string_view content, unsigned mode,
                      Outlives outlives) {
    const auto written_to = beside(path);
    kill_point("before writing a file");
    if (auto written = write_new(written_to, content, mode, outlives); !written) {
        discard_unfinished(path);
        return written;
    }
    kill_point("before renaming a file");
    if (::rename(written_to.c_str(), path.c_str()) != 0) return os_error("rename " + written_to);
    kill_point("after renaming a file");
    return outlives == Outlives::PowerCut ? flush_folder(path.parent_path()) : Result<>();
}

void discard_unfinished(const std::filesystem::path& path) {
    ::unlink(beside(path).c_str());
}

Result<> make_folder(const std::filesystem::path& folder) {
    std::error_code error;
    const bool made = std::filesystem::create_directories(folder, error);
    if (!error && made)
        std::filesystem::permissions(folder, static_cast<std::filesystem::perms>(0711), error);
    if (!error && made) return flush_folder(folder.parent_path());
    if (!error) return {};
    return fail(error == std::errc::no_space_on_device ? Errc::NoSpace : Errc::Internal,
                "make folder " + folder.string() + ": " + error.message());
}

std::set<std::uint64_t> numbered_files(const std::filesystem::path& folder, std::error_code& error) {
    std::set<std::uint64_t> found;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        const auto name = entry->path().filename().string();
        std::uint64_t number = 0;
        const auto [stop, bad] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (bad != std::errc{}) continue;
        if (stop == name.data() + name.size())
            found.insert(number);
        else
            discard_unfinished(folder / std::to_string(number));
    }
    if (error == std::errc::no_such_file_or_directory) error.clear();
    return found;
}

Result<> flush_folder(const std::filesystem::path& folder) {
    const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened.get() < 0 || ::fsync(opened.get()) != 0) return os_error("flush " + folder.string());
    return {};
}

Result<std::string> read_file(const std::filesystem::path& path) {
    const auto doing = "read " + path.string();
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status{};
    if (file.get() < 0 && errno == ENOENT) return fail(Errc::NotFound, doing + ": no such file");
    if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return os_error(doing);
    if (!S_ISREG(status.st_mode)) return fail(Errc::Internal, doing + ": not a file");
    std::string content;
    std::array<char, 16384> chunk{};
    for (;;) {
        const ssize_t got = ::read(file.get(), chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return os_error(doing);
        if (got == 0) return content;
        content.append(chunk.data(), static_cast<std::size_t>(got));
    }
}

}  // namespace berth::service
