// A TwinBench whose cloud installs and removes software.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "test/service/twin_bench.hpp"
#include "test/support/child.hpp"
#include "test/support/wait.hpp"
#include "test/support/web_server.hpp"

namespace berth::test {

struct Shop : TwinBench {
    explicit Shop(service::ThingsConfig config = {}) : TwinBench(std::move(config)) {
        start();
        connect();
        cloud.take_said();
    }

    nlohmann::json artifact(const std::string& url,
                            const nlohmann::json& checksums = nlohmann::json::object()) const {
        return {{"filename", "nav.json"}, {"download", {{"HTTP", {{"url", url}}}}}, {"checksums", checksums}};
    }
    nlohmann::json module(const std::string& name, const nlohmann::json& artifact) const {
        return {{"softwareModule", {{"name", name}, {"version", "1"}}}, {"artifacts", {artifact}}};
    }
    std::string descriptor(const std::string& id, const std::string& image = "app:1") {
        return web.put(
            "/" + id + ".json",
            nlohmann::json({{"container_id", id}, {"container_name", id}, {"image", {{"name", image}}}})
                .dump());
    }
    // The statuses of the operation, and what else was said of SoftwareUpdatable, until `last` was said.
    std::vector<std::string> run(const std::string& operation, const nlohmann::json& value,
                                 const std::string& last) {
        const auto request = "op-" + std::to_string(++number_);
        if (ask("SoftwareUpdatable", operation, request, value) != 204) return {"not accepted"};
        if (!says("SoftwareUpdatable lastOperation " + last)) return {"never " + last + ": " + words()};
        std::vector<std::string> words;
        for (const auto& word : cloud.take_said())
            if (word.starts_with("SoftwareUpdatable ")) words.push_back(word.substr(18));
        return words;
    }
    std::vector<std::string> install(const nlohmann::json& one, const std::string& last) {
        return run("install", {{"correlationId", "roll"}, {"softwareModules", nlohmann::json::array({one})}},
                   last);
    }

    // What is kept of actions, all of it.
    std::filesystem::path records() const { return home.path() / "things" / "software"; }
    std::string record() const {
        std::string text;
        std::error_code error;
        for (const auto& file : std::filesystem::directory_iterator(records(), error))
            text += read_file(file.path().string());
        return text;
    }
    bool keeps_nothing() const {
        return std::filesystem::exists(records()) &&
               eventually([&] { return std::filesystem::is_empty(records()); });
    }

    WebServer web;

 private:
    int number_{0};
};

}  // namespace berth::test
