#include "service/ids.hpp"

#include <uuid/uuid.h>

#include <array>

namespace berth::service {

std::string random_uuid() {
    uuid_t id{};
    uuid_generate_random(id);
    std::array<char, 37> text{};
    uuid_unparse_lower(id, text.data());
    return text.data();
}

}  // namespace berth::service
