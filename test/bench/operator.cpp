#include "test/bench/operator.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace berth::bench {
namespace {

using nlohmann::json;
constexpr std::chrono::seconds kPatience{120};

// env and what stands before it replace themselves by the daemon, so the child's process id is the daemon's.
std::vector<std::string> command(const test::Lab& lab, const test::TempFolder& folder,
                                 const DaemonOptions& options) {
    const auto config = folder / (options.name + ".toml");
    test::write_file(
        config, fmt::format(R"([berth]
name = "bench-{0}"
[mqtt]
url = "{1}"
[update_agent]
domain = "{0}"
parallel = {2}
[runtime]
type = "docker"
namespace = "{0}"
address = "{3}"
[storage]
home_dir = "{4}"
run_dir = "{5}"
)",
                            options.name, options.broker.empty() ? lab.broker_url() : options.broker,
                            options.parallel, options.socket.empty() ? lab.docker_socket() : options.socket,
                            folder / (options.name + "-home"), folder / (options.name + "-run")));
    std::vector<std::string> words = options.inside;
    words.push_back("env");
    words.insert(words.end(), options.environment.begin(), options.environment.end());
    const char* other = std::getenv("BERTH_BENCHED");  // another version, to compare with
    const std::string usual = other != nullptr ? other : BERTH_BENCH_DAEMON;
    words.insert(words.end(),
                 {options.program.empty() ? usual : options.program, "--strict", "--config", config});
    return words;
}

std::string desired_state(const std::string& domain, const std::string& activity,
                          const std::vector<Component>& components) {
    json list = json::array();
    for (const auto& component : components) {
        json config = {{{"key", "image"}, {"value", component.image}}};
        if (!component.port.empty()) config.push_back({{"key", "port"}, {"value", component.port}});
        if (!component.memory.empty()) config.push_back({{"key", "memory"}, {"value", component.memory}});
        list.push_back({{"id", component.name}, {"version", "1"}, {"config", config}});
    }
    return json{{"activityId", activity},
                {"payload", {{"domains", {{{"id", domain}, {"components", list}}}}}}}
        .dump();
}

// The status with which an activity ended, if this is its last feedback. Looked for first: parsing all
// feedback would cost this process more than the answer took.
std::string end_of(const std::string& activity, const std::string& payload) {
    if (payload.find("COMPLETE") == std::string::npos &&
        payload.find("IDENTIFICATION_FAILED") == std::string::npos)
        return {};
    const auto feedback = json::parse(payload);
    if (feedback["activityId"] != activity) return {};
    const std::string status = feedback["payload"]["status"];
    const bool ends = status == "COMPLETED" || status == "INCOMPLETE" || status == "IDENTIFICATION_FAILED";
    return ends ? status : std::string();
}

}  // namespace

Daemon::Daemon(const test::Lab& lab, const test::TempFolder& folder, DaemonOptions options)
    : child_(command(lab, folder, options), log_of(lab, options.name)) {}

std::string Daemon::log_of(const test::Lab& lab, const std::string& name) {
    return lab.logs() + "/berthd-" + name + ".log";
}

Daemon::~Daemon() {
    child_.signal(SIGTERM);
    try {
        child_.wait();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "berthd: %s\n", error.what());
    }
}

std::vector<Component> sleepers(const std::string& prefix, int count) {
    std::vector<Component> components;
    for (int i = 1; i <= count; ++i)
        components.push_back({.name = fmt::format("{}-{:02}", prefix, i),
                              .image = "berth-test/sleeper:1",
                              .port = {},
                              .memory = {}});
    return components;
}

Operator::Operator(const test::Lab& lab, const std::string& daemon_name)
    : domain_(daemon_name), mqtt_(lab.broker_port(), "bench-operator-" + daemon_name) {
    mqtt_.subscribe(domain_ + "update/#");
    mqtt_.subscribe("bench/" + domain_);
}

void Operator::await_ready() {
    const auto deadline = Clock::now() + kPatience;
    while (const auto message = mqtt_.next(deadline))
        if (message->topic == domain_ + "update/currentstate" && !message->retained) return;
    throw std::runtime_error("no inventory of berthd '" + domain_ + "' came");
}

Operator::Applied Operator::apply(const std::vector<Component>& components) {
    const auto activity = fmt::format("{}-{}", domain_, ++activity_);
    const auto payload = desired_state(domain_, activity, components);
    Applied applied{};
    applied.published_at = std::chrono::system_clock::now();
    applied.published = Clock::now();
    mqtt_.publish(domain_ + "update/desiredstate", payload);
    const auto deadline = applied.published + kPatience;
    while (const auto message = mqtt_.next(deadline)) {
        if (message->topic != domain_ + "update/desiredstatefeedback") continue;
        const auto status = end_of(activity, message->payload);
        if (status.empty()) continue;
        applied.completed = message->time;
        // Connected to the broker, but not to the engine yet: another inventory follows when it is.
        if (status == "IDENTIFICATION_FAILED" && !applied_before_) {
            await_ready();
            return apply(components);
        }
        if (status != "COMPLETED") throw std::runtime_error(activity + " ended in " + message->payload);
        applied_before_ = true;
        return applied;
    }
    throw std::runtime_error(activity + " did not end in time");
}

void Operator::send(const std::vector<Component>& components) {
    sent_ = desired_state(domain_, fmt::format("{}-{}", domain_, ++activity_), components);
    end_.clear();
    accepted_ = false;
    send_again();
}

void Operator::send_again() {
    mqtt_.publish(domain_ + "update/desiredstate", sent_);
}

bool Operator::listen(Clock::time_point deadline) {
    const auto message = mqtt_.next(deadline);
    if (message) take_in(*message);
    return message.has_value();
}

void Operator::take_in(const Arrival& message) {
    if (message.topic == domain_ + "update/currentstate" && !message.retained) ready_ = true;
    if (message.topic != domain_ + "update/desiredstatefeedback") return;
    const auto activity = fmt::format("{}-{}", domain_, activity_);
    if (message.payload.find("\"activityId\":\"" + activity + '"') == std::string::npos) return;
    accepted_ = accepted_ || message.payload.find(R"("status":"IDENTIFIED")") != std::string::npos;
    const auto status = end_of(activity, message.payload);
    if (status.empty() || has_ended()) return;
    end_ = status;
    ended_at_ = message.time;
}

double Operator::round_trip(const std::vector<Component>& components) {
    const auto begin = Clock::now();
    const auto there = desired_state(domain_, "echo", components);
    mqtt_.publish("bench/" + domain_, there);
    await_echo(there);
    mqtt_.publish("bench/" + domain_, "done");
    return std::chrono::duration<double, std::milli>(await_echo("done") - begin).count();
}

Clock::time_point Operator::await_echo(const std::string& payload) {
    while (const auto message = mqtt_.next(Clock::now() + kPatience))
        if (message->topic == "bench/" + domain_ && message->payload == payload) return message->time;
    throw std::runtime_error("the broker returns nothing");
}

}  // namespace berth::bench
