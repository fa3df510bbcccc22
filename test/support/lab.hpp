// Where the private engine, registry and broker of tools/lab are, for tests that need real ones.
// Starts nothing: ctest does, or `tools/lab start DIR` by hand with BERTH_LAB=DIR.
#pragma once

#include <map>
#include <string>

namespace berth::test {

class Lab {
 public:
    // Reads $BERTH_LAB/env, or that of the folder. Throws std::runtime_error saying what to do when there is
    // no lab.
    Lab();
    explicit Lab(std::string folder);

    const std::string& folder() const { return folder_; }

    std::string docker_socket() const { return at("DOCKER_SOCKET"); }  // a path
    std::string broker_url() const { return at("BROKER_URL"); }        // tcp://127.0.0.1:<port>
    int broker_port() const;
    // Registries as the engine sees them, host:port; the second wants registry_user() and
    // registry_password().
    std::string registry() const { return at("REGISTRY"); }
    std::string registry_auth() const { return at("REGISTRY_AUTH"); }
    std::string registry_user() const { return at("REGISTRY_USER"); }
    std::string registry_password() const { return at("REGISTRY_PASSWORD"); }
    // The engine's network namespace, for `nsenter --net=`: published ports are in there.
    std::string network_namespace() const { return at("NETNS"); }
    // Its mount namespace, for `nsenter --mount=`: control groups are visible in there, and most folders of
    // the machine as they are.
    std::string mount_namespace() const { return at("MNTNS"); }
    std::string logs() const { return at("LOGS"); }  // a folder; it outlives the lab
    std::string data() const { return at("DATA"); }  // a folder: what the engine keeps
    // `tools/lab engine DIR stop|kill|start`; throws when it fails. Takes seconds.
    void engine(const std::string& verb) const;

 private:
    std::string at(const std::string& key) const;

    std::string folder_{};
    std::map<std::string, std::string> values_{};
};

}  // namespace berth::test
