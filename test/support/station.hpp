// A Berth without broker and engine: the real modules on a real loop and real workers, a FakeRuntime below,
// and a link that keeps what is published. Test threads talk to it as a broker would.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "protocol/feedback.hpp"
#include "service/engine_watcher.hpp"
#include "service/exporter.hpp"
#include "service/inventory.hpp"
#include "service/link.hpp"
#include "service/loop.hpp"
#include "service/metrics_file.hpp"
#include "service/planner.hpp"
#include "service/recovery.hpp"
#include "service/router.hpp"
#include "service/steps.hpp"
#include "service/twin.hpp"
#include "service/updates.hpp"
#include "service/verbs.hpp"
#include "service/workers.hpp"
#include "service/world.hpp"
#include "test/support/fake_runtime.hpp"

namespace berth::test {

enum class BrokerIs { There, Away };  // away: nothing is acknowledged

class KeepingLink final : public service::Link {
 public:
    // What a broker that is there gets is also added to the file, a line each, if one is named.
    explicit KeepingLink(BrokerIs broker, std::string file = {})
        : broker_(broker == BrokerIs::There), file_(std::move(file)) {}

    void publish(service::Publication publication) override;
    void subscribe(const std::string& filter) override;
    void unsubscribe(const std::string& filter) override;
    void withdraw(service::Importance importance) override;  // of what a broker that is away has not got
    std::vector<service::Publication> take_back(std::string_view topic_begin) override;

    // Waits until `enough` is true of all that was published; false after the patience.
    bool await(const std::function<bool(const std::vector<service::Publication>&)>& enough) const;
    // The same of what a broker that is there has got.
    bool await_arrived(const std::function<bool(const std::vector<service::Publication>&)>& enough) const;
    std::vector<service::Publication> all() const;
    std::vector<std::string> subscribed() const;    // now
    std::vector<std::string> unsubscribed() const;  // so far
    std::uint64_t dropped(service::Importance importance) const override;
    std::size_t waiting(service::Importance importance) const;
    void set_broker(bool there) { broker_ = there; }
    void set_ready(bool ready);          // while it is not, nothing is subscribed
    void broker_comes();                 // on the loop: it gets what has been waiting, in order
    void refuse(std::string part);       // from now on the broker refuses what contains it
    void refuse_next(std::string part);  // the broker refuses the next one that contains it
    void drop_next(std::string part);    // there is no room for the next one that contains it
    // Called on the loop, where this was called as well.
    void when_published(std::function<void(const service::Publication&)> look) { look_ = std::move(look); }

 private:
    void keep(const service::Publication& publication);  // until there is a broker
    void hand_over(const service::Publication& publication);
    bool refuses(const service::Publication& publication);
    bool drops(const service::Publication& publication);

    mutable std::recursive_mutex mutex_;  // what is awaited may ask for more
    mutable std::condition_variable_any news_;
    std::vector<service::Publication> published_;
    std::vector<service::Publication> arrived_;
    std::vector<service::Publication> waiting_;  // while the broker is away
    bool ready_{false};
    std::vector<std::string> subscribed_;
    std::vector<std::string> unsubscribed_;
    std::atomic<bool> broker_;
    const std::string file_;
    std::vector<std::string> refused_;
    std::function<void(const service::Publication&)> look_;  // may be empty
    std::string drop_next_;                                  // empty: none
    std::string refuse_next_;                                // empty: none
    std::map<service::Importance, std::uint64_t> dropped_;
};

class TemporaryFolder {
 public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

 private:
    std::filesystem::path path_;
};

class Station {
 public:
    explicit Station(runtime::Runtime& engine, std::filesystem::path home,
                     service::UpdateAgentConfig config = {},
                     service::StepsConfig steps = {std::chrono::seconds(2), false, {}},
                     BrokerIs broker = BrokerIs::There, std::string broker_file = {},
                     std::optional<service::ThingsConfig> things = {},
                     const service::MetricsConfig& metrics = {});
    ~Station();

    void send(const std::string& topic_end, const std::string& payload, bool retained = false,
              bool duplicate = false);
    void desire(const std::string& payload) { send("desiredstate", payload); }
    void command(const std::string& activity, const std::string& word, const std::string& baseline = {},
                 bool duplicate = false);
    void reach_broker();    // a connection begins; what comes now came before connect_broker()
    void connect_broker();  // as after the first subscription; of a connection that begins, where none has
    void broker_comes();    // and what has waited for it is delivered
    void lose_broker();
    void deliver(service::Message message);           // on any topic
    void deliver_too_many(service::Message message);  // one past the bound of those that wait

    // The feedback of an activity so far, "IDENTIFYING", …; waits for `last` first, unless it is empty.
    std::vector<std::string> words_until(const std::string& activity, const std::string& last);
    bool says(const std::string& activity, const std::string& word, int times = 1);
    std::optional<Feedback> last(const std::string& activity);
    bool await_inventory(const std::function<bool(const std::string&)>& fits);
    std::vector<std::string> inventories();
    void await_ready();
    bool is_ready();                             // the engine has been listed since it was last lost
    bool is_at_rest();                           // and nothing is under way
    Result<> may_change(const ContainerId& id);  // as the twin would ask
    std::vector<service::Publication> twin_last_words(const std::vector<Container>& stopped);
    void on_loop(const std::function<void()>& task);  // and wait for it

    KeepingLink link;
    service::Loop loop{};
    std::atomic<std::int64_t> clock_shift{0};    // ms: what the wall clock is off by
    std::atomic<std::int64_t> store_reserve{0};  // bytes to stay free in its home; 0: nobody looks

 private:
    service::Router router_{};
    service::Workers workers_;
    service::World world_;
    service::Steps steps_;
    service::Recovery recovery_;
    service::Stamps stamps_{[this] { return service::unix_ms() + clock_shift.load(); }};
    service::InventoryReporter inventory_;
    service::Journal journal_;
    service::Updates updates_;
    service::Planner planner_;
    service::Exporter exporter_;
    service::Verbs verbs_;
    std::optional<service::Twin> twin_;
    std::optional<service::MetricsFile> metrics_file_;
    std::unique_ptr<service::EngineWatcher> watcher_;
    bool reached_{false};  // on the loop: a connection has begun
    std::thread thread_;
};

}  // namespace berth::test
