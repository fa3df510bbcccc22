// B4: how long a container is away while a new image takes its place, by the engine's events and for a
// client.
#include <fmt/format.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "test/bench/benches.hpp"
#include "test/bench/client.hpp"
#include "test/bench/network.hpp"
#include "test/bench/operator.hpp"

namespace berth::bench {
namespace {

constexpr int kPort = 18080;
constexpr int kBarePort = 18081;
constexpr int kSameBridgePort = 18082;

double gap_ms(EventLog& events) {
    const auto died = events.await("die", 1).front().time_ns;
    const auto started = events.await("start", 1).front().time_ns;
    return static_cast<double>(started - died) / 1e6;
}

// One container that changes between two versions of an image, by bare calls: the new one is made beforehand.
class BareService {
 public:
    BareService(const Bare& bare, std::string image, std::string network, int port)
        : bare_(bare), image_(std::move(image)), network_(std::move(network)), port_(port), running_(make()) {
        bare_.start(running_);
    }

    int version() const { return version_; }

    void update() {
        version_ = 3 - version_;
        const auto next = make();
        bare_.stop(running_);
        bare_.start(next);
        old_ = std::exchange(running_, next);
    }
    void remove_old() const { bare_.remove(old_); }

 private:
    std::string make() {
        return bare_.create(fmt::format("bare-{}-{}", port_, ++made_),
                            container_body(fmt::format("{}:{}", image_, version_), network_, port_));
    }

    const Bare& bare_;
    std::string image_;
    std::string network_;
    int port_;
    int version_{1};
    int made_{0};
    std::string running_;
    std::string old_{};
};

class BerthService {
 public:
    BerthService(Operator& sender, std::string image, std::string port)
        : sender_(sender), image_(std::move(image)), port_(std::move(port)) {
        apply();
    }

    int version() const { return version_; }

    void update() {
        version_ = 3 - version_;
        apply();
    }

 private:
    void apply() {
        sender_.apply({{.name = "service",
                        .image = fmt::format("{}:{}", image_, version_),
                        .port = port_,
                        .memory = {}}});
    }

    Operator& sender_;
    std::string image_;
    std::string port_;
    int version_{1};
};

// Both versions of a bare one are there after its round, so the old one goes.
Variant then_tidied(std::string name, std::function<double()> gap, const BareService& bare) {
    return {std::move(name), [gap = std::move(gap), &bare] {
                const auto measured = gap();
                bare.remove_old();
                return measured;
            }};
}

Trial in_turn(Bench& bench, Operator& sender, std::string name, const std::vector<Variant>& variants) {
    auto trial = interleave(std::move(name), variants, bench.rounds);
    sender.apply({});
    bench.bare.remove_all();
    return trial;
}

Trial between_events(Bench& bench, Operator& sender) {
    BerthService ours(sender, "berth-test/sleeper", {});
    BareService bare(bench.bare, "berth-test/sleeper", kBareNetwork, 0);
    const auto gap = [&](auto& service) {
        bench.events.clear();
        service.update();
        return gap_ms(bench.events);
    };
    return in_turn(
        bench, sender, "B4 events",
        {{"berth", [&] { return gap(ours); }}, then_tidied("bare", [&] { return gap(bare); }, bare)});
}

Trial for_a_client(Bench& bench, Operator& sender) {
    BerthService ours(sender, "berth-test/web", fmt::format("{}:80/tcp", kPort));
    BareService bare(bench.bare, "berth-test/web", kBareNetwork, kBarePort);
    BareService same_bridge(bench.bare, "berth-test/web", kBerthNetwork, kSameBridgePort);
    const auto gap = [&](int port, auto& service) {
        PortClient client(bench.lab.network_namespace(), port);
        service.update();
        return client.longest_gap_until(fmt::format("web version {}", service.version()));
    };
    return in_turn(
        bench, sender, "B4 client",
        {{"berth", [&] { return gap(kPort, ours); }},
         then_tidied(
             "bare", [&] { return gap(kBarePort, bare); }, bare),
         then_tidied("bare, our bridge", [&] { return gap(kSameBridgePort, same_bridge); }, same_bridge)});
}

}  // namespace

// On a device the engine's bridge is in the network that berthd is in; so it is here, or it could not set the
// bridge's timer. The bare calls have a bridge that nobody has touched.
void measure_updates(Bench& bench) {
    const auto network = bench.lab.network_namespace();
    const Door door(network, bench.lab.broker_port());
    Operator sender(bench.lab, "gap");
    const Daemon daemon(bench.lab, bench.folder, {.name = "gap", .inside = {"nsenter", "--net=" + network}});
    sender.await_ready();
    if (!bench.bare.has_network(kBareNetwork)) bench.bare.make_network_like(kBerthNetwork, kBareNetwork);
    const auto between = between_events(bench, sender);
    bench.report.row("B4", "gap, old dies to new starts / bare stop and start", 1, between, 0, 1, 1.10);
    const auto seen = for_a_client(bench, sender);
    bench.report.row("B4", "gap for a client of a port / its gap for bare calls", 1, seen, 0, 1, 0.45);
    bench.report.row("B4", "gap for a client / bare calls on our bridge, with its timer", 1, seen, 0, 2, {});
    bench.report.note(fmt::format("B4: the kernel asks again for a neighbour after {} ms on {}, {} ms on {}",
                                  neighbour_timer(network, kBerthNetwork), kBerthNetwork,
                                  neighbour_timer(network, kBareNetwork), kBareNetwork));
}

}  // namespace berth::bench
