// "Did you mean …?": the known word that a written one is a slip of the finger away from.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace berth {

class Resembling {
 public:
    explicit Resembling(std::string written);
    void see(std::string_view word);                 // which must outlive this
    std::string_view best() const { return best_; }  // of all seen the nearest; empty: none is near

 private:
    std::string written_;
    std::size_t farthest_;  // edits: one per four letters, at most three
    std::string_view best_{};
};

}  // namespace berth
