// Loaded before libc into a berthd: counts what makes a flash device write now. The count lies in a mapped
// file that BERTH_BENCH_SYNCS names, where the bench reads it.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace {

using Counter = std::atomic<std::uint64_t>;

Counter* open_counter() {
    static Counter nowhere{0};
    const char* path = std::getenv("BERTH_BENCH_SYNCS");
    const int fd = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return &nowhere;
    void* page = mmap(nullptr, sizeof(Counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return page == MAP_FAILED ? &nowhere : static_cast<Counter*>(page);
}

int counted(const char* name, int fd) {
    static Counter* const counter = open_counter();
    ++*counter;
    return reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, name))(fd);
}

}  // namespace

extern "C" {
int fsync(int fd) {
    return counted("fsync", fd);
}
int fdatasync(int fd) {
    return counted("fdatasync", fd);
}
int syncfs(int fd) noexcept {
    return counted("syncfs", fd);
}
}
