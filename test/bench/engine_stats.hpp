// The engine's own way to say what containers use: one call for each, all at once. And what that costs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "test/support/lab.hpp"

namespace berth::bench {

class EngineStats {
 public:
    EngineStats(const test::Lab& lab, std::vector<std::string> engine_ids);

    void ask_all() const;         // one sample of each; throws unless all are answered
    std::int64_t cpu_ns() const;  // of the engine with all that belongs to it, and of this thread

 private:
    std::string socket_;
    std::vector<std::string> engine_ids_;
    std::vector<int> processes_;
};

}  // namespace berth::bench
