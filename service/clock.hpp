// The wall clock, for what is shown and sent; deadlines use the steady clock.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace berth::service {

std::int64_t unix_ms();
// The times in messages, which whoever reads them holds for their order: never falls, whatever the clock
// does. On the loop.
class Stamps {
 public:
    explicit Stamps(std::function<std::int64_t()> now = unix_ms) : now_(std::move(now)) {}
    std::int64_t next();              // Unix ms: now, or one more than the last where the clock has gone back
    std::int64_t reached() const;     // none was later so far, nor is one that is given in this moment
    void restore(std::int64_t last);  // of an earlier process

 private:
    std::function<std::int64_t()> now_;
    std::int64_t last_{0};
};

std::string now_rfc3339();  // UTC, nanoseconds: 2026-01-02T03:04:05.678901234Z

}  // namespace berth::service
