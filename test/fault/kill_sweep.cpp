// The kill sweep: Berth ends by SIGKILL at each of its points, and the next one brings everything to its end,
// first without a broker, then with one. Here on an engine that keeps its containers in a file.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>

#include "protocol/feedback.hpp"
#include "service/kill_points.hpp"
#include "test/fault/aftermath.hpp"
#include "test/fault/scenarios.hpp"
#include "test/support/catch.hpp"
#include "test/support/station.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using namespace berth::test;

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kToSettle{10};

struct Place {  // a device on disk
    fs::path folder;
    fs::path home() const { return folder / "home"; }
    std::string engine() const { return folder / "engine"; }
    std::string said() const { return folder / "said"; }
    std::string points() const { return folder / "points"; }
};

std::vector<std::string> lines_of(const std::string& file) {
    std::vector<std::string> lines;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

std::vector<Heard> heard_in(const std::string& file) {
    std::vector<Heard> all;
    for (const auto& line : lines_of(file)) {
        const auto said = decode_feedback(line, "containers");
        if (said && said->activity_id == "cut")
            all.push_back({std::string(to_string(said->status)), said->timestamp, line});
    }
    return all;
}

std::unique_ptr<FakeRuntime> engine_of(const Place& place) {
    auto engine = std::make_unique<FakeRuntime>();
    engine->put_image(kOldImage);
    engine->put_image(kNewImage);
    engine->break_image(kBrokenImage);
    engine->put_in_registry(kPulledImage);
    engine->keep_in(place.engine());
    return engine;
}

Set set_of(const FakeRuntime& engine) {
    Set set;
    for (const auto& one : engine.containers())
        set.push_back({one.engine_name, one.spec.image, engine.limits_of(one.engine_id).memory,
                       engine.policy_of(one.engine_id), one.runs(),
                       engine.place_of(one.engine_id) == runtime::Place::Shared, one.spec.id});
    std::sort(set.begin(), set.end());
    return set;
}

// In a process of its own: this one never has a second thread. The exit status, or minus the signal.
int in_child(const std::function<void()>& work) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        try {
            work();
            ::_exit(0);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "kill sweep: %s\n", error.what());
        }
        ::_exit(1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

struct Berth {
    Berth(const Place& place, BrokerIs broker) : engine(engine_of(place)), killable(*engine) {
        service::UpdateAgentConfig config{};
        config.parallel = 1;
        config.current_state_delay = std::chrono::milliseconds(0);
        service::StepsConfig steps{std::chrono::seconds(2), false, {}};
        steps.gate = std::chrono::milliseconds(10);
        station = std::make_unique<Station>(killable, place.home(), config, steps, broker, place.said());
    }
    std::unique_ptr<FakeRuntime> engine;
    service::KillableRuntime killable;
    std::unique_ptr<Station> station;
};

bool has_ended(const std::vector<service::Publication>& said) {
    const auto ends = [&](const char* word) {
        return !said.empty() && said.back().payload.find(word) != std::string::npos;
    };
    return ends("\"COMPLETED\"") || ends("\"INCOMPLETE\"");
}

void update(const Place& place, const std::string& message, long point) {
    ::setenv("BERTH_KILL_AT", std::to_string(point).c_str(), 1);
    Berth berth(place, BrokerIs::There);
    eventually([&] { return berth.station->is_ready(); });
    berth.station->desire(message);
    if (!berth.station->link.await(has_ended) || !eventually([&] { return berth.station->is_at_rest(); }))
        throw std::runtime_error("the update does not end");
    berth.station.reset();
    std::ofstream(place.points()) << service::kill_points_passed();
}

// All is to be right without a broker; then there is one, which gets what has been waiting for it.
void come_back(const Place& place, const std::function<bool(const Set&)>& good) {
    ::unsetenv("BERTH_KILL_AT");
    Berth berth(place, BrokerIs::Away);
    eventually([&] { return berth.station->is_at_rest(); }, kToSettle);
    if (!eventually([&] { return good(set_of(*berth.engine)); }, kToSettle))
        throw std::runtime_error("without a broker: " + text_of(set_of(*berth.engine)) +
                                 wrong_records(place.home(), set_of(*berth.engine)));
    berth.station->broker_comes();
}

struct Sweep {
    explicit Sweep(const Scenario& given) : scenario(given) {
        fs::create_directories(before.home());
        REQUIRE(in_child([this] {
                    if (!scenario.before.empty()) update(before, scenario.before, 0);
                }) == 0);
        old_set = set_of(*engine_of(before));
        const Place whole = copy("whole");
        REQUIRE(in_child([&] { update(whole, scenario.message, 0); }) == 0);
        new_set = set_of(*engine_of(whole));
        std::ifstream(whole.points()) >> points;
        REQUIRE(points > 0);
        REQUIRE(wrong_records(whole.home(), new_set).empty());
        REQUIRE(wrong_feedback(heard_in(whole.said()), scenario.succeeds).empty());
        REQUIRE((scenario.succeeds ? old_set != new_set : old_set == new_set));
    }

    Place copy(const std::string& name) const {
        const Place place{folder.path() / name};
        fs::remove_all(place.folder);
        fs::copy(before.folder, place.folder, fs::copy_options::recursive);
        fs::remove(place.said());
        return place;
    }

    bool is_one_of_two(const Set& set) const {
        return set == old_set || (scenario.succeeds && same_but_for_ids(set, new_set));
    }

    // Empty: all is well. `reached`: there is such a point.
    std::string cut_at(long point, bool& reached) const {
        const Place place = copy("cut");
        const int ended = in_child([&] { update(place, scenario.message, point); });
        reached = ended == -SIGKILL;
        if (!reached && ended != 0) return "ended with " + std::to_string(ended);
        const auto good = [&](const Set& set) {
            return is_one_of_two(set) && wrong_records(place.home(), set).empty();
        };
        if (const int back = in_child([&] { come_back(place, good); }); back != 0)
            return "come back, it ended with " + std::to_string(back);
        const Set set = set_of(*engine_of(place));
        if (!is_one_of_two(set)) return "neither the old nor the new set: " + text_of(set);
        if (const auto wrong = wrong_records(place.home(), set); !wrong.empty()) return wrong;
        return wrong_feedback(heard_in(place.said()), set_of(*engine_of(place)) != old_set);
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
