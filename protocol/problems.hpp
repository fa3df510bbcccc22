// Everything that is wrong with one message, said in one text of bounded size.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace berth {

inline constexpr std::size_t kMaxProblemBytes = 4096;

class Problems {
 public:
    void add(std::string text);
    bool empty() const { return kept_.empty(); }
    std::vector<std::string> list() const;  // the last one is "… and N more" when some did not fit
    std::string text() const;               // the list, joined by "; ": at most kMaxProblemBytes
    Error error() const;                    // Invalid

 private:
    std::vector<std::string> kept_{};
    std::size_t bytes_{};
    std::size_t more_{};
};

// Cut to `bytes` at a character boundary, with "…" where something is missing.
std::string shortened(std::string_view text, std::size_t bytes = 120);

// The tail that quotes what was sent: ` (value "v")`, shortened.
std::string value_note(std::string_view value);

}  // namespace berth
