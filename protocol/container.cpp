#include "protocol/container.hpp"

#include <algorithm>
#include <array>
#include <tuple>
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

std::vector<const Container*> effective(const std::vector<Container>& containers) {
    std::vector<const Container*> shown;
    for (const auto& container : containers)
        if (container.role == Role::Plain && !container.spec.name.empty()) shown.push_back(&container);
    std::sort(shown.begin(), shown.end(), [](const Container* a, const Container* b) {
        const bool a_runs = a->runs();
        const bool b_runs = b->runs();
        return std::tie(a->spec.name, b_runs, b->state.created, a->spec.id) <
               std::tie(b->spec.name, a_runs, a->state.created, b->spec.id);
    });
    const auto same_name = [](const Container* a, const Container* b) {
        return a->spec.name == b->spec.name;
    };
    shown.erase(std::unique(shown.begin(), shown.end(), same_name), shown.end());
    return shown;
}

}  // namespace berth
