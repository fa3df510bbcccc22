// A lab of a test's own, where the shared one would be in others' way: an engine that dies, a disk that is
// full. In a folder of the shared lab, which takes it down should the test be killed.
#pragma once

#include <string>
#include <vector>

#include "test/support/lab.hpp"

namespace berth::test {

class OwnLab {
 public:
    // Options of `tools/lab start`. Takes as long as that does: a quarter of a minute.
    explicit OwnLab(const std::vector<std::string>& options = {});
    ~OwnLab();
    OwnLab(const OwnLab&) = delete;
    OwnLab& operator=(const OwnLab&) = delete;

    Lab lab() const { return Lab(folder_); }

 private:
    void tool(const std::string& verb, const std::vector<std::string>& options) const;

    std::string folder_;
};

}  // namespace berth::test
