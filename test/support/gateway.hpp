// A device under test: an engine in memory with two images, a folder, and a Station that can be dropped and
// made anew on both, like a process that ends and starts again.
#pragma once

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "test/support/builders.hpp"
#include "test/support/catch.hpp"
#include "test/support/station.hpp"

namespace berth::test {

using service::UpdateAgentConfig;

using Words = std::vector<std::string>;

struct Wanted {
    std::string name;
    std::string image{"app:1"};
    std::string more{};  // further pairs, each with a leading comma
};

inline std::string message(const std::string& activity, const std::vector<Wanted>& components,
                           std::int64_t timestamp = 0, const std::string& domain_config = {}) {
    std::string text = R"({"activityId":")" + activity + '"';
    if (timestamp > 0) text += R"(,"timestamp":)" + std::to_string(timestamp);
    text += R"(,"payload":{"domains":[{"id":"containers")" + domain_config + R"(,"components":[)";
    bool first = true;
    for (const auto& [name, image, more] : components) {
        text += std::string(first ? "" : ",") + R"({"id":")" + name +
                R"(","version":"1","config":[{"key":"image","value":")" + image + "\"}" + more + "]}";
        first = false;
    }
    return text + "]}]}}";
}

inline std::string pair(const std::string& key, const std::string& value) {
    return R"(,{"key":")" + key + R"(","value":")" + value + "\"}";
}

inline UpdateAgentConfig one_by_one() {
    UpdateAgentConfig config{};
    config.parallel = 1;
    config.current_state_delay = std::chrono::milliseconds(0);
    return config;
}

struct Gateway {
    explicit Gateway(UpdateAgentConfig given = one_by_one()) : config(std::move(given)) {
        engine.put_image("app:1");
        engine.put_image("app:2");
    }
    Station& on() {
        if (!station) {
            station = std::make_unique<Station>(engine, folder.path(), config, steps);
            station->await_ready();
        }
        return *station;
    }
    void deploy(const std::string& activity, const std::vector<Wanted>& components) {
        on().desire(message(activity, components));
        REQUIRE(on().says(activity, "COMPLETED"));
    }
    // By commands, as far as it can be taken back.
    void activate(const std::string& activity, const std::vector<Wanted>& components) {
        on().desire(message(activity, components, 5));
        REQUIRE(on().says(activity, "IDENTIFIED"));
        for (const std::string word : {"DOWNLOAD", "UPDATE", "ACTIVATE"})
            on().command(activity, word);
        REQUIRE(on().says(activity, "ACTIVATION_SUCCESS"));
    }
    // So many removals fail; the update itself tries twice.
    void take_back_in_vain(const std::string& activity, int failures) {
        engine.fail_next(Verb::Remove, fail(Errc::Internal, "device or resource busy"), failures);
        on().command(activity, "ROLLBACK");
        on().command(activity, "CLEANUP");  // tries once more
        REQUIRE(on().says(activity, "INCOMPLETE"));
    }
    std::vector<std::string> names_and_images() const {
        std::vector<std::string> found;
        for (const auto& c : engine.containers())
            found.push_back(c.engine_name + "=" + c.spec.image + (c.runs() ? "" : " (down)"));
        std::sort(found.begin(), found.end());
        return found;
    }
    std::size_t records() const {
        const auto root = folder.path() / "containers";
        if (!std::filesystem::exists(root)) return 0;
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(root), {}));
    }

    TemporaryFolder folder{};
    FakeRuntime engine{};
    UpdateAgentConfig config;
    service::StepsConfig steps{std::chrono::seconds(2), false, {}};
    std::unique_ptr<Station> station{};
};

}  // namespace berth::test
