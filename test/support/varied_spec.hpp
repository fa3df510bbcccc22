// Models in which any key of a component may be set, all of which a desired state may ask for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "protocol/container.hpp"
#include "protocol/document.hpp"

namespace berth::test {

// Any number of them, in any order.
template <class Item>
std::vector<Item> some_of(std::mt19937& rng, std::vector<Item> choices) {
    std::shuffle(choices.begin(), choices.end(), rng);
    choices.resize(rng() % (choices.size() + 1));
    return choices;
}

inline std::string one_of(std::mt19937& rng, const std::vector<std::string>& choices) {
    return choices[rng() % choices.size()];
}

inline LogConfig varied_log(std::mt19937& rng) {
    LogConfig log{};
    log.driver = one_of(rng, {"json-file", "json-file", "none"});
    if (rng() % 4 == 0) log.max_files = 5;
    log.max_size = one_of(rng, {"100M", "1.5 m", "64k"});
    log.root_dir = one_of(rng, {"", "", "/var/log/app"});
    log.mode = one_of(rng, {"blocking", "non-blocking"});
    log.max_buffer_size = one_of(rng, {"", "4k"});
    return log;
}

inline Resources varied_resources(std::mt19937& rng) {
    Resources limits{};
    limits.memory = one_of(rng, {"", "64M", "1.5 g", "3M"});
    limits.memory_swap = limits.memory.empty() ? one_of(rng, {"", "-1"}) : one_of(rng, {"", "-1", "4G"});
    limits.memory_reservation = one_of(rng, {"", "", "1k", "3M"});
    return limits;
}

inline RestartPolicy varied_restart(std::mt19937& rng) {
    RestartPolicy restart{};
    restart.type = one_of(rng, {"no", "always", "on-failure", "unless-stopped", "unless-stopped"});
    if (restart.type != "on-failure") return restart;
    restart.maximum_retry_count = static_cast<std::int64_t>(rng() % 3);
    restart.retry_timeout_s = rng() % 2 == 0 ? 0 : 30;
    return restart;
}

inline ContainerSpec varied_spec(std::mt19937& rng, const std::string& name) {
    ContainerSpec made{};
    made.name = name;
    made.image = one_of(rng, {"app:1", "app:2", "reg.example:5000/app:1@sha256:ab", name + ":1", "app"});
    made.env = some_of<std::string>(rng, {"A=1", "B=", "C", "PASSWORD=secret:db", "_x=a=b, c"});
    made.cmd = some_of<std::string>(rng, {"serve", "", "a b", R"(--say="hi")"});
    made.io.tty = rng() % 3 == 0;
    made.io.open_stdin = rng() % 3 == 0;
    made.privileged = rng() % 4 == 0;
    made.network = one_of(rng, {"bridge", "bridge", "host"});
    if (!made.privileged)
        made.devices = some_of<Device>(rng, {{"/dev/a", "/dev/b", "rw"}, {"/dev/c", "/dev/c", "rwm"}});
    made.extra_hosts = some_of<std::string>(rng, {"a:1.2.3.4", "b:fe80::1"});
    if (made.network == "bridge") {
        made.ports = some_of<Port>(rng, {{"0.0.0.0", 80, 80, 8080, "tcp"},
                                         {"127.0.0.1", 5000, 5005, 81, "udp"},
                                         {"0.0.0.0", 0, 0, 82, "sctp"}});
        for (auto& host : some_of<std::string>(rng, {"c:host_ip", "d:host_ip_eth0", "e:container_x-host"}))
            made.extra_hosts.push_back(std::move(host));
    }
    made.mounts = some_of<Mount>(rng, {{"/a", "/b", "rprivate"}, {"/c", "/d", "rshared"}});
    made.restart = varied_restart(rng);
    made.log = varied_log(rng);
    made.resources = varied_resources(rng);
    fill_defaults(made);
    return made;
}

}  // namespace berth::test
