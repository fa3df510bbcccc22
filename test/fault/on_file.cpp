#include "test/fault/on_file.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>

#include "protocol/feedback.hpp"
#include "service/kill_points.hpp"
#include "test/support/station.hpp"
#include "test/support/wait.hpp"

namespace berth::test {
namespace {

constexpr std::chrono::seconds kToComeToRest{10};

std::vector<std::string> lines_of(const std::string& file) {
    std::vector<std::string> lines;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
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

// Drives an operation by its commands, each once it has heard that the one before has succeeded. After a kill
// there is a new one, to whom what was heard before means nothing: the copy of the desired state that it
// sends is answered with the last word.
class Commander {
 public:
    Commander(const std::vector<std::string>& commands, std::size_t heard_before)
        : commands_(commands), heard_(heard_before) {}

    // To be sent now; empty: nothing.
    std::string next(const std::vector<Heard>& all) {
        for (; heard_ < all.size(); ++heard_)
            for (std::size_t i = sent_; i < commands_.size(); ++i)
                if (all[heard_].status == word_before(i)) {
                    sent_ = i + 1;
                    return commands_[i];
                }
        return {};
    }

 private:
    std::string word_before(std::size_t command) const {
        return command == 0 ? "IDENTIFIED" : phase_of(commands_[command - 1]) + "_SUCCESS";
    }

    const std::vector<std::string>& commands_;
    std::size_t heard_;
    std::size_t sent_{0};
};

// What somebody sends, until the last word about it. After a kill as a broker delivers it again: the newest.
void send_all(const Berth& berth, const Place& place, const Scenario& scenario, bool again) {
    auto& station = *berth.station;
    Commander commander(scenario.commands, heard_in(place, "cut").size());
    const bool gives_way = !scenario.newer.empty();
    if (gives_way && !again) {
        berth.engine->hang_pulls(true);
        station.desire(scenario.message);
        if (!berth.engine->await_calls(Verb::Pull, 1, kPatience))
            throw std::runtime_error("nothing is pulled");
    }
    station.send("desiredstate", gives_way ? scenario.newer : scenario.message, false, again);
    const auto goes_on_to_its_end = [&] {
        const auto command = commander.next(heard_in(place, "cut"));
        if (!command.empty()) station.command("cut", command, scenario.baseline);
        return has_ended(heard_in(place, gives_way ? "newer" : "cut"));
    };
    if (!eventually(goes_on_to_its_end)) throw std::runtime_error("the update does not end");
}

void await_rest(const Berth& berth, const Place& place, const IsRight& is_right) {
    const auto is_over = [&] {
        const Set set = set_of(*berth.engine);
        return is_right(set) && wrong_records(place.home(), set).empty();
    };
    if (!eventually([&] { return berth.station->is_at_rest(); }, kToComeToRest))
        throw std::runtime_error("it does not come to rest");
    if (!eventually(is_over, kToComeToRest))
        throw std::runtime_error("it is not right: " + text_of(set_of(*berth.engine)) +
                                 wrong_records(place.home(), set_of(*berth.engine)));
}

}  // namespace

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

std::vector<Heard> heard_in(const Place& place, const std::string& activity) {
    std::vector<Heard> all;
    for (const auto& line : lines_of(place.said())) {
        const auto said = decode_feedback(line, "containers");
        if (said && said->activity_id == activity)
            all.push_back({std::string(to_string(said->status)), said->timestamp, line});
    }
    return all;
}

void deploy_before(const Place& place, const std::string& message) {
    const Berth berth(place, BrokerIs::There);
    eventually([&] { return berth.station->is_ready(); });
    berth.station->desire(message);
    if (!berth.station->says("before", "COMPLETED") ||
        !eventually([&] { return berth.station->is_at_rest(); }))
        throw std::runtime_error("what is to be there before is not deployed");
}

void run_to(const Place& place, const Scenario& scenario, long point, const IsRight& is_right) {
    ::setenv("BERTH_KILL_AT", std::to_string(point).c_str(), 1);
    Berth berth(place, BrokerIs::There);
    eventually([&] { return berth.station->is_ready(); });
    if (!scenario.message.empty()) send_all(berth, place, scenario, false);
    await_rest(berth, place, is_right);
    berth.station.reset();
    std::ofstream(place.points()) << service::kill_points_passed();
}

void come_back(const Place& place, const Scenario& scenario, const IsRight& is_right) {
    ::unsetenv("BERTH_KILL_AT");
    const bool by_itself = scenario.goes_on_by_itself();
    const Berth berth(place, by_itself ? BrokerIs::Away : BrokerIs::There);
    if (!by_itself) send_all(berth, place, scenario, true);
    await_rest(berth, place, is_right);
    berth.station->broker_comes();
}

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

}  // namespace berth::test
