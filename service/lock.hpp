// One berthd per run_dir: an exclusive lock on <run_dir>/lock, which the kernel takes back when the process
// ends.
#pragma once

#include <string>

#include "protocol/result.hpp"

namespace berth::service {

class Lock {
 public:
    // Makes missing folders (0711). Conflict: another process holds it, named in the message.
    static Result<Lock> take(const std::string& run_dir);

    Lock(Lock&& other) noexcept;
    Lock& operator=(Lock&&) = delete;
    ~Lock();

 private:
    explicit Lock(int descriptor) : descriptor_(descriptor) {}

    int descriptor_{-1};
};

}  // namespace berth::service
