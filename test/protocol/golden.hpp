// Files of messages in test/golden, and where a text first differs from one.
#pragma once

#include <string>
#include <vector>

namespace berth::test {

// Fails the test when the file cannot be read.
std::string golden(const std::string& name);
std::vector<std::string> golden_lines(const std::string& name);

// Empty: equal. Else the place and both texts around it. With BERTH_GOLDEN=write in the environment the file
// is written anew, to be read over and committed.
std::string differs(const std::string& name, const std::string& got);

}  // namespace berth::test
