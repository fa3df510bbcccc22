#include "service/daemon.hpp"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "runtime/docker/docker_runtime.hpp"
#include "service/admission.hpp"
#include "service/engine_watcher.hpp"
#include "service/exporter.hpp"
#include "service/inventory.hpp"
#include "service/kill_points.hpp"
#include "service/log.hpp"
#include "service/logging.hpp"
#include "service/loop.hpp"
#include "service/message_inbox.hpp"
#include "service/metrics_file.hpp"
#include "service/mqtt_link.hpp"
#include "service/neighbour.hpp"
#include "service/planner.hpp"
#include "service/recovery.hpp"
#include "service/router.hpp"
#include "service/steps.hpp"
#include "service/stop_all.hpp"
#include "service/twin.hpp"
#include "service/updates.hpp"
#include "service/verbs.hpp"
#include "service/workers.hpp"
#include "service/world.hpp"

namespace berth::service {
namespace {

// With several at once, up to this many containers are stopped together.
constexpr unsigned kMostSteps = 16;

runtime::docker::DockerOptions docker_options(const Config& config) {
    runtime::docker::DockerOptions options{};
    if (!config.runtime.address.empty()) options.socket = config.runtime.address;
    options.name_space = config.runtime.name_space;
    options.api_version = config.runtime.docker_api_version;
    options.cgroup_parent = config.runtime.docker_cgroup_parent;
    options.no_new_privileges = config.runtime.no_new_privileges;
    options.bridge.name = config.bridge.name;
    options.bridge.disable = config.bridge.disable;
    options.bridge.ip4 = config.bridge.ip4;
    options.bridge.fixed_cidr4 = config.bridge.fixed_cidr4;
    options.bridge.gateway4 = config.bridge.gateway4;
    options.bridge.ipv6 = config.bridge.ipv6;
    options.bridge.mtu = config.bridge.mtu;
    options.bridge.icc = config.bridge.icc;
    options.bridge.ip_masq = config.bridge.ip_masq;
    options.insecure_registries = config.images.insecure_registries;
    for (const auto& registry : config.registries)
        options.registries.push_back({registry.host, registry.username, registry.password});
    return options;
}

std::map<Lane, unsigned> lanes(const Config& config) {
    const unsigned steps = config.update_agent.parallel > 1 ? kMostSteps : 2;
    return {{Lane::Pulls, kPullsAtOnce},
            {Lane::Steps, steps},
            {Lane::Quick, 4},
            {Lane::Surveys, 2},
            {Lane::Records, 1}};
}

// Blocks in sigwait and posts; ends with the first signal that ends the daemon.
class Signals {
 public:
    Signals(std::function<void(int)> on_signal)
        : on_signal_(std::move(on_signal)), thread_([this] { wait(); }) {}
    ~Signals() {
        ::pthread_kill(thread_.native_handle(), SIGTERM);  // it may have ended by itself already
        thread_.join();
    }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

 private:
    void wait() {
        sigset_t set;
        sigemptyset(&set);
        for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP})
            sigaddset(&set, signal);
        int signal = SIGHUP;
        while (signal == SIGHUP)
            if (::sigwait(&set, &signal) == 0) on_signal_(signal);
    }

    std::function<void(int)> on_signal_;
    std::thread thread_;
};

// Everything that lives as long as the daemon. Members end in reverse: the workers before what their jobs
// use.
class Daemon {
 public:
    explicit Daemon(const Config& config)
        : stop_on_exit_(config.stop_on_exit),
          stop_timeout_(config.stop_timeout),
          neighbours_(config.bridge),
          runtime_(engine_options(config)),
          engine_(runtime_),
          message_inbox_(std::filesystem::path(config.home_dir) / "inbox"),
          inbox_(loop_, router_),
          link_(loop_, inbox_, router_, config.mqtt),
          world_(loop_, workers_, engine_, config.home_dir),
          steps_(loop_, workers_, engine_, world_,
                 {config.stop_timeout, config.images.require_qualified, config.secrets_dir,
                  config.images.reserve_bytes}),
          recovery_(
              loop_, world_, steps_,
              {[this](const ContainerId& id) { return updates_.concerns(id) || verbs_.creates(id); },
               [this](const ContainerId& id) { return updates_.moves(id) || verbs_.creates(id); },
               [this](const ContainerId& id) { return updates_.keeps_down(id) || verbs_.creates(id); }}),
          journal_(loop_, std::filesystem::path(config.home_dir) / "operation" / "journal"),
          inventory_(loop_, link_, world_, stamps_, config.update_agent, config.redact),
          updates_(loop_, link_, world_, steps_, inventory_, journal_, stamps_, config.update_agent),
          planner_({workers_, engine_, link_, world_, stamps_},
                   {config.update_agent, config.redact, config.images.require_qualified,
                    config.images.reserve_bytes},
                   {[this] { return updates_.open_activity(); },
                    [this](const DesiredState& desired) { return updates_.may_accept(desired); }}),
          exporter_(link_, world_, stamps_, config.update_agent, config.redact,
                    [this] { return updates_.unsettled(); }),
          verbs_(loop_, workers_, engine_, world_, steps_,
                 [this](const ContainerId& id) { return updates_.may_change(id); },
                 {config.stop_timeout, config.images.require_qualified}),
          workers_(loop_, lanes(config)) {
        world_.when_ready([this] {
            updates_.wait_for_recovery();
            recovery_.on_ready([this] {
                updates_.on_world_ready();
                if (twin_) twin_->on_world_ready();
            });
        });
        if (config.things.enabled) start_twin(config);
        if (!config.metrics.textfile.empty())
            metrics_file_.emplace(loop_, workers_, world_, runtime_, config.metrics);
        if (!config.update_agent.enabled) {
            log::info("the update agent is off (update_agent.enabled): no desired state is obeyed");
            return;
        }
        read_journal();
        updates_.make_only_if(
            [home = config.home_dir, reserve = std::min(config.images.reserve_bytes, kOwnReserve)] {
                return room_in(home, reserve);
            });
        updates_.clear_first(
            [this](Updates::ThenGoOn then) { return recovery_.clear_discarded(std::move(then)); });
        inventory_.start();
        router_.add(updates_.routes());
        router_.add(planner_.routes());
        router_.add(exporter_.routes());
        router_.add(inventory_.routes());
        link_.on_ready([this] { inventory_.on_link_ready(); });
        take_up_inbox(config.mqtt);
    }

    Result<> run(const std::function<Result<Config>()>& reload) {
        Signals signals([this, reload](int signal) {
            loop_.post([this, reload, signal] { on_signal(signal, reload); });
        });
        EngineWatcher watcher(loop_, engine_, engine_listener());
        auto started = link_.start();
        if (started) loop_.run();
        watcher.stop();
        if (twin_) twin_->dispose();
        workers_.stop();
        updates_.keep_rest();
        if (twin_) twin_->keep_rest();
        if (metrics_file_) metrics_file_->remove();
        journal_.stop();
        const bool is_heard = link_.is_ready();
        link_.stop();
        if (started && stop_on_exit_) stop_containers(is_heard);
        return started;
    }

 private:
    void start_twin(const Config& config) {
        twin_.emplace(Twin::Parts{loop_, workers_, link_, world_, verbs_, runtime_}, config.things,
                      config.metrics, config.redact);
        router_.add(twin_->routes());
        link_.on_connected([this] { twin_->on_link_connected(); });
        link_.on_ready([this] { twin_->on_link_ready(); });
        link_.on_lost([this] { twin_->on_link_lost(); });
    }

    void stop_containers(bool is_heard) {
        const auto stopped = stop_all(engine_, stop_timeout_);
        if (!is_heard) return;  // a broker that is away, or whose name cannot be looked up, is not waited for
        auto last = inventory_.last_words(stopped);
        if (twin_) std::ranges::move(twin_->last_words(stopped), std::back_inserter(last));
        link_.say_last(last);
    }

    void read_journal() {
        auto record = journal_.open();
        if (!record)
            log::error("{}; an update that was under way is put in order from the engine's labels",
                       record.error().message);
        else if (*record)
            updates_.restore(**std::move(record));
    }

    // What was left over comes before whatever the broker sends, also if sessions do not last any more.
    void take_up_inbox(const MqttConfig& config) {
        updates_.when_recorded([this](std::uint64_t up_to) {
            workers_.submit(Lane::Quick, ":inbox", [this, up_to](const std::stop_token&) -> Task {
                message_inbox_.done(up_to);
                return {};
            });
        });
        for (auto& message : message_inbox_.left_over(updates_.taken()))
            inbox_.accept(std::move(message));
        if (config.session_expiry > milliseconds::zero())
            inbox_.keep_by(
                [this](const Message& message, Keep wanted) { return message_inbox_.keep(message, wanted); });
    }

    runtime::docker::DockerOptions engine_options(const Config& config) {
        auto options = docker_options(config);
        options.before_start = [this] { neighbours_.forget(); };
        return options;
    }

    EngineListener engine_listener() {
        EngineListener listener{};
        listener.connected = [this](const runtime::EngineInfo& info) {
            log::info("engine: {}, API {}", info.name, info.api_version);
            neighbours_.set_timer();
            world_.on_connected();
        };
        listener.event = [this](const runtime::EngineEvent& event) { world_.on_event(event); };
        listener.lost = [this](const Error& error) { world_.on_lost(error); };
        return listener;
    }

    void on_signal(int signal, const std::function<Result<Config>()>& reload) {
        if (signal != SIGHUP) {
            log::info("SIG{}: ending; containers {}", ::sigabbrev_np(signal),
                      stop_on_exit_ ? "are stopped" : "keep running");
            return loop_.stop();
        }
        auto config = reload();
        if (!config) return log::error("configuration not read again: {}", config.error().message);
        set_level(config->log.level);
        runtime_.set_registries(docker_options(*config).registries);
        log::info("log level and registries read again");
    }

    const bool stop_on_exit_;
    const milliseconds stop_timeout_;
    Loop loop_;
    Router router_;
    Neighbours neighbours_;
    runtime::docker::DockerRuntime runtime_;
    KillableRuntime engine_;  // the same, but in a test of ends in the middle
    MessageInbox message_inbox_;
    Inbox inbox_;
    MqttLink link_;
    World world_;
    Steps steps_;
    Recovery recovery_;
    Journal journal_;
    Stamps stamps_;
    InventoryReporter inventory_;
    Updates updates_;
    Planner planner_;
    Exporter exporter_;
    Verbs verbs_;
    std::optional<Twin> twin_;
    std::optional<MetricsFile> metrics_file_;
    Workers workers_;  // last: its jobs use all of the above
};

}  // namespace

int run(const Config& config, std::function<Result<Config>()> reload) {
    Daemon daemon(config);
    if (const auto ran = daemon.run(reload); !ran) {
        log::error("{}", ran.error().message);
        return 1;
    }
    log::info("ended");
    return 0;
}

}  // namespace berth::service
