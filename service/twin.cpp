// Who we are, and saying all of it. What changes afterwards is twin_says.cpp, what is asked for
// twin_commands.cpp.
#include "service/twin.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <utility>

#include "service/known_features.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kLongestDropPause = 1h;
constexpr auto kLongestAskPause = 10min;
constexpr auto kSyncPatience = 15s;  // then commands are taken without every part having arrived

}  // namespace

Twin::Twin(Parts parts, ThingsConfig config, const MetricsConfig& measuring, std::vector<std::string> redact)
    : loop_(parts.loop),
      workers_(parts.workers),
      link_(parts.link),
      world_(parts.world),
      verbs_(parts.verbs),
      config_(std::move(config)),
      redact_(config_.redact_env ? std::move(redact) : std::vector<std::string>{}),
      feed_(loop_, world_,
            {[this](const reconcile::Showing& showing) { show(showing); }, [this] { say_dependencies(); }}),
      record_(loop_, workers_, std::filesystem::path(config_.home_dir) / "software",
              [this](const SoftwareRecord::Said& operation) { say_operation(operation); }),
      software_(loop_, workers_, verbs_, config_.download_ca, record_),
      metrics_(loop_, workers_, world_, parts.runtime, measuring,
               [this](const twin::Report& report) { say_report(report); }) {
    record_.open();
    world_.learn_pids();
    world_.when_changed([this] {
        feed_.look();
        metrics_.on_changed();
    });
}

bool Twin::has(std::string_view feature) const {
    return std::find(config_.features.begin(), config_.features.end(), feature) != config_.features.end();
}

// Who we are may have been told over a connection that was never ready, or by the last of one that was lost.
void Twin::on_link_connected() {
    early_device_.reset();
}

void Twin::on_link_ready() {
    connected_ = true;
    drop_pause_ = ask_pause_ = config_.sync_pause;
    ask();
}

void Twin::on_world_ready() {
    if (std::exchange(world_was_ready_, true)) return;
    ask();
}

// A connector answers; that it hears us is also its sign that we are ready.
void Twin::ask() {
    if (!connected_ || !world_was_ready_) return;
    Publication question{};
    question.topic = twin::kEdgeRequest;
    question.payload = twin::encode_edge_request();
    question.importance = Importance::Twin;
    link_.publish(std::move(question));
    ask_again();
    if (const auto early = std::exchange(early_device_, std::nullopt)) become(*early);
}

// The question did not reach the broker, or nobody was there who knows the answer; without one nothing is
// ever said.
void Twin::ask_again() {
    if (asking_ != 0) return;
    asking_ = loop_.post_after(ask_pause_, [this] {
        asking_ = 0;
        if (device_) return;
        if (ask_pause_ == config_.sync_pause)
            log::info("nobody says on '{}' who this device is in the cloud: its twin is silent until then",
                      twin::kEdgeResponse);
        ask_pause_ = std::min<std::chrono::milliseconds>(2 * ask_pause_, kLongestAskPause);
        ask();
    });
}

// What waits is said again with everything else once it is known who we are; answers are given then.
void Twin::on_link_lost() {
    connected_ = false;
    loop_.cancel(std::exchange(asking_, 0));
    dispose();
    device_.reset();
    words_.reset();
    all_said_ = false;
    if (!subscribed_.empty()) left_behind_ = std::exchange(subscribed_, {});
    link_.withdraw(Importance::Twin);
    link_.withdraw(Importance::Metrics);
    for (auto& late : link_.take_back(twin::kAnswers))
        keep_late(std::move(late));
}

void Twin::dispose() {
    loop_.cancel(std::exchange(own_sync_, 0));
    ++sync_number_;
    feed_.end();
    metrics_.stop();
}

void Twin::on_edge_response(const Message& message) {
    if (message.payload.empty())  // a retained one is taken away
        return log::debug("nothing is said on '{}': who we are stays as it is", message.topic);
    auto device = twin::decode_edge_response(message.payload);
    if (!device)
        return log::warn("who this device is in the cloud is not understood: {}", device.error().message);
    if (!connected_ || !world_was_ready_) {  // a retained answer does not come twice
        early_device_ = std::move(*device);
        return;
    }
    if (device_ == *device) return on_repeat();
    become(*device);
}

void Twin::on_repeat() {
    const auto now = steady_clock::now();
    if (!config_.resync_on_repeat) return;
    if (last_repeat_sync_ && now - *last_repeat_sync_ < config_.repeat_pause) return;
    last_repeat_sync_ = now;
    sync();
}

void Twin::become(const twin::Device& device) {
    if (device_) log::warn("the device is now '{}' of tenant '{}'", device.device_id, device.tenant_id);
    const auto form = config_.topic_form == "tenant" ? twin::TopicForm::Tenant : twin::TopicForm::Namespace;
    auto thing = twin::thing_of(device, form);
    const bool moved =
        !device_ || device_->device_id != device.device_id || device_->tenant_id != device.tenant_id;
    if (moved && !subscribed_.empty()) {
        link_.unsubscribe(subscribed_);
        subscribed_.clear();
    }
    dispose();
    device_ = device;
    words_.emplace(std::move(thing), redact_);
    all_said_ = false;
    log::info("digital twin of thing '{}'", words_->thing().id);
    sync();
}

// What the cloud knows of us is read first: a worker does that.
void Twin::sync() {
    const auto number = ++sync_number_;
    const auto thing = words_->thing().id;
    if (known_thing_ == thing) return say_all();
    if (const auto unkept = unkept_.find(thing); unkept != unkept_.end()) {
        known_ = {unkept->second.ids.begin(), unkept->second.ids.end()};
        known_thing_ = thing;
        return say_all();
    }
    workers_.submit(Lane::Quick, ":twin", [this, number, thing](const std::stop_token&) -> Task {
        auto loaded = known_features::load(config_.home_dir, thing);
        return [this, number, thing, loaded = std::move(loaded)] {
            if (number != sync_number_) return;
            if (!loaded) log::warn("{}: no feature is taken for stale", loaded.error().message);
            known_.clear();
            if (loaded) known_.insert(loaded->begin(), loaded->end());
            known_thing_ = thing;
            say_all();
        };
    });
}

void Twin::sync_soon() {
    const auto now = steady_clock::now();
    const auto since = last_own_sync_ ? now - *last_own_sync_ : config_.sync_pause;
    const auto rest = std::max(0ms, std::chrono::ceil<std::chrono::milliseconds>(config_.sync_pause - since));
    sync_after(rest);
}

// There was no room for all that the twin says, or the broker refused some, so the cloud lacks something. One
// that never takes it is not tried for ever at the same pace.
void Twin::on_dropped() {
    if (!all_said_ || own_sync_ != 0) return;
    log::warn("the broker did not take all that the twin says: all is said again in {} s",
              std::chrono::duration_cast<std::chrono::seconds>(drop_pause_).count());
    sync_after(drop_pause_);
    drop_pause_ = std::min<std::chrono::milliseconds>(drop_pause_ * 2, kLongestDropPause);
}

void Twin::sync_after(std::chrono::milliseconds rest) {
    loop_.cancel(own_sync_);
    own_sync_ = loop_.post_after(rest, [this] {
        own_sync_ = 0;
        last_own_sync_ = steady_clock::now();
        sync();
    });
}

void Twin::say_all() {
    const auto number = sync_number_;
    const auto containers = feed_.begin();
    all_said_ = true;
    std::vector<Saying> all;
    if (has(twin::kSoftwareUpdatable)) {
        all.push_back({words_->software(containers), {}, {}});
        for (const auto& operation : record_.unheard(words_->thing().id))
            std::ranges::move(words_of(operation), std::back_inserter(all));
    }
    std::set<ContainerId> there;
    if (has(twin::kContainerFactory)) {
        for (const auto& container : containers) {
            all.push_back({words_->container(container), {}, {}});
            there.insert(container.spec.id);
        }
        for (const auto& id : known_)
            if (!there.contains(id)) all.push_back(removed(id));
        known_.insert(there.begin(), there.end());
        save_known();
        all.push_back({words_->factory(), {}, {}});
    }
    if (has(twin::kMetrics)) all.push_back({words_->metrics(), {}, {}});
    late_bytes_ = 0;
    for (const auto& late : std::exchange(late_answers_, {}))
        if (late.topic.starts_with("command//" + words_->thing().id + "/")) link_.publish(late);
    if (!early_.empty()) loop_.post([this] { take_early(); });
    // Commands are taken when the cloud has all, or is too slow with it.
    const auto done = [this, number] { subscribe_once(number); };
    loop_.post_after(kSyncPatience, done);
    // Not from inside: the link takes none while it tells us that it is ready, and may refuse the last then.
    if (all.empty()) return loop_.post(done);
    all.back().delivered = [this, number, done, before = all.back().delivered] {
        if (before) before();
        loop_.post(done);
        // All of it came through: what is dropped another day is another trouble.
        if (number == sync_number_ && own_sync_ == 0) drop_pause_ = config_.sync_pause;
    };
    for (auto& saying : all)
        say(std::move(saying));
}

void Twin::subscribe_once(std::uint64_t sync) {
    if (sync != sync_number_ || !words_ || !subscribed_.empty()) return;
    subscribed_ = words_->thing().command_filter;
    link_.subscribe(subscribed_);
    // In a session that the broker keeps we would go on getting what is meant for the thing that we were.
    if (const auto former = std::exchange(left_behind_, {}); !former.empty() && former != subscribed_)
        link_.unsubscribe(former);
}

}  // namespace berth::service
