// The arguments of the operations on containers. `value` is a command's value as JSON text, empty when it has
// none. Invalid: it cannot be read, and every problem is named.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/result.hpp"

namespace berth::twin {

enum class Shape { Image, ImageAndConfig };  // of create, of createWithConfig

struct Create {
    ContainerSpec spec{};  // without id, defaults still open; image and name may be empty
    bool start{};
    bool encrypted{};  // asks for a decryption, which there is not
    std::vector<std::string> warnings{};
    bool operator==(const Create&) const = default;
};
Result<Create> decode_create(std::string_view value, Shape shape);

struct Stop {
    std::int64_t timeout_s{};  // 0: the usual
    bool force{};
    std::string signal{};  // empty: the container's own
    bool operator==(const Stop&) const = default;
};
Result<Stop> decode_stop(std::string_view value);
// Empty: fine. A negative timeout, or a signal that is neither SIG… nor 1 to 255.
std::string fault_of(const Stop& stop);

Result<std::string> decode_rename(std::string_view value);
Result<bool> decode_remove(std::string_view value);  // force

struct Update {  // what is given replaces the whole of it
    std::optional<RestartPolicy> restart{};
    std::optional<Resources> resources{};
    bool operator==(const Update&) const = default;
};
Result<Update> decode_update(std::string_view value);

}  // namespace berth::twin
