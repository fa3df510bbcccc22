// Which run of the machine this is, and how long it has lasted.
#pragma once

#include <cstdint>
#include <string>

namespace berth::service {

const std::string& boot_id();  // the kernel's, read once; empty where it cannot be read

// Since then, ms: also of sleep, and whatever is done to the wall clock.
std::int64_t ms_since_boot();

}  // namespace berth::service
