// An image reference taken apart as far as the engine's calls need it, and checked before it becomes part of
// a path.
#pragma once

#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace berth::runtime::docker {

// Letters, digits and . _ - / : @ only, no empty or dotted part. Invalid otherwise.
Result<> check_reference(std::string_view reference);

struct ImageName {             // as its registry knows it
    std::string registry{};    // host[:port], or "docker.io"
    std::string repository{};  // "library/busybox"
    std::string version{};     // a tag or a digest
    bool operator==(const ImageName&) const = default;
};

ImageName split_reference(std::string_view reference);  // one that check_reference accepts

// "app" -> "app:latest", as the engine pulls every tag of a reference that names none.
std::string with_tag(std::string_view reference);

}  // namespace berth::runtime::docker
