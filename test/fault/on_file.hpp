// A device whose engine, disk and broker are files, for a Berth in a process of its own that may be killed.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "test/fault/aftermath.hpp"
#include "test/fault/scenarios.hpp"
#include "test/support/fake_runtime.hpp"

namespace berth::test {

struct Place {
    std::filesystem::path folder{};
    std::filesystem::path home() const { return folder / "home"; }
    std::string engine() const { return folder / "engine"; }
    std::string said() const { return folder / "said"; }
    std::string points() const { return folder / "points"; }
};

std::unique_ptr<FakeRuntime> engine_of(const Place& place);
Set set_of(const FakeRuntime& engine);
std::vector<Heard> heard_in(const Place& place, const std::string& activity);

// Each in a process of its own. They throw if it does not come to its end, which is when all is at rest, the
// containers are right and their records agree.
using IsRight = std::function<bool(const Set&)>;
void deploy_before(const Place& place, const std::string& message);
// Is killed at that point, if it comes to it; else it writes how many it has passed.
void run_to(const Place& place, const Scenario& scenario, long point, const IsRight& is_right);
// What goes on by itself has no broker until all is right; then there is one, which gets what has been
// waiting for it. Where somebody has to go on there is one, and he sends again what was not answered.
void come_back(const Place& place, const Scenario& scenario, const IsRight& is_right);

// This process never has a second thread. The exit status, or minus the signal.
int in_child(const std::function<void()>& work);

}  // namespace berth::test
