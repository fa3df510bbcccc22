// Two hundred commands of every kind, as a cloud with many users sends them: what fits, what does not, and
// what nobody understands. Each knows how it may be answered.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "test/support/cloud.hpp"

namespace berth::test {

struct MixedCommand {
    std::string feature{};
    std::string operation{};
    nlohmann::json value{};
    std::set<int> statuses{};  // one of them
    std::string request{};
};

// `living` are there all the time, `leaving` are removed by these.
inline std::vector<MixedCommand> mixed_commands(const std::vector<std::string>& living,
                                                const std::vector<std::string>& leaving,
                                                const std::string& image) {
    using nlohmann::json;
    const std::set<int> done = {204};
    const std::set<int> if_it_fits = {204, 500};  // whoever comes first
    const std::set<int> unreadable = {400};
    constexpr std::size_t kRounds = 10;
    std::vector<MixedCommand> all;
    for (std::size_t round = 0; round < kRounds; ++round) {
        const auto number = std::to_string(round);
        const auto one = "Container:" + living[round % living.size()];
        const auto another = "Container:" + living[(round + 1) % living.size()];
        const auto leaver = "Container:" + leaving[round % leaving.size()];
        const bool is_first = round < leaving.size();
        const json options = {{"timeout", 5}, {"force", true}};
        const json limits = {{"resources", {{"memory", std::to_string(64 + round) + "M"}}}};
        const json nobody = {{"correlationId", "gone-" + number},
                             {"software", json::array({{{"name", "nobody"}, {"version", "1"}}})}};
        const std::vector<MixedCommand> these = {
            {"ContainerFactory", "create", {{"imageRef", image}, {"start", round == 0}}, {200}},
            {one, "stop", nullptr, if_it_fits},
            {another, "pause", nullptr, if_it_fits},
            {"ContainerFactory", "create", {{"start", true}}, {500}},  // of what
            {one, "start", json::object(), if_it_fits},
            {one, "rename", "name-" + number, done},
            {"ContainerFactory", "create", {{"imageRef", 7}}, unreadable},
            {another, "update", limits, done},
            {one, "logs", nullptr, {404}},
            {"Container:none", "start", nullptr, {400}},
            {another, "resume", nullptr, if_it_fits},
            {another, "stopWithOptions", options, if_it_fits},
            {leaver, "remove", true, is_first ? done : std::set{400, 500}},
            {one, "rename", 7, unreadable},
            {"Nothing", "run", json::object(), {400}},
            {"Metrics", "request", {{"frequency", "soon"}}, unreadable},
            {"Metrics", "request", {{"frequency", "0s"}}, done},
            {"SoftwareUpdatable", "remove", nobody, done},
            {"SoftwareUpdatable", "install", {{"softwareModules", json::array()}}, unreadable},
            {"ContainerFactory",
             "createWithConfig",
             {{"imageRef", image}, {"name", "made-" + number}},
             {200}}};
        for (auto command : these) {
            command.request = "mixed-" + std::to_string(all.size());
            all.push_back(std::move(command));
        }
    }
    return all;
}

// What is wrong with the answers, for people; `further` statuses are right as well.
inline std::string wrong_answers_to(const std::vector<MixedCommand>& commands, const Cloud& cloud,
                                    const std::set<int>& further = {}) {
    std::string found;
    for (const auto& command : commands) {
        const auto words = command.request + " (" + command.operation + " " + command.feature + ")";
        const auto count = cloud.answers(command.request);
        if (count != 1) found += words + " has " + std::to_string(count) + " answers; ";
        if (count == 0) continue;
        const auto answer = *cloud.answer(command.request);
        if (!command.statuses.contains(answer.status) && !further.contains(answer.status))
            found += words + " has status " + answer.envelope.dump() + "; ";
        if (answer.envelope["headers"].value("correlation-id", "") != command.request)
            found += words + " has another correlation id; ";
    }
    return found;
}

}  // namespace berth::test
