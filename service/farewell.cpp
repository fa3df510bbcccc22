#include "service/farewell.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>
#include <variant>

#include "service/mqtt_reason.hpp"
#include "service/outbox.hpp"
#include "service/paho_client.hpp"
#include "service/side_thread.hpp"
#include "service/socket_delay.hpp"

namespace berth::service {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kRingPause{20};

constexpr std::chrono::seconds kLibraryPatience{2};  // for its threads to end, which takes them up to one

// What the library's threads have told so far.
class Told {
 public:
    void add(const ClientEvent& event) {
        const std::lock_guard lock(mutex_);
        if (std::holds_alternative<Connected>(event)) connected_ = true;
        if (std::holds_alternative<Delivered>(event)) ++settled_;
        if (const auto* failed = std::get_if<ConnectFailed>(&event))
            trouble_ = failed->code > 0 ? describe_reason(failed->code) : failed->detail;
        if (const auto* lost = std::get_if<Lost>(&event)) trouble_ = describe(lost->reason);
        if (const auto* failed = std::get_if<NotDelivered>(&event)) {
            (failed->reason == 0 ? trouble_ : refusal_) = describe(failed->reason);
            if (failed->reason != 0) ++settled_;
        }
        news_.notify_all();
    }

    // Until the broker has taken or refused `settled` of them. Rings while it waits: the library may not have
    // noticed what it was asked for.
    Result<> await(PahoClient& client, std::size_t settled, steady_clock::time_point deadline) {
        std::unique_lock lock(mutex_);
        const auto is_there = [&] { return connected_ && settled_ >= settled; };
        while (!is_there() && trouble_.empty() && steady_clock::now() < deadline) {
            news_.wait_for(lock, kRingPause);
            lock.unlock();
            client.ring();
            lock.lock();
        }
        if (is_there()) return {};
        return fail(Errc::Unavailable, trouble_.empty() ? "no answer" : trouble_);
    }

    // Of some of what was settled.
    Result<> refusal() {
        const std::lock_guard lock(mutex_);
        if (refusal_.empty()) return {};
        return fail(Errc::Unavailable, "the broker refuses some of it: " + refusal_);
    }

 private:
    static std::string describe(int reason) {
        return reason == 0 ? "the connection broke" : describe_reason(reason);
    }

    std::mutex mutex_;
    std::condition_variable news_;
    bool connected_{false};
    std::size_t settled_{0};
    std::string trouble_;  // that ends it
    std::string refusal_;  // that does not
};

struct Farewell {
    BrokerAddress address{};
    std::string client_id{};
    MqttVersion version{};
    MqttConfig config{};
    std::vector<Publication> last{};
    steady_clock::time_point deadline{};

    Result<> say() const {
        const auto window = Outbox::Limits{}.window;
        const auto told = std::make_shared<Told>();
        auto client =
            PahoClient::make(address, client_id, version, config,
                             {[told](const ClientEvent& event) { told->add(event); }, [](const Message&) {}});
        if (!client) return client.error();
        if (auto asked = (*client)->connect(); !asked) return asked;
        if (auto came = told->await(**client, 0, deadline); !came) return came;
        send_without_delay(address.port);
        for (std::size_t i = 0; i < last.size(); ++i) {
            const auto before = i < window ? 0 : i - window + 1;
            if (auto came = told->await(**client, before, deadline); !came) return came;
            if (auto taken = (*client)->publish(i + 1, last[i]); !taken) return taken;
        }
        if (auto came = told->await(**client, last.size(), deadline); !came) return came;
        (*client)->say_goodbye({}, deadline);
        return told->refusal();
    }
};

}  // namespace

// The library holds a lock while it looks up a name, so whoever calls it then hangs with it.
Result<> say_farewell(const BrokerAddress& address, const std::string& client_id, MqttVersion version,
                      MqttConfig config, const std::vector<Publication>& last,
                      std::chrono::milliseconds patience) {
    const auto deadline = steady_clock::now() + patience;
    config.session_expiry = std::chrono::milliseconds::zero();
    config.connect_timeout = std::min(config.connect_timeout, patience);
    const auto said = std::make_shared<Result<>>();
    SideThread thread;
    try {
        thread.begin([said, farewell = Farewell{address, client_id, version, std::move(config), last,
                                                deadline}] { *said = farewell.say(); });
    } catch (const std::system_error& error) {
        return fail(Errc::Unavailable, std::string("no thread: ") + error.what());
    }
    if (!thread.await_or_leave(deadline + kLibraryPatience)) return fail(Errc::Unavailable, "no answer");
    return *said;
}

}  // namespace berth::service
