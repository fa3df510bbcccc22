#include "test/e2e/update_program.hpp"

#include <chrono>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <vector>

#include <nlohmann/json.hpp>

#include "test/support/wait.hpp"

namespace berth::test {
namespace {

using nlohmann::json;

// It may wait for acknowledgements that it keeps itself from seeing, 15 s each.
constexpr std::chrono::minutes kProgramPatience{3};

std::vector<std::string> program_command(const Broker& broker, UpdateManager::Owner owner) {
    std::vector<std::string> command{UpdateProgram::named(),   "--mqtt-conn-broker=" + broker.url(),
                                     "--domain=device",        "--domains=containers",
                                     "--things-enabled=false", "--reboot-enabled=false",
                                     "--log-level=DEBUG"};
    if (owner == UpdateManager::Owner::DeniesUpdate) command.emplace_back("--owner-consent-commands=update");
    return command;
}

}  // namespace

std::string UpdateProgram::named() {
    const char* path = std::getenv("UPDATE_MANAGER");  // NOLINT(concurrency-mt-unsafe)
    return path == nullptr ? "" : path;
}

UpdateProgram::UpdateProgram(const Broker& broker, UpdateManager::Owner owner)
    : broker_(broker),
      owner_(owner),
      says_(broker, "deviceupdate/desiredstatefeedback"),
      asks_(broker, "deviceupdate/ownerconsent"),
      log_from_(broker.log().size()),
      process_(program_command(broker, owner), folder_ / "log") {
    const bool hears = eventually([this] {
        const auto log = broker_.log().substr(log_from_);
        const auto subscribed = [&log](const std::string& topic) {
            return log.find("\t" + topic + " (QoS 1)") != std::string::npos;
        };
        return subscribed("deviceupdate/desiredstate") && subscribed("containersupdate/desiredstatefeedback");
    });
    if (!hears) throw std::runtime_error(named() + " does not subscribe:\n" + read_file(folder_ / "log"));
}

std::string UpdateProgram::carry_out(const std::string& activity, const std::string& desired_state) {
    static const std::set<std::string> kLastWords = {"COMPLETED", "INCOMPLETE", "IDENTIFICATION_FAILED"};
    broker_.publish("deviceupdate/desiredstate", desired_state);
    std::string word;
    const auto has_ended = [&] {
        deny_if_asked(activity);
        for (const auto& payload : says_.payloads()) {
            const auto said = json::parse(payload);
            if (said.at("activityId") == activity) word = said.at("payload").at("status").get<std::string>();
        }
        return kLastWords.contains(word);
    };
    if (eventually(has_ended, kProgramPatience)) return word;
    return "no end in " + word + ":\n" + read_file(folder_ / "log");
}

void UpdateProgram::deny_if_asked(const std::string& activity) {
    if (denied_ || owner_ != UpdateManager::Owner::DeniesUpdate || asks_.payloads().empty()) return;
    denied_ = true;
    const json answer = {{"activityId", activity}, {"timestamp", 1}, {"payload", {{"status", "DENIED"}}}};
    broker_.publish("deviceupdate/ownerconsentfeedback", answer.dump());
}

}  // namespace berth::test
