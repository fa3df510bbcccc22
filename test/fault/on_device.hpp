// What has become of a device, as its engine, its disk and its broker show it.
#pragma once

#include <string>
#include <vector>

#include "test/e2e/device.hpp"
#include "test/fault/aftermath.hpp"

namespace berth::test {

Set set_on(const Device& device);
std::string networks_on(const Device& device);  // their names
std::vector<Heard> heard_on(Device& device, const std::string& activity);
bool has_ended(Device& device, const std::string& activity);

// That nothing is there but what belongs to this set: records, other files, volumes, networks other than
// these. Empty if all is well.
std::string left_on(const Device& device, const Set& set, const std::string& networks);
std::string left_at_last_on(const Device& device, const Set& set,
                            const std::string& networks);  // waits for it

void tell(const std::string& what, long good, long all);  // "kill sweep: 40 of 40"

}  // namespace berth::test
