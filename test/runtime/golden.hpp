// Compares JSON with a file of test/golden/docker. BERTH_GOLDEN=write writes the file instead: look at the
// diff.
#pragma once

#include <string>

namespace berth::test {

void check_golden(const std::string& name, const std::string& json);

}  // namespace berth::test
