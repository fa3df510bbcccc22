#include "service/paho_client.hpp"

#include <fmt/format.h>
#include <mqtt/async_client.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <future>
#include <string_view>
#include <utility>

#include "service/log.hpp"
#include "service/mqtt_reason.hpp"
#include "service/paho_bell.hpp"

namespace berth::service {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kQos = 1;
constexpr int kMaxInflight = 100;  // above the outbox's window, so that Paho never holds back itself

// An exception that leaves a callback ends the process.
template <class Body>
void guarded(Body body) {
    try {
        body();
    } catch (const std::exception& error) {
        log::error("MQTT callback failed: {}", error.what());
    } catch (...) {
        log::error("MQTT callback failed");
    }
}

class Listener : public mqtt::iaction_listener {
 public:
    using Answer = std::function<void(const mqtt::token&)>;
    Listener(Answer done, Answer failed) : done_(std::move(done)), failed_(std::move(failed)) {}

    void on_success(const mqtt::token& token) override {
        guarded([&] { done_(token); });
    }
    void on_failure(const mqtt::token& token) override {
        guarded([&] { failed_(token); });
    }

 private:
    Answer done_;
    Answer failed_;
};

// Paho counts in seconds; less than one would mean "never".
int whole_seconds(milliseconds time) {
    return static_cast<int>(std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(time).count()));
}

std::uint64_t id_of(const mqtt::token& token) {
    return reinterpret_cast<std::uintptr_t>(token.get_user_context());
}

// A broker's own refusal, not a failure of the connection.
int refusal_of(const mqtt::token& token) {
    const int reason = static_cast<int>(token.get_reason_code());
    if (is_refusal(reason)) return reason;
    return token.get_return_code() == kReasonFailure ? kReasonFailure : 0;  // SUBACK of MQTT 3.1.1
}

// Only an exception carries the library's words out of a token. The token is complete: nothing waits here.
ConnectFailed failure_of(const mqtt::token& token) {
    ConnectFailed failed{.code = token.get_return_code()};
    try {
        static_cast<void>(token.get_connect_response());
    } catch (const mqtt::exception& error) {
        failed.detail = error.get_message();
    }
    failed.closed = failed.code <= 0 && failed.detail.find("completion failure") != std::string::npos;
    return failed;
}

Message copy(const mqtt::message& received) {
    Message message{.topic = received.get_topic(),
                    .payload = received.to_string(),
                    .retained = received.is_retained(),
                    .duplicate = received.is_duplicate()};
    const auto& properties = received.get_properties();
    if (properties.contains(mqtt::property::RESPONSE_TOPIC))
        message.response_topic = mqtt::get<std::string>(properties, mqtt::property::RESPONSE_TOPIC);
    if (properties.contains(mqtt::property::CORRELATION_DATA))
        message.correlation_data = mqtt::get<std::string>(properties, mqtt::property::CORRELATION_DATA);
    return message;
}

mqtt::ssl_options tls_options(const MqttConfig& config) {
    mqtt::ssl_options_builder builder;
    // set_error_handler would be called through a copy of these options that is gone by then (Paho 1.2).
    builder.enable_server_cert_auth(true).verify(true);
    builder.trust_store(config.ca_file);
    if (!config.cert_file.empty()) builder.key_store(config.cert_file).private_key(config.key_file);
    return builder.finalize();
}

mqtt::connect_options connect_options(const MqttConfig& config, MqttVersion version, bool tls) {
    mqtt::connect_options options;
    options.set_mqtt_version(static_cast<int>(version));
    const bool keep_session = config.session_expiry > milliseconds::zero();
    if (version == MqttVersion::V5) {
        options.set_clean_start(!keep_session);
        if (keep_session) {
            mqtt::properties properties;
            properties.add(mqtt::property(mqtt::property::SESSION_EXPIRY_INTERVAL,
                                          whole_seconds(config.session_expiry)));
            options.set_properties(std::move(properties));
        }
    } else {
        options.set_clean_session(!keep_session);
    }
    options.set_keep_alive_interval(whole_seconds(config.keep_alive));
    options.set_connect_timeout(whole_seconds(config.connect_timeout));
    options.set_max_inflight(kMaxInflight);
    if (!config.username.empty()) options.set_user_name(config.username);
    if (!config.password.empty()) options.set_password(config.password);
    if (tls) options.set_ssl(tls_options(config));
    return options;
}

mqtt::const_string_collection_ptr to_collection(const std::vector<std::string>& filters) {
    return mqtt::string_collection::create(filters);
}

}  // namespace

class PahoClient::Session {
 public:
    Session(const BrokerAddress& address, const std::string& client_id, MqttVersion version,
            const MqttConfig& config, Handlers handlers)
        : config_(config),
          version_(version),
          tls_(address.tls),
          handlers_(std::move(handlers)),
          // Created with 5 it can connect as either; created without it could not as 5.
          client_(address.url(), client_id, mqtt::create_options(MQTTVERSION_5, kMaxInflight)) {}

    void connect() {
        client_.set_message_callback([this](const mqtt::const_message_ptr& message) {
            guarded([&] { handlers_.on_message(copy(*message)); });
        });
        client_.set_connection_lost_handler(
            [this](const std::string&) { guarded([&] { handlers_.on_event(Lost{}); }); });
        client_.set_disconnected_handler([this](const mqtt::properties&, mqtt::ReasonCode reason) {
            guarded([&] { handlers_.on_event(Lost{.reason = static_cast<int>(reason)}); });
        });
        client_.connect(connect_options(config_, version_, tls_), nullptr, connecting_);
    }

    void subscribe(const std::vector<std::string>& filters) {
        filters_ = filters.size();
        client_.subscribe(to_collection(filters), mqtt::iasync_client::qos_collection(filters.size(), kQos),
                          nullptr, subscribing_);
    }

    void unsubscribe(const std::vector<std::string>& filters) {
        client_.unsubscribe(to_collection(filters), nullptr, ignored_);
    }

    void publish(std::uint64_t id, const Publication& publication) {
        const auto message =
            mqtt::message::create(publication.topic, publication.payload.data(), publication.payload.size(),
                                  publication.qos, publication.retain);
        client_.publish(message, reinterpret_cast<void*>(static_cast<std::uintptr_t>(id)), publishing_);
    }

    void ring() { bell_.ring(); }

    bool say_goodbye(const std::vector<std::string>& filters, steady_clock::time_point deadline) {
        const auto left = [deadline] {
            return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(deadline - steady_clock::now()));
        };
        bool answered = true;
        if (!filters.empty()) {
            const auto for_disconnect = std::min(config_.disconnect_timeout + kDisconnectMargin, left() / 2);
            client_.unsubscribe(to_collection(filters), nullptr, unsubscribing_);
            answered = came(unsubscribed_, std::min(config_.unsubscribe_timeout, left() - for_disconnect));
        }
        const auto patience = std::min(config_.disconnect_timeout, left());
        client_.disconnect(static_cast<int>(patience.count()), nullptr, disconnecting_);
        return came(disconnected_, std::min(patience + kDisconnectMargin, left())) && answered;
    }

 private:
    static constexpr milliseconds kDisconnectMargin{500};
    static constexpr milliseconds kRingPause{20};

    bool came(std::promise<void>& answer, milliseconds patience) {
        const auto deadline = steady_clock::now() + patience;
        const auto future = answer.get_future();
        while (future.wait_until(std::min(deadline, steady_clock::now() + kRingPause)) !=
               std::future_status::ready) {
            if (steady_clock::now() >= deadline) return false;
            bell_.ring();
        }
        return true;
    }

    void on_subscribed(const mqtt::token& token) {
        const auto response = token.get_subscribe_response();  // owns the codes
        Subscribed event;
        for (const auto code : response.get_reason_codes())
            event.codes.push_back(static_cast<int>(code));
        handlers_.on_event(std::move(event));
    }

    // Of one filter the refusal comes as a failure. Any other failure is followed by Lost.
    void on_subscribe_failed(const mqtt::token& token) {
        if (const int reason = refusal_of(token); reason != 0)
            handlers_.on_event(Subscribed{.codes = std::vector<int>(filters_, reason)});
    }

    const MqttConfig config_;
    const MqttVersion version_;
    const bool tls_;
    const Handlers handlers_;
    std::size_t filters_{0};
    std::promise<void> unsubscribed_;
    std::promise<void> disconnected_;

    Listener connecting_{[this](const mqtt::token&) { handlers_.on_event(Connected{}); },
                         [this](const mqtt::token& token) { handlers_.on_event(failure_of(token)); }};
    Listener subscribing_{[this](const mqtt::token& token) { on_subscribed(token); },
                          [this](const mqtt::token& token) { on_subscribe_failed(token); }};
    Listener publishing_{[this](const mqtt::token& token) { handlers_.on_event(Delivered{id_of(token)}); },
                         [this](const mqtt::token& token) {
                             handlers_.on_event(NotDelivered{id_of(token), refusal_of(token)});
                         }};
    Listener unsubscribing_{[this](const mqtt::token&) { unsubscribed_.set_value(); },
                            [this](const mqtt::token&) { unsubscribed_.set_value(); }};
    Listener ignored_{[](const mqtt::token&) {}, [](const mqtt::token&) {}};
    Listener disconnecting_{[this](const mqtt::token&) { disconnected_.set_value(); },
                            [this](const mqtt::token&) { disconnected_.set_value(); }};

    mqtt::async_client client_;  // destroyed while everything its callbacks use is still there
    PahoBell bell_;              // which is none of it
};

namespace {

template <class Call>
Result<> attempt(std::string_view doing, Call call) {
    try {
        call();
        return {};
    } catch (const mqtt::exception& error) {
        const bool full = error.get_return_code() == MQTTASYNC_MAX_BUFFERED_MESSAGES;
        return fail(full ? Errc::Busy : Errc::Unavailable, fmt::format("{}: {}", doing, error.what()));
    } catch (const std::exception& error) {
        return fail(Errc::Internal, fmt::format("{}: {}", doing, error.what()));
    }
}

}  // namespace

PahoClient::PahoClient(std::unique_ptr<Session> session) : session_(std::move(session)) {}
PahoClient::~PahoClient() = default;

Result<std::unique_ptr<PahoClient>> PahoClient::make(const BrokerAddress& address,
                                                     const std::string& client_id, MqttVersion version,
                                                     const MqttConfig& config, Handlers handlers) {
    std::unique_ptr<Session> session;
    const auto made = attempt("connect", [&] {
        session = std::make_unique<Session>(address, client_id, version, config, std::move(handlers));
    });
    if (!made) return made.error();
    return std::unique_ptr<PahoClient>(new PahoClient(std::move(session)));
}

Result<> PahoClient::connect() {
    return attempt("connect", [&] { session_->connect(); });
}

Result<> PahoClient::subscribe(const std::vector<std::string>& filters) {
    return attempt("subscribe", [&] { session_->subscribe(filters); });
}

Result<> PahoClient::unsubscribe(const std::vector<std::string>& filters) {
    return attempt("unsubscribe", [&] { session_->unsubscribe(filters); });
}

Result<> PahoClient::publish(std::uint64_t id, const Publication& publication) {
    return attempt("publish", [&] { session_->publish(id, publication); });
}

void PahoClient::ring() {
    session_->ring();
}

bool PahoClient::say_goodbye(const std::vector<std::string>& filters, steady_clock::time_point deadline) {
    bool answered = false;
    const auto said = attempt("disconnect", [&] { answered = session_->say_goodbye(filters, deadline); });
    if (!said) log::debug("{}", said.error().message);
    return answered || !said;  // where nothing could be sent there is no answer to wait for
}

}  // namespace berth::service
