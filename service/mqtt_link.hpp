// The daemon's one connection to its broker: connects, subscribes, retries, for ever. What is published waits
// in the outbox until the broker has taken it. It decides nothing about the messages themselves.
#pragma once

#include <chrono>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "service/broker_address.hpp"
#include "service/config.hpp"
#include "service/connect_policy.hpp"
#include "service/connection.hpp"
#include "service/link.hpp"
#include "service/loop.hpp"
#include "service/outbox.hpp"
#include "service/paho_client.hpp"
#include "service/router.hpp"

namespace berth::service {

// Everything runs on the loop. The inbox and the router outlive the link.
class MqttLink : public Link {
 public:
    // An empty client id becomes a random UUID, the same for all connections of this link.
    MqttLink(Loop& loop, Inbox& inbox, const Router& router, const MqttConfig& config);
    ~MqttLink() override;  // stops
    MqttLink(const MqttLink&) = delete;
    MqttLink& operator=(const MqttLink&) = delete;

    // Called when a connection begins: whatever comes afterwards came over it. Before start().
    void on_connected(std::function<void()> callback);

    // Called after every connect, when the broker has acknowledged the subscriptions: publish what everybody
    // should know now. Before start().
    void on_ready(std::function<void()> callback);

    // Called when a connection that was ready is lost. Before start().
    void on_lost(std::function<void()> callback);

    // Invalid or Unsupported: the URL. Every other trouble is logged and tried again.
    Result<> start();

    // Unsubscribes and disconnects; blocks for three seconds at most. What still waits is not sent any more.
    void stop();

    // After stop(): what is left to say is said over a connection that nothing comes over. Blocks for six
    // seconds at most; a failure is logged.
    void say_last(const std::vector<Publication>& last) const;

    void publish(Publication publication) override;
    void subscribe(const std::string& filter) override;
    void unsubscribe(const std::string& filter) override;
    void withdraw(Importance importance) override { outbox_.withdraw(importance); }
    std::vector<Publication> take_back(std::string_view topic_begin) override {
        return outbox_.take_back(topic_begin);
    }
    std::uint64_t dropped(Importance importance) const override { return outbox_.dropped(importance); }

    bool is_ready() const { return state_ == State::Ready; }
    const Outbox& outbox() const { return outbox_; }
    const std::string& client_id() const { return client_id_; }

 private:
    enum class State {
        Stopped,
        Closing,  // the old client is on its way out
        Waiting,  // for the time of the next attempt
        Connecting,
        Subscribing,  // connected, SUBACK is still to come
        Ready
    };
    using Clock = std::chrono::steady_clock;
    using milliseconds = std::chrono::milliseconds;

    void attempt();
    void handle(const Connected& event);
    void handle(const ConnectFailed& event);
    void handle(const Subscribed& event);
    void handle(const Lost& event);
    void handle(const Delivered& event);
    void handle(const NotDelivered& event);

    void fail_attempt(ConnectPolicy::Failure failure, const std::string& cause, Connection::Probe probe);
    void on_taken_over();
    void give_up_largest();
    void lose(const std::string& cause, milliseconds at_least);
    void close_and_retry(milliseconds wait, Connection::Probe probe, const std::string& cause);
    void retry_after(milliseconds wait);
    void become_ready();
    void drain();
    void ring_soon();
    void ring_after(milliseconds pause);
    void watch_acknowledgements();
    void on_acknowledge_time();
    void cancel_timers();

    void report_trouble(const std::string& cause);
    void report_drops();

    Loop& loop_;
    const Router& router_;
    const MqttConfig config_;
    const std::string own_client_id_;
    std::string client_id_;  // own_client_id_, with a suffix once somebody else insists on that one
    BrokerAddress address_{};
    ConnectPolicy policy_;
    std::minstd_rand random_{std::random_device{}()};
    std::vector<std::function<void()>> connected_callbacks_{};
    std::vector<std::function<void()>> ready_callbacks_{};
    std::vector<std::function<void()>> lost_callbacks_{};
    Outbox outbox_{};

    State state_{State::Stopped};
    std::vector<std::string> filters_{};  // of this connection
    Clock::time_point connected_at_{};
    TimerId attempt_timer_{0};
    TimerId subscribe_timer_{0};
    TimerId drain_timer_{0};
    TimerId ring_timer_{0};
    bool asked_{false};  // for a subscription or its end, since the last ring; nobody hears of the answer
    TimerId acknowledge_timer_{0};
    bool acknowledged_{false};  // something was, since that timer began

    std::set<std::string> reported_causes_{};  // of the present trouble; empty: all is well
    std::set<std::string> refused_topics_{};
    std::uint64_t reported_drops_{0};
    bool told_of_drops_{false};  // since all had been sent

    Connection connection_;  // last: its events use everything above
};

}  // namespace berth::service
