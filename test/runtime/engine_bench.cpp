#include "test/runtime/engine_bench.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "test/runtime/builders.hpp"

namespace berth::test {
namespace {

using nlohmann::json;
using runtime::docker::DockerOptions;

// Runs until told to end by a signal or by a file that holds the exit code.
const std::vector<std::string> kUntilTold = {"/bin/sh", "-c",
                                             "trap 'exit 0' TERM; while [ ! -e /tmp/end ]; do sleep 0.02; "
                                             "done; code=$(cat /tmp/end); busybox rm /tmp/end; exit "
                                             "$code"};

std::string new_name_space() {
    static std::atomic<int> last{0};
    return fmt::format("test-{}-{}", getpid(), ++last);
}

DockerOptions in_name_space(const Lab& lab, const std::string& name_space) {
    return {.socket = lab.docker_socket(), .name_space = name_space};
}

void remove_all(runtime::Runtime& runtime) {
    const auto list = runtime.list({});
    if (!list) return;
    for (const auto& container : *list)
        if (const auto removed = runtime.remove(container.engine_id, {}); !removed)
            std::fprintf(stderr, "%s is left behind: %s\n", container.engine_name.c_str(),
                         removed.error().message.c_str());
}

std::string output_of(const std::string& command) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    if (!pipe) throw std::runtime_error(command);
    std::string output;
    std::array<char, 512> piece{};
    while (std::fgets(piece.data(), piece.size(), pipe.get()))
        output += piece.data();
    return output;
}

int pid_of(const std::string& inspected) {
    return json::parse(inspected)["State"]["Pid"].get<int>();
}

}  // namespace

EngineBench::EngineBench()
    : name_space_(new_name_space()),
      http_(lab_.docker_socket()),
      runtime_(in_name_space(lab_, name_space_)),
      foreign_(in_name_space(lab_, name_space_ + "-other")) {
    if (const auto info = runtime_.connect({}); !info) throw std::runtime_error(info.error().message);
}

EngineBench::~EngineBench() {
    remove_all(runtime_);
    remove_all(foreign_);
}

DockerOptions EngineBench::options() const {
    return in_name_space(lab_, name_space_);
}

ContainerSpec EngineBench::spec(const std::string& name) {
    const auto number = ++last_id_;
    auto spec =
        make_spec(fmt::format("{}-{}-{}", name, name_space_, number),
                  fmt::format("{:08x}-{:04x}-4000-8000-{:012x}", number, getpid() & 0xffff, getpid()));
    spec.cmd = kUntilTold;
    return spec;
}

EngineId EngineBench::start_stubborn() {
    auto stubborn = spec("stubborn");
    stubborn.image = "berth-test/stubborn:1";
    stubborn.cmd.clear();
    const auto id = runtime_.create(stubborn, {}, {});
    if (!id) throw std::runtime_error(id.error().message);
    if (const auto done = runtime_.start(*id, {}); !done) throw std::runtime_error(done.error().message);
    // its shell has to get as far as ignoring the signal
    const auto status = fmt::format("/proc/{}/status", pid_of(inspect(*id)));
    const auto deadline = runtime::steady_clock::now() + std::chrono::seconds(120);
    while (runtime::steady_clock::now() < deadline) {
        std::ifstream file(status);
        for (std::string line; std::getline(file, line);)
            if (line.starts_with("SigIgn:") && (std::stoull(line.substr(7), nullptr, 16) & (1U << 14)))
                return *id;
        std::this_thread::yield();
    }
    throw std::runtime_error("the stubborn container does not ignore SIGTERM");
}

std::string EngineBench::root_of(const EngineId& engine_id) {
    return fmt::format("/proc/{}/root", pid_of(inspect(engine_id)));
}

void EngineBench::end_process(const EngineId& engine_id, int exit_code) {
    const auto folder = root_of(engine_id) + "/tmp";
    std::ofstream(folder + "/end.new") << exit_code;
    std::filesystem::rename(folder + "/end.new", folder + "/end");
}

void EngineBench::put_foreign(const std::string& engine_name) {
    auto other = make_spec(engine_name, "someone-else");
    if (const auto id = foreign_.create(other, {.engine_name = engine_name}, {}); !id)
        throw std::runtime_error(id.error().message);
}

std::string EngineBench::policy_of(const EngineId& engine_id) {
    return json::parse(inspect(engine_id))["HostConfig"]["RestartPolicy"]["Name"];
}

bool EngineBench::is_on_bridge(const EngineId& engine_id) {
    return json::parse(inspect(engine_id))["NetworkSettings"]["Networks"].contains("berth0");
}

std::string EngineBench::image_of_registry() {
    auto reference = lab_.registry() + "/layers:1";
    delete_at("/images/" + reference + "?force=true");
    return reference;
}

std::string EngineBench::get(const std::string& path) const {
    const auto reply = http_.send({.target = "/v1.41" + path}, {});
    if (!reply) throw std::runtime_error(reply.error().message);
    return reply->ok() ? reply->body : "null";
}

void EngineBench::delete_at(const std::string& path) {
    const auto reply = http_.send({.method = "DELETE", .target = "/v1.41" + path}, {});
    if (!reply || (!reply->ok() && reply->status != 404))
        throw std::runtime_error(reply ? reply->body : reply.error().message);
}

std::string EngineBench::address_of(const EngineId& engine_id) {
    return json::parse(inspect(engine_id))["NetworkSettings"]["Networks"]["berth0"]["IPAddress"];
}

std::optional<std::string> EngineBench::resolve(const EngineId& engine_id, const std::string& name) {
    const auto answer =
        output_of(fmt::format("nsenter --net=/proc/{}/ns/net busybox nslookup -type=a {} 127.0.0.11 2>&1",
                              pid_of(inspect(engine_id)), name));
    const auto named = answer.find("Name:");
    const auto address = answer.find("Address: ", named == std::string::npos ? answer.size() : named);
    if (address == std::string::npos) return std::nullopt;
    const auto text = answer.substr(address + 9);
    return text.substr(0, text.find('\n'));
}

std::unique_ptr<Bench> make_bench() {
    return std::make_unique<EngineBench>();
}

}  // namespace berth::test
