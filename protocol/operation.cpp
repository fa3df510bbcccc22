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

}  // namespace berth
