// What the twin is told when one container changes.
#include "reconcile/showing.hpp"

#include <string>
#include <vector>

#include "test/support/builders.hpp"
#include "test/support/catch.hpp"

using namespace berth;
using namespace berth::test;
using reconcile::Showing;
using reconcile::showings;
using reconcile::Shown;

namespace {

constexpr const char* kNow = "2025-03-04T05:06:07Z";

// "whole CREATED", "state RUNNING", "name", …
std::vector<std::string> words(const Container* before, const Container* after) {
    std::vector<std::string> all;
    for (const auto& showing : showings(before, after, kNow)) {
        const std::string status(to_string(showing.container.state.status));
        switch (showing.what) {
            case Shown::Whole: all.push_back("whole " + status); break;
            case Shown::State: all.push_back("state " + status); break;
            case Shown::Name: all.push_back("name " + showing.container.spec.name); break;
            case Shown::Configuration: all.push_back("configuration"); break;
            case Shown::Removed: all.emplace_back("removed"); break;
        }
    }
    return all;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("one change of a container is one update of the twin",
          "[TW-35][TW-68][TW-69][TW-70][TW-71][reconcile]") {
    const auto web = [](Status status) { return container(spec("web"), status); };
    const auto creating = web(Status::Creating);
    const auto created = web(Status::Created);
    const auto up = web(Status::Running);
    const auto paused = web(Status::Paused);
    const auto stopped = web(Status::Stopped);
    const auto exited = web(Status::Exited);
    auto restarted = up;
    restarted.state.started_at = "2025-03-04T05:06:08Z";
    auto with_pid = up;
    with_pid.state.pid = 7;
    auto paused_with_pid = paused;
    paused_with_pid.state.pid = 7;
    auto out_of_memory = up;
    out_of_memory.state.oom_killed = true;
    auto exited_out_of_memory = exited;
    exited_out_of_memory.state.oom_killed = true;
    auto start_failed = stopped;
    start_failed.state.error = "no such file";
    auto renamed = up;
    renamed.spec.name = "shop";
    auto updated = up;
    updated.spec.resources.memory = "64M";
    auto unreadable = up;
    unreadable.spec.name.clear();
    auto staged = up;
    staged.role = Role::Staged;

    struct Case {
        std::string name;
        const Container* before;
        const Container* after;
        Words expected;
    };
    const std::vector<Case> cases = {
        {"being made shows nothing", nullptr, &creating, {}},
        {"made", &creating, &created, {"whole Created", "state Created"}},
        {"made and started in one look", &creating, &up, {"whole Created", "state Created", "state Running"}},
        {"found running", nullptr, &up, {"whole Running"}},
        {"no readable document", nullptr, &unreadable, {}},
        {"creation given up", &creating, nullptr, {}},
        {"started", &created, &up, {"state Running"}},
        {"its process id, known late", &up, &with_pid, {"state Running"}},
        {"the same, while it is paused", &paused, &paused_with_pid, {"state Paused"}},
        {"no news of its process id", &with_pid, &up, {}},
        {"out of memory, before its end", &up, &out_of_memory, {}},
        {"out of memory, told after its end", &exited, &exited_out_of_memory, {"state Exited"}},
        {"a restart of which the end was missed", &up, &restarted, {"state Running"}},
        {"stopped", &up, &stopped, {"state Stopped"}},
        {"ended by itself", &up, &exited, {"state Exited"}},
        {"a failed start", &stopped, &start_failed, {"state Stopped"}},
        {"paused", &up, &paused, {"state Paused"}},
        {"resumed", &paused, &up, {"state Running"}},
        {"renamed", &up, &renamed, {"name shop"}},
        {"updated", &up, &updated, {"configuration"}},
        {"its role in an update", &up, &staged, {}},
        {"removed", &stopped, nullptr, {"state Dead", "removed"}},
        {"removed by force", &up, nullptr, {"state Stopped", "state Dead", "removed"}},
        {"nothing", &up, &up, {}},
    };
    for (const auto& c : cases)
        DYNAMIC_SECTION(c.name) {
            CHECK(words(c.before, c.after) == c.expected);
        }
}

TEST_CASE("what is shown is the container as it was then", "[TW-73][reconcile]") {
    auto exited = container(spec("web"), Status::Exited);
    exited.state.exit_code = 3;
    exited.state.finished_at = "2025-03-04T05:06:06Z";
    const auto gone = showings(&exited, nullptr, kNow);
    REQUIRE(gone.size() == 2);
    CHECK(gone[0].container.state.exit_code == 3);
    CHECK(gone[0].container.state.finished_at == exited.state.finished_at);
    CHECK(gone[0].container.state.pid == -1);

    auto up = running(spec("web"));
    up.state.pid = 12;
    const auto forced = showings(&up, nullptr, kNow);
    REQUIRE(forced.size() == 3);
    CHECK(forced[0].container.state.finished_at == kNow);
    CHECK(forced[0].container.state.pid == -1);

    const auto creating = container(spec("web"), Status::Creating);
    const auto made = showings(&creating, &up, kNow);
    REQUIRE(made.size() == 3);
    CHECK(made[0].container.state.pid == -1);
    CHECK(made[0].container.state.started_at.empty());
    CHECK(made[2].container.state.pid == 12);
}
