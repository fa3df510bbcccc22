#include "test/e2e/engine.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "test/support/child.hpp"

namespace berth::test {
namespace {

using nlohmann::json;
using runtime::docker::url_escape;

constexpr auto kVersion = "/v1.41";

// An engine that hangs is a failure of the test, not its end.
runtime::Call in_time() {
    runtime::Call call{};
    call.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    return call;
}

}  // namespace

std::string Engine::get(const std::string& path) const {
    const auto reply = http_.send({.target = kVersion + path}, in_time());
    if (!reply) throw std::runtime_error(reply.error().message);
    if (!reply->ok() && reply->status != 404) throw std::runtime_error(reply->body);
    return reply->ok() ? reply->body : std::string();
}

void Engine::erase(const std::string& path) const {
    const auto reply = http_.send({.method = "DELETE", .target = kVersion + path}, in_time());
    if (!reply) throw std::runtime_error(reply.error().message);
    if (!reply->ok() && reply->status != 404) throw std::runtime_error(reply->body);
}

std::string Engine::field(const std::string& container, const std::string& pointer) const {
    const auto body = get("/containers/" + container + "/json");
    if (body.empty()) return {};
    const auto whole = json::parse(body);
    const json::json_pointer at(pointer);
    if (!whole.contains(at)) return {};
    const auto& value = whole.at(at);
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::vector<std::string> Engine::env(const std::string& container) const {
    const auto all = field(container, "/Config/Env");
    return all.empty() ? std::vector<std::string>() : json::parse(all).get<std::vector<std::string>>();
}

std::vector<std::string> Engine::names(const std::string& label) const {
    const json filters = {{"label", json::array({label})}};
    std::vector<std::string> all;
    for (const auto& one : json::parse(get("/containers/json?all=1&filters=" + url_escape(filters.dump()))))
        all.push_back(one.at("Names").at(0).get<std::string>().substr(1));  // without its slash
    std::sort(all.begin(), all.end());
    return all;
}

std::string Engine::stats(const std::string& container) const {
    return get("/containers/" + container + "/stats?stream=false&one-shot=true");
}

std::string Engine::docker(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"docker", "-H", "unix://" + socket_});
    return run_command(arguments);
}

void Engine::remove(const std::string& container) const {
    erase("/containers/" + container + "?force=true&v=true");
}

void Engine::remove_network(const std::string& network) const {
    erase("/networks/" + network);
}

void Engine::remove_image(const std::string& reference) const {
    erase("/images/" + reference + "?force=true");
}

}  // namespace berth::test
