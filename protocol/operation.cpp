#include "protocol/operation.hpp"

namespace berth {

std::string_view to_string(Action action) {
    switch (action) {
        case Action::Check: return "check";
        case Action::Create: return "create";
        case Action::Recreate: return "recreate";
        case Action::Update: return "update";
        case Action::Destroy: return "destroy";
    }
    return "check";
}

std::optional<Action> parse_action(std::string_view text) {
    for (const auto action :
         {Action::Check, Action::Create, Action::Recreate, Action::Update, Action::Destroy})
        if (to_string(action) == text) return action;
    return std::nullopt;
}

}  // namespace berth
