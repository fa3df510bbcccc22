// Fresh identities.
#pragma once

#include <string>

namespace berth::service {

std::string random_uuid();  // version 4, lower case

}  // namespace berth::service
