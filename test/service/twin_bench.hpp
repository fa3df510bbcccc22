// A Berth with a digital twin on an engine in memory, and the cloud it talks to.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "test/support/cloud.hpp"
#include "test/support/fake_runtime.hpp"
#include "test/support/station.hpp"

namespace berth::test {

class TwinBench {
 public:
    static constexpr std::chrono::milliseconds kStopTimeout{300};

    explicit TwinBench(service::ThingsConfig config = {}, service::UpdateAgentConfig agent = {},
                       service::MetricsConfig metrics = {})
        : config_(with_home(std::move(config))), agent_(std::move(agent)), metrics_(std::move(metrics)) {
        for (const char* image : {"app:1", "app:2"})
            engine.put_image(image);
    }

    void start() {
        station_.emplace(engine, home.path(), agent_, service::StepsConfig{kStopTimeout, false, {}},
                         BrokerIs::There, std::string{}, config_, metrics_);
        seen_ = 0;
    }
    void stop() { station_.reset(); }
    Station& station() { return *station_; }

    // Connected, and the cloud has said who we are; all has been said and commands are taken.
    void connect() {
        station().await_ready();
        station().connect_broker();
        require([&] { return asked() > 0; });
        introduce(cloud);
    }
    void introduce(Cloud& whom) {
        tell("edge/thing/response", whom.edge_response());
        require([&] { return is_subscribed(whom.command_filter()); });
    }

    void tell(const std::string& topic, const std::string& payload, bool duplicate = false) {
        service::Message message{};
        message.topic = topic;
        message.payload = payload;
        message.duplicate = duplicate;
        station().deliver(std::move(message));
    }
    void command(const std::string& feature, const std::string& operation, const std::string& request,
                 const nlohmann::json& value = nullptr) {
        bring(cloud, operation, request, cloud.command(feature, operation, request, value));
    }
    void bring(const Cloud& from, const std::string& operation, const std::string& request,
               const std::string& payload) {
        tell(from.command_topic(request, operation), payload);
        if (is_by_connector) tell(from.short_command_topic(request, operation), payload);
    }
    // The status of the answer; -1: none came.
    int ask(const std::string& feature, const std::string& operation, const std::string& request,
            const nlohmann::json& value = nullptr) {
        command(feature, operation, request, value);
        return answered(request);
    }
    int answered(const std::string& request) {
        const bool came = until([&] { return cloud.answer(request).has_value(); });
        return came ? cloud.answer(request)->status : -1;
    }
    std::string error_of(const std::string& request) const {
        return cloud.answer(request)->envelope["value"].value("message", "");
    }

    // Makes one and returns its id.
    std::string create(const std::string& request, const nlohmann::json& value) {
        if (ask("ContainerFactory", "createWithConfig", request, value) != 200) return {};
        return cloud.answer(request)->envelope["value"].get<std::string>();
    }

    bool until(const std::function<bool()>& enough) {
        const auto look = [&](const std::vector<service::Publication>& all) {
            hear(all);
            return enough();
        };
        return is_remote ? station().link.await_arrived(look) : station().link.await(look);
    }
    void require(const std::function<bool()>& enough) {
        if (!until(enough)) throw std::runtime_error("it did not happen; the cloud heard " + words());
    }
    // Everything that was done before has been published.
    void settle() {
        station().on_loop([] {});
        until([] { return true; });
    }
    std::string words() const {
        std::string all;
        for (const auto& word : cloud.said())
            all += word + "; ";
        return all;
    }
    std::ptrdiff_t times_said(const std::string& word) const {
        return std::count(cloud.said().begin(), cloud.said().end(), word);
    }
    bool says(const std::string& word) {
        return until([&] { return times_said(word) > 0; });
    }
    bool is_subscribed(const std::string& filter) {
        const auto all = station().link.subscribed();
        return std::find(all.begin(), all.end(), filter) != all.end();
    }
    int asked() {
        int count = 0;
        for (const auto& publication : station().link.all())
            count += publication.topic == "edge/thing/request" ? 1 : 0;
        return count;
    }

    FakeRuntime engine;
    TemporaryFolder home;
    Cloud cloud;
    std::optional<Cloud> other{};  // another thing, which the device may be as well
    bool is_remote{false};  // the cloud hears what a broker that is there gets, else all that is published
    bool is_by_connector{false};  // that brings each command in both forms, and echoes what is stored

 private:
    service::ThingsConfig with_home(service::ThingsConfig config) const {
        config.home_dir = (home.path() / "things").string();
        return config;
    }
    void hear(const std::vector<service::Publication>& all) {
        for (; seen_ < all.size(); ++seen_) {
            cloud.hear(all[seen_].topic, all[seen_].payload);
            if (other) other->hear(all[seen_].topic, all[seen_].payload);
        }
        echo(cloud);
        if (other) echo(*other);
    }
    void echo(Cloud& from) {
        for (const auto& event : from.take_echoes())
            if (is_by_connector) tell(event.topic, event.payload);
    }

    service::ThingsConfig config_;
    service::UpdateAgentConfig agent_;
    service::MetricsConfig metrics_;
    std::size_t seen_{0};
    std::optional<Station> station_;
};

}  // namespace berth::test
