// The kernel's files that another process has open, opened once more: what reading them costs by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::bench {

class OpenFiles {
 public:
    explicit OpenFiles(int pid);  // those of control groups and of /proc
    ~OpenFiles();
    OpenFiles(const OpenFiles&) = delete;
    OpenFiles& operator=(const OpenFiles&) = delete;

    std::size_t count() const { return descriptors_.size(); }
    std::int64_t read_all_ns() const;  // each once, from its beginning; this thread's CPU time

 private:
    std::vector<int> descriptors_;
};

}  // namespace berth::bench
