#include "protocol/container.hpp"

#include <array>
#include <utility>

namespace berth {
namespace {

constexpr std::array kStatusWords = {std::pair{Status::Creating, std::string_view("Creating")},
                                     std::pair{Status::Created, std::string_view("Created")},
                                     std::pair{Status::Running, std::string_view("Running")},
                                     std::pair{Status::Stopped, std::string_view("Stopped")},
                                     std::pair{Status::Paused, std::string_view("Paused")},
                                     std::pair{Status::Exited, std::string_view("Exited")},
                                     std::pair{Status::Dead, std::string_view("Dead")},
                                     std::pair{Status::Unknown, std::string_view("Unknown")}};

}  // namespace

std::string_view to_string(Status status) {
    for (const auto& [value, word] : kStatusWords)
        if (value == status) return word;
    return "Unknown";
}

std::optional<Status> parse_status(std::string_view text) {
    for (const auto& [value, word] : kStatusWords)
        if (word == text) return value;
    return std::nullopt;
}

}  // namespace berth
