// containersupdate/currentstate: the inventory. Parameter order, conditions and formats are Kanto's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/container.hpp"

namespace berth {

enum class Verbosity { Brief, Verbose };

struct DroppedMessages {  // since the start, that nobody got
    std::uint64_t feedback{};
    std::uint64_t current_state{};
    std::uint64_t twin{};
    std::uint64_t metrics{};
};

struct Inventory {
    std::string activity_id{};
    std::int64_t timestamp{};  // Unix ms
    std::vector<Container>
        containers{};  // any order; encoded sorted by name; staged and old ones are left out
    DroppedMessages dropped{};
};

struct InventoryStyle {
    std::string domain{"containers"};
    Verbosity verbosity{Verbosity::Brief};
    std::vector<std::string> redact{};  // patterns of env names whose values are masked; empty: none
};

std::string encode(const Inventory& inventory, const InventoryStyle& style);

// "reg:8080/app:v1" -> "v1"; "app:1@sha256:ab" -> "sha256:ab"; "app" -> "n/a".
std::string version_of_image(std::string_view image);

}  // namespace berth
