// Small ways to say what a test is about.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/desired_state.hpp"
#include "protocol/document.hpp"

namespace berth::test {

inline ContainerSpec spec(std::string name, std::string image = "app:1") {
    ContainerSpec made{};
    made.name = std::move(name);
    made.image = std::move(image);
    fill_defaults(made);
    return made;
}

inline Container container(ContainerSpec what, Status status) {
    Container made{};
    made.spec = std::move(what);
    if (made.spec.id.empty()) made.spec.id = "id-" + made.spec.name;
    made.engine_id = "engine-" + made.spec.id;
    made.state.status = status;
    made.started_before = status != Status::Created;
    return made;
}

inline Container running(ContainerSpec what) {
    return container(std::move(what), Status::Running);
}

// As the engine that has lost it leaves it: its record alone.
inline Container missing(ContainerSpec what) {
    auto made = container(std::move(what), Status::Exited);
    made.engine_id.clear();
    return made;
}

inline DesiredState desired(std::vector<ContainerSpec> specs, std::string activity = "act") {
    DesiredState made{};
    made.activity_id = std::move(activity);
    for (auto& what : specs)
        made.components.push_back({"1", std::move(what)});
    return made;
}

}  // namespace berth::test
