// The engine's network namespace: what a bench does in there, and a way out of it to the broker.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace berth::bench {

void enter_network(
    const std::string& network_namespace);  // this thread alone, for good; a path as for nsenter
void in_network(const std::string& network_namespace, const std::function<void()>& work);  // and wait for it

// How long the kernel waits before it asks again for a neighbour on that bridge, in ms.
int neighbour_timer(const std::string& network_namespace, const std::string& bridge);

// A port of our loopback on the loopback of the namespace: who is in there reaches a broker that is out here.
class Door {
 public:
    Door(const std::string& network_namespace, int port);
    ~Door();
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

 private:
    void accept_all();
    void carry(int inside) const;

    int port_;
    int listener_{-1};
    int end_;  // readable for every thread once the door closes
    std::vector<std::jthread> connections_{};
    std::jthread acceptor_{};  // last: it uses the others
};

}  // namespace berth::bench
