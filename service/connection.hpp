// Keeps the client library's threads away from the rest: events arrive on the loop, and a client that is
// given up is destroyed by a thread of its own, because that blocks. One connection at a time; never retries.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "service/broker_address.hpp"
#include "service/config.hpp"
#include "service/loop.hpp"
#include "service/paho_client.hpp"
#include "service/router.hpp"
#include "service/side_thread.hpp"

namespace berth::service {

// Used on the loop only.
class Connection {
 public:
    using OnEvent = std::function<void(const ClientEvent&)>;

    // Events of the open connection only: once closed, its late answers are not delivered.
    Connection(Loop& loop, Inbox& inbox, const MqttConfig& config, std::string client_id, OnEvent on_event);
    ~Connection();  // stops
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // A fresh client for every connection: Paho 1.2 cannot go back from 3.1.1 to 5, leaks on reconnect, and
    // its own reconnect begins only after a first success, comes seconds late and can hang.
    // When nothing is open and no close() is under way. Also after an Error comes close(): there is a client.
    Result<> open(const BrokerAddress& address, MqttVersion version);
    void set_client_id(std::string client_id) { client_id_ = std::move(client_id); }  // for the next open()
    Result<> subscribe(const std::vector<std::string>& filters) { return client_->subscribe(filters); }
    Result<> unsubscribe(const std::vector<std::string>& filters) { return client_->unsubscribe(filters); }
    Result<> publish(std::uint64_t id, const Publication& publication) {
        return client_->publish(id, publication);
    }
    void ring() { client_->ring(); }  // PahoClient::ring()

    enum class Probe { No, Yes };
    // Gives the client up (there may be none) and calls `closed` when it is gone, with what a probe of the
    // broker said.
    using OnClosed = std::function<void(std::string)>;
    void close(Probe probe, OnClosed closed);

    // The last call: unsubscribes, disconnects and waits for the library; together three seconds at most.
    // What has not ended by then is left behind.
    void stop(const std::vector<std::string>& filters);

 private:
    struct Gate;

    PahoClient::Handlers handlers();
    void on_closed(const std::string& cause);

    Loop& loop_;
    Inbox& inbox_;
    const MqttConfig config_;
    std::string client_id_;
    const OnEvent on_event_;
    BrokerAddress address_{};
    std::uint64_t number_{0};  // of the connection that is open, or was last
    std::unique_ptr<PahoClient> client_{};
    OnClosed closed_{};
    SideThread closer_{};
    bool stopped_{false};
    std::shared_ptr<Gate> gate_{};  // shared: the library's threads may outlive the connection
};

}  // namespace berth::service
