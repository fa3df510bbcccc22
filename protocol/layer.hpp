// A layer of an image, as its registry keeps it.
#pragma once

#include <cstdint>
#include <string>

namespace berth {

struct Layer {
    std::string digest{};  // of the compressed layer: equal for equal content
    std::int64_t bytes{};  // compressed
    bool operator==(const Layer&) const = default;
};

}  // namespace berth
