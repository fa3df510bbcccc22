// Whatever the cloud asks for while somebody else uses the engine and the broker comes and goes: in the end
// the cloud is shown what the engine says, and everybody who wanted an answer has one.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/runtime.hpp"
#include "test/service/twin_bench.hpp"
#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/rounds.hpp"
#include "test/support/varied_spec.hpp"
#include "test/support/wait.hpp"

using namespace berth;
using namespace berth::test;
using nlohmann::json;

namespace {

struct Asked {
    std::string_view operation{};
    std::string_view value{};  // JSON; empty: none
};

constexpr std::array<Asked, 15> kAsked = {{{"start", ""},
                                           {"start", "{}"},
                                           {"stop", ""},
                                           {"stop", "{}"},
                                           {"stopWithOptions", R"({"timeout":1,"force":true})"},
                                           {"pause", ""},
                                           {"pause", "{}"},
                                           {"resume", ""},
                                           {"rename", R"("nav")"},
                                           {"rename", R"("shop")"},
                                           {"update", R"({"resources":{"memory":"64M"}})"},
                                           {"update", R"({"restartPolicy":{"type":"ALWAYS"}})"},
                                           {"update", R"({"resources":{},"restartPolicy":{"type":"NO"}})"},
                                           {"remove", ""},
                                           {"remove", "true"}}};

constexpr std::array<std::string_view, 12> kDeeds = {"start", "start",   "stop",    "kill",
                                                     "pause", "unpause", "unpause", "rename",
                                                     "end",   "end",     "failure", "remove"};

// One of them. The same seed draws the same numbers; what is there to draw from, and whose turn comes when,
// is the machine's.
class Interleaving {
 public:
    explicit Interleaving(unsigned seed) : rng_(seed) {
        bench_.is_remote = true;
        bench_.is_by_connector = seed % 2 == 0;
        put("one", Status::Running, "unless-stopped");
        put("two", Status::Created, "always");
        put("three", Status::Exited, "no");
        bench_.start();
        bench_.connect();
    }

    // Calm: now and then all that was asked is answered before more is asked.
    enum class Pace { Calm, Hasty };
    void play(int steps, Pace pace) {
        for (int i = 0; i < steps; ++i)
            step(pace);
    }

    // The broker is there, all is answered and done, and the cloud has heard of it, if it ever will.
    void come_to_rest() {
        while (connection_ != Connection::Known)
            move_on();
        await_answers();
        // In its turn, after whatever wanted no answer; the name stays.
        for (const auto& container : bench_.engine.containers())
            ask(container.spec.id, "rename", "", Answer::Wanted);
        await_answers();
        // What the engine says of this one, it says after everything else.
        wanted_.emplace_back("last");
        const auto last = bench_.create("last", {{"imageRef", "app:1"}, {"start", true}});
        bench_.require([&] {
            const auto shown = bench_.cloud.status("Container:" + last);
            return shown.is_object() && shown["state"]["status"] == "RUNNING";
        });
        bench_.until([this] { return difference().empty(); });
        bench_.settle();
    }

    // What the cloud is shown otherwise than the engine says it, for people.
    std::string difference() const {
        std::ostringstream found;
        std::set<std::string> there;
        for (const auto& container : bench_.engine.containers()) {
            there.insert(container.spec.id);
            compare(container, found);
        }
        for (const auto& id : bench_.cloud.containers())
            if (!there.contains(id)) found << id << " is shown, and gone; ";
        for (const char* feature : {"ContainerFactory", "SoftwareUpdatable", "Metrics"})
            if (!bench_.cloud.has(feature)) found << feature << " is not shown; ";
        if (dependencies() != there) found << "other dependencies than containers; ";
        return found.str();
    }

    // Names in the engine that do not follow those of the containers; one that somebody else gave stays.
    std::string misnamed() const {
        std::string found;
        for (const auto& container : bench_.engine.containers()) {
            const auto name = name_of(container);
            const bool follows = container.engine_name == name ||
                                 container.engine_name == name + "-" + runtime::id8(container.spec.id);
            if (!follows && !renamed_behind_.contains(container.spec.id))
                found += name + " is called " + container.engine_name + "; ";
        }
        return found;
    }

    std::string wrong_answers() const {
        std::map<std::string, int> counts;
        for (const auto& answer : bench_.cloud.all_answers())
            ++counts[answer.request];
        std::ostringstream found;
        for (const auto& request : wanted_) {
            if (counts[request] != 1) found << request << " has " << counts[request] << " answers; ";
            counts.erase(request);
        }
        for (const auto& [request, count] : counts)
            found << request << " wanted no answer; ";
        for (const auto& answer : bench_.cloud.all_answers())
            if (!std::set{200, 204, 400, 500}.contains(answer.status))
                found << answer.request << " has status " << answer.status << "; ";
        return found.str();
    }

    // A delete that got lost is said again, also of what the cloud never heard of.
    std::string complaints() const {
        std::string found;
        for (const auto& complaint : bench_.cloud.complaints())
            if (!complaint.starts_with("deleted, but never seen")) found += complaint + "; ";
        return found;
    }

    const std::string& story() const { return story_; }

 private:
    enum class Answer { Wanted, Unwanted };
    enum class Connection {
        Known,   // who we are
        Silent,  // the broker is away, and nobody has noticed yet
        Lost,
        Unknown  // there again, but nobody has said who we are
    };

    bool one_in(unsigned count) { return rng_() % count == 0; }
    void note(const std::string& what) { story_ += what + "; "; }

    void put(const std::string& name, Status status, const std::string& policy) {
        auto made = container(spec(name), status);
        made.spec.restart.type = policy;
        if (made.runs()) made.state.pid = 77;
        bench_.engine.put(made);
    }

    void step(Pace pace) {
        if (one_in(connection_ == Connection::Known ? 25U : 4U)) return move_on();
        const bool brings = connection_ == Connection::Known || connection_ == Connection::Unknown;
        if (brings && one_in(2))
            command();
        else
            act_behind();
        if (pace == Pace::Calm && connection_ == Connection::Known && one_in(4)) await_answers();
    }

    void move_on() {
        auto& station = bench_.station();
        switch (connection_) {
            case Connection::Known:
                note("broker: away");
                station.link.set_broker(false);
                connection_ = Connection::Silent;
                return;
            case Connection::Silent:
                if (one_in(2)) {
                    note("broker: back, nobody noticed");
                    station.broker_comes();
                    connection_ = Connection::Known;
                    return;
                }
                note("broker: lost");
                station.lose_broker();
                connection_ = Connection::Lost;
                return;
            case Connection::Lost:
                note("broker: back");
                station.broker_comes();
                station.connect_broker();
                connection_ = Connection::Unknown;
                return;
            case Connection::Unknown:
                note("cloud: who the device is");
                bench_.tell("edge/thing/response", bench_.cloud.edge_response());
                connection_ = Connection::Known;
                return;
        }
    }

    void command() {
        const auto all = bench_.engine.containers();
        if (all.empty() || one_in(5)) return create();
        const auto& id = all[rng_() % all.size()].spec.id;
        const auto& asked = kAsked[rng_() % kAsked.size()];
        const std::string operation(asked.operation);
        const json value = asked.value.empty() ? json() : json::parse(asked.value);
        if (operation == "rename") {
            renames_[id].emplace_back(ask(id, operation, value, Answer::Wanted), value.get<std::string>());
            return;
        }
        const bool forced = operation == "remove" && !value.is_null();
        if (forced || operation.starts_with("stop")) asked_to_stop_.insert(id);
        ask(id, operation, value, one_in(6) ? Answer::Unwanted : Answer::Wanted);
    }

    void create() {
        json value = {{"imageRef", one_of(rng_, {"app:1", "app:2"})}, {"start", !one_in(3)}};
        if (one_in(2)) value["name"] = one_of(rng_, {"nav", "shop", "web"});
        send("ContainerFactory", value.contains("name") ? "createWithConfig" : "create", value,
             Answer::Wanted);
    }

    std::string ask(const std::string& id, const std::string& operation, const json& value, Answer answer) {
        return send("Container:" + id, operation, value, answer);
    }

    std::string send(const std::string& feature, const std::string& operation, const json& value,
                     Answer answer) {
        const auto request = "r" + std::to_string(++sent_);
        note(request + " " + operation + " " + feature);
        if (answer == Answer::Wanted) wanted_.push_back(request);
        json headers = {{"correlation-id", request}, {"response-required", answer == Answer::Wanted}};
        if (!value.is_null()) headers["content-type"] = "application/json";
        bench_.bring(bench_.cloud, operation, request,
                     bench_.cloud.command_with(feature, operation, headers, value));
        return request;
    }

    void await_answers() {
        bench_.require([this] { return bench_.cloud.all_answers().size() >= wanted_.size(); });
    }

    // As somebody does who knows nothing of Berth, or the process itself. It may not fit; that is no matter.
    void act_behind() {
        const auto all = bench_.engine.containers();
        if (all.empty()) return;
        const auto& container = all[rng_() % all.size()];
        const auto& id = container.engine_id;
        const auto deed = kDeeds[rng_() % kDeeds.size()];
        auto& engine = bench_.engine;
        note("engine: " + std::string(deed) + " " + container.spec.id);
        if (deed == "start") static_cast<void>(engine.start(id, {}));
        if (deed == "stop") static_cast<void>(engine.stop(id, {}, {}));
        if (deed == "kill") static_cast<void>(engine.kill(id, "SIGKILL", {}));
        if (deed == "pause") static_cast<void>(engine.pause(id, {}));
        if (deed == "unpause") static_cast<void>(engine.unpause(id, {}));
        if (deed == "end") engine.end_process(id, 0);
        if (deed == "failure") engine.end_process(id, 3);
        if (deed == "remove") static_cast<void>(engine.remove(id, {}));
        if (deed != "rename") return;
        renamed_behind_.insert(container.spec.id);
        static_cast<void>(engine.rename(id, "behind-" + std::to_string(renamed_behind_.size()), {}));
    }

    // By what was accepted, in the order in which it was asked for.
    std::string name_of(const Container& container) const {
        auto name = container.spec.name;
        const auto renames = renames_.find(container.spec.id);
        if (renames == renames_.end()) return name;
        for (const auto& [request, wanted] : renames->second)
            if (const auto answer = bench_.cloud.answer(request); answer && answer->status == 204)
                name = wanted;
        return name;
    }

    // The engine does not keep whether an end was asked for, but how the process ended: by a signal, or with
    // a code of its own. That may happen while a stop is on its way.
    std::set<std::string> words_for(const Container& container) const {
        const auto code = container.state.exit_code;
        const bool by_signal = code == 137 || code == 143;
        switch (container.state.status) {
            case Status::Created: return {"CREATED"};
            case Status::Running: return {"RUNNING"};
            case Status::Paused: return {"PAUSED"};
            case Status::Exited:
                if (by_signal) return {"STOPPED"};
                if (asked_to_stop_.contains(container.spec.id)) return {"STOPPED", "EXITED"};
                return {"EXITED"};
            default: return {};
        }
    }

    void compare(const Container& container, std::ostream& found) const {
        const auto& id = container.spec.id;
        const auto shown = bench_.cloud.status("Container:" + id);
        if (!shown.is_object() || !shown.contains("state") || !shown.contains("config")) {
            found << id << " is not shown; ";
            return;
        }
        const auto& state = shown["state"];
        const auto differs = [&](const char* what, const auto& cloud, const auto& engine) {
            if (cloud != engine) found << id << ": " << what << " " << cloud << ", not " << engine << "; ";
        };
        const auto word = state.value("status", "");
        if (!words_for(container).contains(word))
            found << id << " is shown " << word << ", not " << to_string(container.state.status) << "; ";
        differs("pid", state.value("pid", std::int64_t{0}), container.state.pid);
        differs("exit code", state.value("exitCode", std::int64_t{0}), container.state.exit_code);
        differs("name", shown.value("name", ""), name_of(container));
        const auto& config = shown["config"];
        const std::string memory =
            config.contains("resources") ? config["resources"].value("memory", "") : "";
        differs("memory", memory, bench_.engine.limits_of(container.engine_id).memory);
    }

    std::set<std::string> dependencies() const {
        std::set<std::string> ids;
        const auto software = bench_.cloud.status("SoftwareUpdatable");
        if (!software.is_object() || !software.contains("installedDependencies")) return ids;
        for (const auto& one : software["installedDependencies"].items())
            ids.insert(one.value()["name"].get<std::string>());
        return ids;
    }

    TwinBench bench_{};
    std::mt19937 rng_;
    Connection connection_{Connection::Known};
    int sent_{0};
    std::vector<std::string> wanted_{};  // requests that are to be answered
    std::map<ContainerId, std::vector<std::pair<std::string, std::string>>> renames_{};  // request and name
    std::set<ContainerId> asked_to_stop_{};                                              // by the cloud
    std::set<ContainerId> renamed_behind_{};                                             // in the engine
    std::string story_{};
};

}  // namespace

TEST_CASE("whatever comes between, the cloud is shown what the engine says, and who asks is answered once",
          "[TW-12][TW-15][TW-26][TW-28][TW-29][TW-44][TW-69][TW-71][TW-75][TW-79][service]") {
    constexpr unsigned kInterleavings = berth::test::rounds(200);
    const char* given = std::getenv("BERTH_TWIN_SEED");
    const unsigned first = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : 1;
    const unsigned last = given != nullptr ? first : kInterleavings;
    for (unsigned seed = first; seed <= last; ++seed) {
        INFO("BERTH_TWIN_SEED=" << seed << " repeats it");
        Interleaving one(seed);
        if (seed % 20 == 0)
            one.play(300, Interleaving::Pace::Hasty);
        else
            one.play(30, Interleaving::Pace::Calm);
        one.come_to_rest();
        INFO(one.story());
        REQUIRE(one.difference() == "");
        REQUIRE(one.wrong_answers() == "");
        REQUIRE(one.complaints() == "");
        eventually([&] { return one.misnamed().empty(); });
        REQUIRE(one.misnamed() == "");
    }
}
