// The lab's engine as somebody sees it who knows nothing of Berth: what is in it, and the docker command
// line.
#pragma once

#include <string>
#include <vector>

#include "runtime/docker/http.hpp"
#include "test/support/lab.hpp"

namespace berth::test {

class Engine {
 public:
    explicit Engine(const Lab& lab) : socket_(lab.docker_socket()), http_(socket_) {}

    // One field of `docker inspect`, by JSON pointer: texts as they are, all else as JSON; a container or
    // field that is not there is empty.
    std::string field(const std::string& container, const std::string& pointer) const;
    std::string id(const std::string& container) const { return field(container, "/Id"); }
    std::string state(const std::string& container) const { return field(container, "/State/Status"); }
    std::vector<std::string> env(const std::string& container) const;

    // Names, sorted, of all that bear this label, whatever their state.
    std::vector<std::string> names(const std::string& label) const;

    std::string stats(const std::string& container) const;  // the engine's own JSON, one sample

    // The docker command line, as a technician uses it. Throws unless it exits with 0.
    std::string docker(std::vector<std::string> arguments) const;

    void remove(const std::string& container) const;  // absent is fine, and so in the next
    void remove_network(const std::string& network) const;
    void remove_image(const std::string& reference) const;

 private:
    std::string get(const std::string& path) const;  // empty: 404
    void erase(const std::string& path) const;

    std::string socket_;
    runtime::docker::Http http_;
};

}  // namespace berth::test
