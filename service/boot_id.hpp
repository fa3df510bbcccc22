// Which run of the machine this is.
#pragma once

#include <string>

namespace berth::service {

const std::string& boot_id();  // the kernel's, read once; empty where it cannot be read

}  // namespace berth::service
