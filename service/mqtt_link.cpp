#include "service/mqtt_link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "service/broker_probe.hpp"
#include "service/farewell.hpp"
#include "service/ids.hpp"
#include "service/log.hpp"
#include "service/mqtt_reason.hpp"
#include "service/socket_delay.hpp"

namespace berth::service {

using namespace std::chrono_literals;
using Failure = ConnectPolicy::Failure;
using Probe = Connection::Probe;

namespace {

constexpr auto kDrainRetry = 200ms;
constexpr auto kFirstRing = 10ms;
constexpr auto kLastRing = 640ms;       // the library looks by itself every second
constexpr auto kFarewellPatience = 4s;  // and two seconds for the library
constexpr auto kTakenOverWait =
    5s;  // the other one is connected: a quick return only throws it out, and so on

Failure classify(const ConnectFailed& event) {
    if (event.closed) return Failure::Closed;
    if (event.code <= 0) return Failure::Unreachable;
    const bool version =
        event.code == kReasonUnsupportedVersion311 || event.code == kReasonUnsupportedVersion;
    return version ? Failure::VersionRefused : Failure::Refused;
}

}  // namespace

MqttLink::MqttLink(Loop& loop, Inbox& inbox, const Router& router, const MqttConfig& config)
    : loop_(loop),
      router_(router),
      config_(config),
      own_client_id_(config.client_id.empty() ? random_uuid() : config.client_id),
      client_id_(own_client_id_),
      policy_(config.version),
      connection_(loop, inbox, config, client_id_, [this](const ClientEvent& event) {
          std::visit([this](const auto& happened) { handle(happened); }, event);
      }) {}

MqttLink::~MqttLink() {
    stop();
}

void MqttLink::on_connected(std::function<void()> callback) {
    connected_callbacks_.push_back(std::move(callback));
}

void MqttLink::on_ready(std::function<void()> callback) {
    ready_callbacks_.push_back(std::move(callback));
}

void MqttLink::on_lost(std::function<void()> callback) {
    lost_callbacks_.push_back(std::move(callback));
}

Result<> MqttLink::start() {
    const auto address = parse_broker_url(config_.url);
    if (!address) return address.error();
    address_ = *address;
    attempt();
    return {};
}

void MqttLink::stop() {
    if (state_ == State::Stopped) return;
    const bool connected = state_ == State::Ready || state_ == State::Subscribing;
    state_ = State::Stopped;
    cancel_timers();
    // A session that lasts goes on collecting for the next berthd.
    const bool lasts = config_.session_expiry > 0ms;
    connection_.stop(connected && !lasts ? filters_ : std::vector<std::string>{});
    if (const auto unsent = outbox_.waiting() + outbox_.in_flight(); unsent > 0)
        log::warn(
            "messages that no broker has confirmed: {}; the newest feedback among them is sent at the next "
            "start",
            unsent);
}

// By the name of a session that lasts we would be sent what has waited in it.
void MqttLink::say_last(const std::vector<Publication>& last) const {
    if (last.empty()) return;
    const bool lasts = config_.session_expiry > 0ms;
    const auto said = say_farewell(address_, lasts ? client_id_ + "-ending" : client_id_, policy_.version(),
                                   config_, last, kFarewellPatience);
    if (!said)
        log::warn("stopped containers may be shown as running until the next start: {}",
                  said.error().message);
}

void MqttLink::publish(Publication publication) {
    if (!outbox_.takes(publication))
        log::debug("message of {} bytes on '{}' is larger than the broker takes: dropped",
                   publication.payload.size(), publication.topic);
    const auto dropped = outbox_.dropped();
    outbox_.add(std::move(publication));
    if (outbox_.dropped() != dropped && !std::exchange(told_of_drops_, true)) {
        log::warn("more is to be published than the broker takes: the least important messages are dropped");
    }
    if (state_ == State::Ready) drain();
}

void MqttLink::subscribe(const std::string& filter) {
    if (state_ != State::Ready || std::ranges::find(filters_, filter) != filters_.end()) return;
    filters_.push_back(filter);
    if (const auto sent = connection_.subscribe({filter}); !sent) return lose(sent.error().message, 0ms);
    asked_ = true;
    ring_soon();
}

void MqttLink::unsubscribe(const std::string& filter) {
    if (state_ != State::Ready) return;
    std::erase(filters_, filter);
    if (const auto sent = connection_.unsubscribe({filter}); !sent)
        log::warn("{}: messages on '{}' may still come", sent.error().message, filter);
    asked_ = true;
    ring_soon();
}

void MqttLink::attempt() {
    attempt_timer_ = 0;
    state_ = State::Connecting;
    log::debug("connecting to broker {} with MQTT {}", address_.url(), to_string(policy_.version()));
    if (address_.tls) {
        if (const auto files = check_tls_files(config_); !files) {
            fail_attempt(Failure::Unreachable, files.error().message, Probe::No);
            return;
        }
    }
    if (const auto opened = connection_.open(address_, policy_.version()); !opened) {
        fail_attempt(Failure::Unreachable, opened.error().message, Probe::No);
    }
}

void MqttLink::handle(const ConnectFailed& event) {
    const auto failure = classify(event);
    switch (failure) {
        case Failure::VersionRefused:
        case Failure::Refused:
            fail_attempt(failure,
                         fmt::format("the broker refuses the connection with MQTT {}: {}",
                                     to_string(policy_.version()), describe_reason(event.code)),
                         Probe::No);
            break;
        case Failure::Closed:
            fail_attempt(failure, "the broker closed the connection instead of an answer", Probe::Yes);
            break;
        case Failure::Unreachable:
            fail_attempt(failure, fmt::format("no answer ({})", event.detail), Probe::Yes);
    }
}

void MqttLink::fail_attempt(Failure failure, const std::string& cause, Probe probe) {
    const auto tried = policy_.version();
    const auto wait = policy_.on_failed(failure, std::uniform_real_distribution<double>(0, 1)(random_));
    if (wait == 0ms) {
        log::info("broker {} may not speak MQTT {} ({}), trying {}", address_.url(), to_string(tried), cause,
                  to_string(policy_.version()));
        probe = Probe::No;
    }
    close_and_retry(wait, probe, wait == 0ms ? std::string{} : cause);
}

// The wait runs while the old client is destroyed. An empty cause is not worth a word.
void MqttLink::close_and_retry(milliseconds wait, Probe probe, const std::string& cause) {
    state_ = State::Closing;
    cancel_timers();
    const auto due = Clock::now() + wait;
    connection_.close(probe, [this, due, cause](const std::string& found) {
        if (!cause.empty()) report_trouble(found.empty() ? cause : found);
        retry_after(std::max(0ms, std::chrono::ceil<milliseconds>(due - Clock::now())));
    });
}

void MqttLink::retry_after(milliseconds wait) {
    state_ = State::Waiting;
    attempt_timer_ = loop_.post_after(wait, [this] { attempt(); });
}

void MqttLink::handle(const Connected&) {
    state_ = State::Subscribing;
    connected_at_ = Clock::now();
    policy_.on_connected();
    send_without_delay(address_.port);
    for (const auto& callback : connected_callbacks_)
        callback();
    filters_ = router_.filters();
    if (filters_.empty()) {
        become_ready();
        return;
    }
    if (const auto sent = connection_.subscribe(filters_); !sent) {
        lose(sent.error().message, 0ms);
        return;
    }
    ring_soon();
    subscribe_timer_ = loop_.post_after(config_.subscribe_timeout, [this] {
        lose("the broker does not acknowledge our subscriptions", 0ms);
    });
}

void MqttLink::handle(const Subscribed& event) {
    if (state_ == State::Ready && !event.codes.empty() && is_refusal(event.codes.front()))
        log::error("the broker refuses a subscription of the twin: {}; no command reaches us",
                   describe_reason(event.codes.front()));
    if (state_ != State::Subscribing) return;
    for (std::size_t i = 0; i < std::min(event.codes.size(), filters_.size()); ++i) {
        if (!is_refusal(event.codes[i])) continue;
        log::error("the broker refuses the subscription to '{}': {}; nothing sent there reaches us",
                   filters_[i], describe_reason(event.codes[i]));
    }
    become_ready();
}

// Modules speak first, so that what they say stands behind what has been waiting only by importance.
void MqttLink::become_ready() {
    loop_.cancel(std::exchange(subscribe_timer_, 0));
    log::info("connected to broker {} as '{}' with MQTT {}, {} subscriptions, {} messages waiting",
              address_.url(), client_id_, to_string(policy_.version()), filters_.size(), outbox_.waiting());
    reported_causes_.clear();
    report_drops();
    for (const auto& callback : ready_callbacks_)
        callback();
    state_ = State::Ready;
    drain();
}

void MqttLink::handle(const Lost& event) {
    if (state_ == State::Connecting) return;  // ConnectFailed follows
    if (event.reason == kReasonSessionTakenOver) {
        on_taken_over();
        lose(describe_reason(event.reason), kTakenOverWait);
        return;
    }
    if (event.reason == kReasonPacketTooLarge) give_up_largest();
    lose(event.reason == 0 ? "it broke" : describe_reason(event.reason), 0ms);
}

// A broker that ends the connection for a message would end it again for the same one, and for the next that
// is said as large once the connection is back, for ever.
void MqttLink::give_up_largest() {
    outbox_.on_lost();
    if (const auto refused = outbox_.refuse_largest())
        log::error(
            "the broker takes no message as large as the {} bytes on '{}': dropped, and so is every one as "
            "large until berthd starts again; raise the broker's limit",
            refused->bytes, refused->topic);
}

// Going on as somebody else keeps this device reachable; a person has to end the quarrel.
void MqttLink::on_taken_over() {
    log::warn("ANOTHER CLIENT CONNECTS WITH OUR CLIENT ID '{}': give each device its own mqtt.client_id",
              client_id_);
    if (!policy_.on_taken_over(Clock::now())) return;
    client_id_ = own_client_id_ + "-" + random_uuid().substr(0, 4);
    connection_.set_client_id(client_id_);
    log::error("three times within a minute somebody else took client id '{}': going on as '{}'",
               own_client_id_, client_id_);
}

void MqttLink::lose(const std::string& cause, milliseconds at_least) {
    outbox_.on_lost();
    if (state_ == State::Ready)
        for (const auto& callback : lost_callbacks_)
            callback();
    const auto lived = std::chrono::duration_cast<milliseconds>(Clock::now() - connected_at_);
    const auto wait = policy_.on_lost(lived, std::uniform_real_distribution<double>(0, 1)(random_));
    if (policy_.keeps_losing() && at_least == 0ms) {
        log::warn(
            "connections are lost as soon as they are made: does another client use our client id '{}'?",
            client_id_);
    }
    report_trouble("connection lost: " + cause);
    close_and_retry(std::max(wait, at_least), Probe::No, {});
}

void MqttLink::drain() {
    if (state_ != State::Ready || drain_timer_ != 0) return;
    bool handed_something = false;
    while (const auto next = outbox_.take()) {
        const auto handed_over = connection_.publish(next->id, *next->publication);
        handed_something |= bool(handed_over);
        if (handed_over) continue;
        log::debug("{}: tried again", handed_over.error().message);
        outbox_.put_back(next->id);
        drain_timer_ = loop_.post_after(kDrainRetry, [this] {
            drain_timer_ = 0;
            drain();
        });
        break;
    }
    if (handed_something) ring_soon();
    watch_acknowledgements();
}

void MqttLink::handle(const Delivered& event) {
    outbox_.on_delivered(event.id);
    acknowledged_ = true;
    if (outbox_.in_flight() == 0 && !asked_) loop_.cancel(std::exchange(ring_timer_, 0));
    if (told_of_drops_ && outbox_.waiting() == 0) report_drops();
    drain();
}

void MqttLink::handle(const NotDelivered& event) {
    if (event.reason == 0) {
        outbox_.put_back(event.id);  // a lost connection is told next
    } else if (event.reason == kReasonQuotaExceeded) {
        outbox_.hold_back(event.id);  // a full broker has room some time later
    } else {
        const auto topic = outbox_.topic_of(event.id);
        outbox_.on_refused(event.id);
        acknowledged_ = true;
        if (refused_topics_.insert(topic).second) {
            log::error("the broker refuses what we publish on '{}': {}; such messages are dropped", topic,
                       describe_reason(event.reason));
        }
    }
    if (drain_timer_ != 0 || state_ != State::Ready) return;
    drain_timer_ = loop_.post_after(kDrainRetry, [this] {
        drain_timer_ = 0;
        drain();
    });
}

// The library may not have noticed what it was handed: it is rung for, ever more seldom, as a slow broker
// looks the same. Every new thing it is handed does as much.
void MqttLink::ring_soon() {
    loop_.cancel(ring_timer_);
    ring_after(kFirstRing);
}

void MqttLink::ring_after(milliseconds pause) {
    ring_timer_ = loop_.post_after(pause, [this, pause] {
        ring_timer_ = 0;
        asked_ = false;
        connection_.ring();
        if (pause < kLastRing) ring_after(2 * pause);
    });
}

// Only a log line: what is not acknowledged is sent again when the connection is found to be dead.
void MqttLink::watch_acknowledgements() {
    if (acknowledge_timer_ != 0 || outbox_.in_flight() == 0) return;
    acknowledged_ = false;
    acknowledge_timer_ = loop_.post_after(config_.ack_timeout, [this] { on_acknowledge_time(); });
}

void MqttLink::on_acknowledge_time() {
    acknowledge_timer_ = 0;
    if (!acknowledged_ && outbox_.in_flight() > 0) {
        log::warn("the broker has acknowledged none of {} messages for {} s", outbox_.in_flight(),
                  std::chrono::duration_cast<std::chrono::seconds>(config_.ack_timeout).count());
    }
    watch_acknowledgements();
}

void MqttLink::cancel_timers() {
    for (auto* timer : {&attempt_timer_, &subscribe_timer_, &drain_timer_, &ring_timer_, &acknowledge_timer_})
        loop_.cancel(std::exchange(*timer, 0));
}

// Once for each cause while the trouble lasts: a broker that is away for a week is one line.
void MqttLink::report_trouble(const std::string& cause) {
    if (reported_causes_.insert(cause).second) {
        log::warn("broker {}: {}; trying again every 1 to 30 s, messages wait meanwhile", address_.url(),
                  cause);
    } else {
        log::debug("broker {}: {}", address_.url(), cause);
    }
}

void MqttLink::report_drops() {
    told_of_drops_ = false;
    if (outbox_.dropped() == reported_drops_) return;
    reported_drops_ = outbox_.dropped();
    log::warn("messages dropped since the start: {} feedback, {} current state, {} twin, {} metrics",
              outbox_.dropped(Importance::Feedback), outbox_.dropped(Importance::CurrentState),
              outbox_.dropped(Importance::Twin), outbox_.dropped(Importance::Metrics));
}

}  // namespace berth::service
