// Whatever the cloud asks for while somebody else uses the engine, broker and engine come and go, and the
// device is now one thing and now another: in the end the thing that it is shows what the engine says, and
// everybody who wanted an answer has one.
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
#include "test/service/twin_things.hpp"
#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/rounds.hpp"
#include "test/support/varied_spec.hpp"
#include "test/support/wait.hpp"
#include "test/support/web_server.hpp"

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
    Interleaving(unsigned seed, WebServer& web) : web_(web), rng_(seed) {
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

    // Broker and engine are there, all is answered and done, and the cloud has heard of it, if it ever will.
    void come_to_rest() {
        while (connection_ != Connection::Known)
            connect_on();
        if (!engine_there_) bring_engine_back();
        bench_.station().await_ready();
        eventually([this] { return bench_.station().is_at_rest(); });
        await_answers();
        // Behind all that is installed and removed, of which there is one at a time.
        const auto operation = remove_software("nobody");
        bench_.require([&] { return things_.has_ended(operation); });
        // In its turn, after whatever wanted no answer; the name stays.
        for (const auto& container : bench_.engine.containers())
            ask(container.spec.id, "rename", "", Answer::Wanted);
        await_answers();
        // What the engine says of this one, it says after everything else.
        const auto request =
            send("ContainerFactory", "create", {{"imageRef", "app:1"}, {"start", true}}, Answer::Wanted);
        await_answers();
        const std::string last = things_.now().answer(request)->envelope["value"];
        bench_.require([&] {
            const auto shown = things_.now().status("Container:" + last);
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
        for (const auto& id : things_.now().containers())
            if (!there.contains(id)) found << id << " is shown, and gone; ";
        for (const char* feature : {"ContainerFactory", "SoftwareUpdatable", "Metrics"})
            if (!things_.now().has(feature)) found << feature << " is not shown; ";
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
                found += container.spec.id + ": " + name + " is called " + container.engine_name + "; ";
        }
        return found;
    }

    const Things& things() const { return things_; }
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
        if (one_in(all_there() ? 25U : 4U)) return move_on();
        const bool brings = connection_ == Connection::Known || connection_ == Connection::Unknown;
        if (brings && one_in(2))
            command();
        else
            act_behind();
        if (pace == Pace::Calm && all_there() && one_in(4)) await_answers();
    }

    bool all_there() const { return connection_ == Connection::Known && engine_there_; }

    void move_on() {
        if (all_there() && one_in(4)) return lose_engine();
        if (!engine_there_ && one_in(2)) return bring_engine_back();
        if (connection_ == Connection::Known && one_in(3)) return become_other();
        connect_on();
    }

    void lose_engine() {
        note("engine: away");
        bench_.engine.set_reachable(false);
        engine_there_ = false;
        was_engine_away_ = true;
    }

    void bring_engine_back() {
        note("engine: back");
        eventually([this] { return !bench_.station().is_ready(); });  // by now it has been noticed
        bench_.engine.set_reachable(true);
        engine_there_ = true;
    }

    // What was taken for one thing is answered to that one; what comes later is not for this device. So this
    // comes behind all that is on its way, unless there is no room for it.
    void become_other() {
        for (int status = 500; status == 500;) {
            const auto last = ask("none", "start", nullptr, Answer::Wanted);
            bench_.require([&] { return things_.now().answer(last).has_value(); });
            status = things_.now().answer(last)->status;
        }
        things_.change();
        note("cloud: the device is " + things_.now().event_topic());
        bench_.tell("edge/thing/response", things_.now().edge_response());
    }

    // An answer that waits for a lost connection is given if the device is the same thing afterwards.
    void await_answers_of_former() {
        if (things_.former_is_answered()) return;
        if (!engine_there_) bring_engine_back();
        bench_.require([this] { return things_.former_is_answered(); });
    }

    void connect_on() {
        auto& station = bench_.station();
        switch (connection_) {
            case Connection::Known:
                await_answers_of_former();
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
                bench_.tell("edge/thing/response", things_.now().edge_response());
                connection_ = Connection::Known;
                return;
        }
    }

    void command() {
        const auto all = bench_.engine.containers();
        if (all.empty() || one_in(5)) return create();
        if (one_in(30)) return desire();
        const auto& id = all[rng_() % all.size()].spec.id;
        if (one_in(12)) return install();
        if (one_in(12)) {
            remove_software(id);
            return;
        }
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

    // Somebody else updates the device meanwhile: what is not named goes, and stops are not the cloud's.
    void desire() {
        json components = json::array();
        for (const char* name : {"nav", "shop", "web", "one"})
            if (!one_in(4))
                components.push_back(
                    {{"id", name},
                     {"version", "1"},
                     {"config",
                      json::array({{{"key", "image"}, {"value", one_of(rng_, {"app:1", "app:2"})}}})}});
        const json state = {
            {"activityId", "d" + std::to_string(++desired_)},
            {"payload", {{"domains", json::array({{{"id", "containers"}, {"components", components}}})}}}};
        note("desired state " + state.dump());
        bench_.station().desire(state.dump());
    }

    // Of a module whose descriptor is there, or is not.
    void install() {
        const auto id = "soft-" + std::to_string(sent_);
        const json descriptor = {
            {"container_id", id}, {"container_name", id}, {"image", {{"name", "app:1"}}}};
        const auto url = web_.put("/" + id, descriptor.dump()) + (one_in(4) ? "x" : "");
        const json artifact = {{"filename", id}, {"download", {{"HTTP", {{"url", url}}}}}};
        const json module = {{"softwareModule", {{"name", id}, {"version", "1"}}},
                             {"artifacts", json::array({artifact})}};
        operate("install", {{"softwareModules", json::array({module})}});
    }

    std::string remove_software(const std::string& id) {
        asked_to_stop_.insert(id);
        const json software = {{"name", id}, {"version", "1"}};
        return operate("remove", {{"software", json::array({software})}});
    }

    std::string operate(const std::string& operation, json value) {
        const auto request = "r" + std::to_string(sent_ + 1);
        value["correlationId"] = request;
        things_.operates(request);
        return send("SoftwareUpdatable", operation, value, Answer::Wanted);
    }

    std::string ask(const std::string& id, const std::string& operation, const json& value, Answer answer) {
        return send("Container:" + id, operation, value, answer);
    }

    std::string send(const std::string& feature, const std::string& operation, const json& value,
                     Answer answer) {
        const auto request = "r" + std::to_string(++sent_);
        note(request + " " + operation + " " + feature + (value.is_null() ? "" : value.dump()));
        if (answer == Answer::Wanted) things_.asks(request);
        json headers = {{"correlation-id", request}, {"response-required", answer == Answer::Wanted}};
        if (!value.is_null()) headers["content-type"] = "application/json";
        bench_.bring(things_.now(), operation, request,
                     things_.now().command_with(feature, operation, headers, value));
        return request;
    }

    void await_answers() {
        bench_.require([this] { return things_.all_are_answered(); });
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
            if (const auto answer = things_.answer(request); answer && answer->status == 204) name = wanted;
        return name;
    }

    // The engine does not keep whether an end was asked for, but how the process ended: by a signal, or with
    // a code of its own. That may happen while a stop is on its way, or while nobody sees the engine.
    std::set<std::string> words_for(const Container& container) const {
        const auto code = container.state.exit_code;
        const bool by_signal = code == 137 || code == 143;
        switch (container.state.status) {
            case Status::Created:
                if (was_engine_away_) return {"CREATED", "STOPPED"};  // of a start that failed of that
                return {"CREATED"};
            case Status::Running: return {"RUNNING"};
            case Status::Paused: return {"PAUSED"};
            case Status::Exited:
                if (by_signal && !was_engine_away_ && desired_ == 0) return {"STOPPED"};
                if (by_signal || was_engine_away_ || desired_ > 0 ||
                    asked_to_stop_.contains(container.spec.id))
                    return {"STOPPED", "EXITED"};
                return {"EXITED"};
            default: return {};
        }
    }

    void compare(const Container& container, std::ostream& found) const {
        const auto& id = container.spec.id;
        const auto shown = things_.now().status("Container:" + id);
        if (!shown.is_object() || !shown.contains("state") || !shown.contains("config")) {
            found << id << " is not shown; ";
            return;
        }
        const auto& state = shown["state"];
        const auto differs = [&](const char* what, const auto& seen, const auto& told) {
            if (seen != told) found << id << ": " << what << " " << seen << ", not " << told << "; ";
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
        const auto software = things_.now().status("SoftwareUpdatable");
        if (!software.is_object() || !software.contains("installedDependencies")) return ids;
        for (const auto& one : software["installedDependencies"].items())
            ids.insert(one.value()["name"].get<std::string>());
        return ids;
    }

    WebServer& web_;
    TwinBench bench_{};
    Things things_{bench_.cloud, bench_.other.emplace("acme.fleet:gw:truck-8")};
    std::mt19937 rng_;
    Connection connection_{Connection::Known};
    bool engine_there_{true};
    bool was_engine_away_{false};
    int sent_{0};
    int desired_{0};
    std::map<ContainerId, std::vector<std::pair<std::string, std::string>>> renames_{};  // request and name
    std::set<ContainerId> asked_to_stop_{};                                              // by the cloud
    std::set<ContainerId> renamed_behind_{};                                             // in the engine
    std::string story_{};
};

}  // namespace

TEST_CASE("whatever comes between, the cloud is shown what the engine says, and who asks is answered once",
          "[TW-10][TW-12][TW-15][TW-26][TW-28][TW-29][TW-44][TW-69][TW-71][TW-75][TW-79][service]") {
    constexpr unsigned kInterleavings = berth::test::rounds(200);
    const char* given = std::getenv("BERTH_TWIN_SEED");
    const unsigned first = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : 1;
    const unsigned last = given != nullptr ? first : kInterleavings;
    WebServer web;
    for (unsigned seed = first; seed <= last; ++seed) {
        INFO("BERTH_TWIN_SEED=" << seed << " repeats it");
        Interleaving one(seed, web);
        if (seed % 20 == 0)
            one.play(300, Interleaving::Pace::Hasty);
        else
            one.play(30, Interleaving::Pace::Calm);
        one.come_to_rest();
        INFO(one.story());
        REQUIRE(one.difference() == "");
        REQUIRE(one.things().wrong_answers() == "");
        REQUIRE(one.things().wrong_operations() == "");
        REQUIRE(one.things().complaints() == "");
        eventually([&] { return one.misnamed().empty(); });
        REQUIRE(one.misnamed() == "");
    }
}
