// Whether there is room for what is to be pulled: the arithmetic, and its words for the sender.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/layer.hpp"
#include "protocol/result.hpp"

namespace berth::reconcile {

struct Room {                            // of one folder, in bytes
    std::optional<std::int64_t> free{};  // absent: nobody can see it, and nothing is refused for it
    std::int64_t reserve{};              // what stays free, whatever happens
    bool operator==(const Room&) const = default;
};

// Images to be pulled, each with its layers. A layer that several of them have is pulled once.
using Pulls = std::map<std::string, std::vector<Layer>>;

// Compressed bytes of the layers that are not in `counted`, which then are.
std::int64_t bytes_of(const std::vector<Layer>& layers, std::set<std::string>& counted);

struct Survey {                              // what was learnt of the images that an update may pull
    std::set<std::string> missing{};         // images that the engine does not have
    Pulls sizes{};                           // of those, as far as their registries told
    std::map<std::string, Error> unknown{};  // why there is no size of the others, where somebody told
    Room room{};                             // of the engine's data folder
    std::optional<Error> refused{};          // NoSpace
};

// Bytes of disk that they need: three times their compressed size, as a layer lies there packed and unpacked.
std::int64_t need_of(const Pulls& pulls);

enum class Told { All, Some };  // Some: there are pulls beside these, of which nobody knows the size

// NoSpace: "no space: need 312 MiB, free 120 MiB, reserve 256 MiB". What is of unknown size is admitted above
// the reserve.
Result<> admit(std::int64_t need, Told told, const Room& room);

}  // namespace berth::reconcile
