// The kill sweep: Berth ends by SIGKILL at each of its points, and the next one brings everything to its end.
// Here on an engine that keeps its containers in a file.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "test/fault/aftermath.hpp"
#include "test/fault/on_file.hpp"
#include "test/fault/scenarios.hpp"
#include "test/support/catch.hpp"
#include "test/support/station.hpp"

using namespace berth::test;

namespace {

namespace fs = std::filesystem;

struct Sweep {
    explicit Sweep(const Scenario& given) : scenario(given) {
        fs::create_directories(before.home());
        if (!scenario.before.empty())
            REQUIRE(in_child([this] { deploy_before(before, scenario.before); }) == 0);
        old_set = set_of(*engine_of(before));
        take_away();
        const Place whole = copy("whole");
        const auto ends_well = [this](const Set& set) { return scenario.succeeds || set == old_set; };
        REQUIRE(in_child([&] { run_to(whole, scenario, 0, ends_well); }) == 0);
        new_set = set_of(*engine_of(whole));
        std::ifstream(whole.points()) >> points;
        REQUIRE(points > 0);
        REQUIRE(wrong_records(whole.home(), new_set).empty());
        REQUIRE(wrong_words(whole, new_set).empty());
        REQUIRE((scenario.succeeds ? old_set != new_set : old_set == new_set));
    }

    void take_away() const {
        if (scenario.gone.empty()) return;
        const auto engine = engine_of(before);
        engine->remove_image(kPulledImage);
        for (const auto& name : scenario.gone) {
            const auto one = engine->named(name);
            REQUIRE(one);
            REQUIRE(engine->remove(one->engine_id, {}));
        }
    }

    Place copy(const std::string& name) const {
        const Place place{folder.path() / name};
        fs::remove_all(place.folder);
        fs::copy(before.folder, place.folder, fs::copy_options::recursive);
        fs::remove(place.said());
        return place;
    }

    // Somebody who sends what was not answered again does not stop before the new set is there.
    bool is_right(const Set& set) const {
        if (scenario.succeeds && same_but_for_ids(set, new_set)) return true;
        return set == old_set && (!scenario.succeeds || scenario.goes_on_by_itself());
    }

    std::string wrong_words(const Place& place, const Set& set) const {
        const auto heard = heard_in(place, "cut");
        if (scenario.newer.empty()) return wrong_feedback(heard, set != old_set);
        const auto wrong = wrong_feedback_before_newer(heard);
        return wrong.empty() ? wrong_feedback(heard_in(place, "newer"), true) : wrong;
    }

    // Empty: all is well. `reached`: there is such a point.
    std::string cut_at(long point, bool& reached) const {
        const Place place = copy("cut");
        const IsRight right = [this](const Set& set) { return is_right(set); };
        const int ended = in_child([&] { run_to(place, scenario, point, right); });
        reached = ended == -SIGKILL;
        if (!reached && ended != 0) return "ended with " + std::to_string(ended);
        if (const int back = in_child([&] { come_back(place, scenario, right); }); back != 0)
            return "come back, it ended with " + std::to_string(back);
        const Set set = set_of(*engine_of(place));
        if (!is_right(set)) return "neither the old nor the new set: " + text_of(set);
        const auto wrong = wrong_records(place.home(), set);
        return wrong.empty() ? wrong_words(place, set) : wrong;
    }

    Scenario scenario;
    TemporaryFolder folder{};
    Place before{folder.path() / "before"};
    Set old_set{};
    Set new_set{};
    long points{0};
};

}  // namespace

TEST_CASE("killed at any point, an update ends with the old set or the new one, and says so",
          "[BX-08][UA-57][UA-73][fault]") {
    // Where what it writes is to lie, if somebody removes that afterwards, whatever becomes of this process.
    if (const char* memory = std::getenv("BERTH_TEST_MEMORY"))  // NOLINT(concurrency-mt-unsafe)
        ::setenv("TMPDIR", memory, 1);                          // NOLINT(concurrency-mt-unsafe)
    long all = 0;
    long good = 0;
    for (const auto& scenario : scenarios()) {
        Sweep sweep(scenario);
        // Threads meet at other places in every run, so that there may be a point more than were counted.
        bool reached = true;
        const char* from = std::getenv("BERTH_SWEEP_FROM");  // NOLINT(concurrency-mt-unsafe)
        for (long point = from ? std::atol(from) : 1; point <= sweep.points || reached; ++point) {
            const auto wrong = sweep.cut_at(point, reached);
            INFO(scenario.name << ", point " << point << " of " << sweep.points);
            CHECK(wrong == "");
            if (!reached) continue;
            ++all;
            good += wrong.empty() ? 1 : 0;
        }
    }
    std::printf("kill sweep: %ld of %ld\n", good, all);
}
