// The digital twin: who this device is in the cloud, what the cloud is shown, and what it may ask for. Sends
// nothing before it knows who it is; after a lost connection it begins anew.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/twin/envelope.hpp"
#include "protocol/twin/features.hpp"
#include "protocol/twin/identity.hpp"
#include "service/config.hpp"
#include "service/link.hpp"
#include "service/loop.hpp"
#include "service/metrics_reporter.hpp"
#include "service/software.hpp"
#include "service/software_record.hpp"
#include "service/twin_feed.hpp"
#include "service/verbs.hpp"
#include "service/workers.hpp"
#include "service/world.hpp"

namespace berth::service {

class Twin {
 public:
    struct Parts {  // which outlive it
        Loop& loop;
        Workers& workers;
        Link& link;
        World& world;
        Verbs& verbs;
        runtime::Runtime& runtime;
    };

    Twin(Parts parts, ThingsConfig config, const MetricsConfig& measuring, std::vector<std::string> redact);

    std::vector<Route> routes();
    void on_link_connected();  // and not ready yet
    void on_link_ready();
    void on_link_lost();
    void on_world_ready();                     // put in order for the first time: now states are final
    void dispose();                            // nothing is shown or reported any more
    void keep_rest() { record_.keep_rest(); }  // after the loop and the workers have ended; blocks
    // What the cloud should know of containers that Berth has stopped after all else has ended.
    std::vector<Publication> last_words(const std::vector<Container>& stopped) const;

 private:
    // Who we are, and saying all (twin.cpp).
    void ask();
    void ask_again();
    void on_edge_response(const Message& message);
    void on_repeat();
    void become(const twin::Device& device);
    void sync();
    void sync_soon();   // not more often than the cloud can bear, but not never
    void on_dropped();  // something that was said
    void sync_after(std::chrono::milliseconds rest);
    void say_all();
    void subscribe_once(std::uint64_t sync);
    bool has(std::string_view feature) const;

    // What changes (twin_says.cpp).
    void show(const reconcile::Showing& showing);
    struct Saying {
        std::string payload{};
        std::function<void()> delivered{};
        std::function<void()> refused{};  // empty: delivered
    };
    Publication event(std::string payload) const;  // while it is known who we are
    void say(std::string payload);
    void say(Saying saying);
    void say_dependencies();
    void say_operation(const SoftwareRecord::Said& operation);
    std::vector<Saying> words_of(const SoftwareRecord::Said& operation);
    Saying removed(const ContainerId& id);
    void say_removed(const ContainerId& id);
    void say_containers(const twin::MetricsRequest& request);
    void say_report(const twin::Report& report);
    void remember(const ContainerId& id);
    void forget(const std::string& thing, const ContainerId& id);
    void save_known();
    void write_known(const std::string& thing, std::vector<ContainerId> ids);
    void on_known_written(const std::string& thing, std::uint64_t number, const Result<>& written);

    // What is asked for (twin_commands.cpp).
    struct Asked {  // by whom
        twin::CommandTopic topic{};
        twin::Sender sender{};
    };
    void on_command(const Message& message);
    void keep_early(const Message& message);
    void take_early();
    void on_too_many(const Message& message);
    void on_notice(const twin::CommandTopic& topic, const Message& message);
    bool is_copy(const Message& message);
    void carry_out(const Asked& asked, const twin::Command& command);
    bool factory(const twin::Command& command, const Asked& asked);
    bool container(const ContainerId& id, const twin::Command& command, const Asked& asked);
    bool software(const twin::Command& command, const Asked& asked);
    bool metrics(const twin::Command& command, const Asked& asked);
    Verbs::Done when_done(const Asked& asked);
    void refuse_for_now(const Asked& asked, twin::Stage stage = twin::Stage::Late);  // too much is waiting
    void refuse(const Asked& asked, twin::Stage stage, twin::Code code, std::string message);
    void answer(const Asked& asked, int status, std::string payload);
    void keep_late(Publication late);

    Loop& loop_;
    Workers& workers_;
    Link& link_;
    World& world_;
    Verbs& verbs_;
    const ThingsConfig config_;
    const std::vector<std::string> redact_;

    bool connected_{false};
    bool world_was_ready_{false};
    std::optional<twin::Device> device_;        // of this connection
    std::optional<twin::Device> early_device_;  // the same, told before we were ready
    std::optional<twin::Features> words_;       // while it is known who we are
    std::string subscribed_;                    // the command filter, empty: none
    std::string left_behind_;                   // that of a connection that was lost
    std::uint64_t sync_number_{0};              // of the newest; a step of an older one ends there
    std::optional<std::chrono::steady_clock::time_point> last_repeat_sync_;
    std::optional<std::chrono::steady_clock::time_point> last_own_sync_;
    TimerId own_sync_{0};  // one that comes
    TimerId asking_{0};    // the same of a question
    std::chrono::milliseconds drop_pause_{};
    std::chrono::milliseconds ask_pause_{};
    bool thing_deleted_{false};
    bool all_said_{false};         // to this thing, on this connection: what changes may be said
    std::set<ContainerId> known_;  // to the cloud, as the file of `known_thing_` says
    std::string known_thing_;
    struct Unkept {  // what is being written, or could not be
        std::uint64_t number{};
        std::vector<ContainerId> ids{};
    };
    std::map<std::string, Unkept> unkept_;  // by thing: the newest
    std::uint64_t last_write_{0};
    bool known_is_kept_{true};  // by the last write
    TimerId writing_again_{0};

    std::size_t under_way_{0};   // commands
    std::deque<Message> early_;  // commands that came before all had been said
    std::size_t early_bytes_{0};
    std::deque<Publication> late_answers_;  // to be given when it is known who we are
    std::size_t late_bytes_{0};
    struct Copy {
        std::string topic{};
        std::size_t size{};
        std::size_t hash{};
        bool operator==(const Copy&) const = default;
    };
    std::deque<Copy> seen_;

    TwinFeed feed_;
    SoftwareRecord record_;
    Software software_;
    MetricsReporter metrics_;
    std::uint64_t metrics_requests_{0};  // so far; the newest is the one that is reported to
};

}  // namespace berth::service
