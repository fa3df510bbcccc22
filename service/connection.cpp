#include "service/connection.hpp"

#include <chrono>
#include <mutex>
#include <utility>

#include "service/broker_probe.hpp"
#include "service/log.hpp"

namespace berth::service {

using namespace std::chrono_literals;

namespace {

constexpr auto kGoodbyePatience = 2s;
constexpr auto kStopPatience = 3s;  // what is left of it is for the library's threads, up to a second
constexpr auto kProbePatience = 5s;

}  // namespace

// What the library's threads hold on to instead of the connection.
struct Connection::Gate {
    explicit Gate(Connection* connection) : owner(connection) {}

    std::mutex mutex;   // a callback finds either the whole connection or none
    Connection* owner;  // written on the loop with the mutex held, so the loop reads it without

    template <class Body>
    void enter(Body body) {
        const std::lock_guard lock(mutex);
        if (owner != nullptr) body(*owner);
    }
};

Connection::Connection(Loop& loop, Inbox& inbox, const MqttConfig& config, std::string client_id,
                       OnEvent on_event)
    : loop_(loop),
      inbox_(inbox),
      config_(config),
      client_id_(std::move(client_id)),
      on_event_(std::move(on_event)),
      gate_(std::make_shared<Gate>(this)) {}

Connection::~Connection() {
    stop({});
    const std::lock_guard lock(gate_->mutex);
    gate_->owner = nullptr;
}

Result<> Connection::open(const BrokerAddress& address, MqttVersion version) {
    address_ = address;
    ++number_;
    auto client = PahoClient::make(address, client_id_, version, config_, handlers());
    if (!client) return client.error();
    client_ = std::move(*client);
    return client_->connect();
}

PahoClient::Handlers Connection::handlers() {
    const auto deliver = [gate = gate_, number = number_](ClientEvent event) {
        gate->enter([&](Connection& connection) {
            connection.loop_.post([gate, number, event = std::move(event)] {
                auto* const owner = gate->owner;
                if (owner != nullptr && owner->client_ && owner->number_ == number) owner->on_event_(event);
            });
        });
    };
    const auto take_in = [gate = gate_](Message message) {
        gate->enter([&](Connection& connection) { connection.inbox_.accept(std::move(message)); });
    };
    return {deliver, take_in};
}

void Connection::close(Probe probe, OnClosed closed) {
    closed_ = std::move(closed);
    closer_.begin(
        [gate = gate_, client = std::move(client_), probe, address = address_, config = config_]() mutable {
            client.reset();
            std::string cause;
            if (probe == Probe::Yes) cause = probe_broker(address, config, kProbePatience);
            gate->enter([&](Connection& connection) {
                connection.loop_.post([gate, cause] {
                    if (gate->owner != nullptr) gate->owner->on_closed(cause);
                });
            });
        });
}

void Connection::on_closed(const std::string& cause) {
    closer_.join();
    if (auto closed = std::exchange(closed_, {})) closed(cause);
}

void Connection::stop(const std::vector<std::string>& filters) {
    if (std::exchange(stopped_, true)) return;
    closed_ = {};
    const auto now = std::chrono::steady_clock::now();
    if (client_)
        closer_.begin([client = std::move(client_), filters, deadline = now + kGoodbyePatience]() mutable {
            if (!client->say_goodbye(filters, deadline)) log::warn("the broker does not answer our goodbye");
            client.reset();
        });
    if (closer_.is_under_way()) closer_.await_or_leave(now + kStopPatience);
}

}  // namespace berth::service
