#include "test/fault/on_device.hpp"

#include <chrono>
#include <cstdio>
#include <map>

#include "test/support/wait.hpp"

namespace berth::test {
namespace {

constexpr std::chrono::seconds kToFollow{10};

}  // namespace

Set set_on(const Device& device) {
    static const std::map<std::string, std::string> kSizes = {{"67108864", "64M"}, {"100663296", "96M"}};
    Set set;
    for (const auto& name : device.containers()) {
        const auto field = [&](const std::string& pointer) { return device.engine.field(name, pointer); };
        const auto memory = kSizes.find(field("/HostConfig/Memory"));
        set.push_back({name, field("/Config/Image"), memory == kSizes.end() ? "" : memory->second,
                       field("/HostConfig/RestartPolicy/Name"), field("/State/Status") == "running",
                       !field("/NetworkSettings/Networks/" + device.name_space()).empty(),
                       field("/Config/Labels/io.berth.id")});
    }
    return set;  // names are sorted
}

// Not their ids: an engine that starts makes its own bridge anew.
std::string networks_on(const Device& device) {
    return device.engine.docker({"network", "ls", "--format", "{{.Name}}"});
}

std::vector<Heard> heard_on(Device& device, const std::string& activity) {
    std::vector<Heard> all;
    for (const auto& said : device.probe.feedback(activity)) {
        std::string whole = std::to_string(said.timestamp) + said.status;
        for (const auto& action : said.actions)
            whole += action.component + action.status + action.message;
        all.push_back({said.status, said.timestamp, whole});
    }
    return all;
}

bool has_ended(Device& device, const std::string& activity) {
    return has_ended(heard_on(device, activity));
}

std::string left_on(const Device& device, const Set& set, const std::string& networks) {
    if (networks_on(device) != networks) return "other networks than before";
    if (!device.engine.docker({"volume", "ls", "-q"}).empty()) return "a volume is left";
    return wrong_records(device.daemon.home(), set);
}

// A record follows the engine's event, and so perhaps the last word of an update.
std::string left_at_last_on(const Device& device, const Set& set, const std::string& networks) {
    std::string left;
    eventually(
        [&] {
            left = left_on(device, set, networks);
            return left.empty();
        },
        kToFollow);
    return left;
}

void tell(const std::string& what, long good, long all) {
    std::printf("%s: %ld of %ld\n", what.c_str(), good, all);
    std::fflush(stdout);
}

}  // namespace berth::test
