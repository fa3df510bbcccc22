#include "test/bench/bare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "test/bench/moments.hpp"

namespace berth::bench {
namespace {

using nlohmann::json;
using runtime::docker::Reply;

constexpr std::chrono::seconds kPatience{60};

std::string list_of(const std::string& name_space) {
    const std::string all = "/containers/json?all=1";
    if (name_space.empty()) return all;
    const json filters = {{"label", {"io.berth.namespace=" + name_space}}};
    return all + "&filters=" + runtime::docker::url_escape(filters.dump());
}

}  // namespace

Reply Bare::call(std::string_view method, const std::string& path, std::string body) const {
    runtime::docker::Request request{};
    request.method = std::string(method);
    request.target = "/v1.41" + path;
    request.body = std::move(body);
    auto reply = http_.send(request, {});
    if (!reply) throw std::runtime_error(reply.error().message);
    if (!reply->ok() && reply->status != 304)
        throw std::runtime_error(fmt::format("{} {}: {} {}", method, path, reply->status, reply->body));
    return *std::move(reply);
}

std::string Bare::create(const std::string& name, const std::string& body) const {
    return json::parse(call("POST", "/containers/create?name=" + name, body).body)["Id"];
}

void Bare::start(const std::string& id) const {
    call("POST", "/containers/" + id + "/start");
}

void Bare::stop(const std::string& id) const {
    call("POST", "/containers/" + id + "/stop?t=30");
}

void Bare::remove(const std::string& id) const {
    call("DELETE", "/containers/" + id + "?force=true&v=true");
}

void Bare::inspect(const std::string& id) const {
    call("GET", "/containers/" + id + "/json");
}

std::vector<std::string> Bare::list(const std::string& name_space) const {
    std::vector<std::string> ids;
    for (const auto& container : json::parse(call("GET", list_of(name_space)).body))
        ids.push_back(container["Id"]);
    return ids;
}

std::vector<std::string> Bare::describe(const std::string& name_space) const {
    std::vector<std::string> all;
    for (const auto& id : list(name_space)) {
        const auto seen = json::parse(call("GET", "/containers/" + id + "/json").body);
        all.push_back(fmt::format(
            "{} {} {} {}", seen["Name"].get<std::string>(), seen["Config"]["Image"].get<std::string>(),
            seen["State"]["Status"].get<std::string>(), seen["HostConfig"]["Memory"].get<std::int64_t>()));
    }
    std::sort(all.begin(), all.end());
    return all;
}

void Bare::ask_list(const std::string& name_space) const {
    call("GET", list_of(name_space));
}

void Bare::remove_all() const {
    for (const auto& id : list({}))
        remove(id);
}

bool Bare::has_network(const std::string& name) const {
    const auto networks = json::parse(call("GET", "/networks").body);
    return std::any_of(networks.begin(), networks.end(),
                       [&](const json& network) { return network["Name"] == name; });
}

void Bare::make_network_like(const std::string& model, const std::string& name) const {
    const auto seen = json::parse(call("GET", "/networks/" + model).body);
    json options = seen["Options"];
    options["com.docker.network.bridge.name"] = name;
    call("POST", "/networks/create",
         json{{"Name", name},
              {"Driver", seen["Driver"]},
              {"EnableIPv6", seen["EnableIPv6"]},
              {"Options", options}}
             .dump());
}

std::string container_body(const std::string& image, const std::string& network, int host_port) {
    json body = {{"Image", image}, {"HostConfig", {{"NetworkMode", network}}}};
    if (host_port != 0) {
        body["ExposedPorts"]["80/tcp"] = json::object();
        body["HostConfig"]["PortBindings"]["80/tcp"] = {{{"HostPort", std::to_string(host_port)}}};
    }
    return body.dump();
}

EventLog::EventLog(const std::string& socket)
    : http_(socket), thread_([this](const std::stop_token& stop) { run(stop); }) {
    std::unique_lock lock(mutex_);
    if (!news_.wait_for(lock, kPatience, [this] { return subscribed_; }))
        throw std::runtime_error("the engine sends no events");
}

EventLog::~EventLog() = default;

void EventLog::run(const std::stop_token& stop) {
    runtime::docker::Stream stream{};
    stream.opened = [this] {
        const std::lock_guard lock(mutex_);
        subscribed_ = true;
        news_.notify_all();
    };
    stream.line = [this](std::string_view line) -> Result<> {
        add(line);
        return {};
    };
    runtime::Call call{};
    call.stop = stop;
    runtime::docker::Request request{};
    request.target = "/v1.41/events?filters=" + runtime::docker::url_escape(R"({"type":["container"]})");
    if (const auto ended = http_.stream(request, stream, call); !ended && !stop.stop_requested())
        std::fprintf(stderr, "the engine's events end: %s\n", ended.error().message.c_str());
}

void EventLog::add(std::string_view line) {
    const auto arrived_ns = unix_ns();
    const auto event = json::parse(line);
    const std::lock_guard lock(mutex_);
    events_.push_back({event["Action"], event["id"], event["timeNano"], arrived_ns});
    news_.notify_all();
}

void EventLog::clear() {
    const std::lock_guard lock(mutex_);
    events_.clear();
}

std::vector<Happened> EventLog::await(const std::string& action, std::size_t count) {
    std::vector<Happened> found;
    const auto all_there = [&] {
        found.clear();
        std::copy_if(events_.begin(), events_.end(), std::back_inserter(found),
                     [&](const Happened& event) { return event.action == action; });
        return found.size() >= count;
    };
    std::unique_lock lock(mutex_);
    if (!news_.wait_for(lock, kPatience, all_there))
        throw std::runtime_error(fmt::format("{} of {} '{}' events came", found.size(), count, action));
    found.resize(count);
    return found;
}

}  // namespace berth::bench
