#include "service/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

namespace berth::service {
namespace {

Error os_error(const std::string& doing) {
    const int number = errno;
    const bool full = number == ENOSPC || number == EDQUOT;
    return fail(full ? Errc::NoSpace : Errc::Internal,
                doing + ": " + std::generic_category().message(number));
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

Result<> write_all(int fd, std::string_view content, const std::string& name) {
    while (!content.empty()) {
        const ssize_t written = ::write(fd, content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return os_error("write " + name);
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(fd) != 0) return os_error("flush " + name);
    return {};
}

Result<> write_beside(const std::string& beside, std::string_view content, unsigned mode) {
    const Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (file.get() < 0) return os_error("create " + beside);
    return write_all(file.get(), content, beside);
}

}  // namespace

Result<> replace_file(const std::filesystem::path& path, std::string_view content, unsigned mode) {
    const std::string beside = path.string() + ".new";
    if (auto written = write_beside(beside, content, mode); !written) {
        ::unlink(beside.c_str());
        return written;
    }
    if (::rename(beside.c_str(), path.c_str()) != 0) return os_error("rename " + beside);
    const Descriptor folder(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0 || ::fsync(folder.get()) != 0)
        return os_error("flush " + path.parent_path().string());
    return {};
}

Result<std::string> read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        const Errc code = errno == ENOENT ? Errc::NotFound : Errc::Internal;
        return fail(code, "read " + path.string() + ": " + std::generic_category().message(errno));
    }
    return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace berth::service
