#include "test/support/station.hpp"

#include "service/admission.hpp"
#include "test/support/captured_log.hpp"
#include "test/support/wait.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace berth::test {
namespace {

using namespace std::chrono_literals;

std::vector<Feedback> feedback_of(const std::vector<service::Publication>& all, const std::string& activity) {
    std::vector<Feedback> found;
    for (const auto& publication : all) {
        if (publication.topic != "containersupdate/desiredstatefeedback") continue;
        auto decoded = decode_feedback(publication.payload, "containers");
        if (!decoded) throw std::logic_error("feedback does not decode: " + decoded.error().message);
        if (decoded->activity_id == activity) found.push_back(*decoded);
    }
    return found;
}

}  // namespace

void KeepingLink::drop_next(std::string part) {
    const std::lock_guard lock(mutex_);
    drop_next_ = std::move(part);
}

bool KeepingLink::drops(const service::Publication& publication) {
    const std::lock_guard lock(mutex_);
    if (drop_next_.empty() || publication.payload.find(drop_next_) == std::string::npos) return false;
    drop_next_.clear();
    ++dropped_[publication.importance];
    return true;
}

std::uint64_t KeepingLink::dropped(service::Importance importance) const {
    const std::lock_guard lock(mutex_);
    const auto found = dropped_.find(importance);
    return found == dropped_.end() ? 0 : found->second;
}

void KeepingLink::publish(service::Publication publication) {
    if (look_) look_(publication);
    if (drops(publication)) {
        if (publication.dropped) publication.dropped();
        return;
    }
    const bool there = broker_;
    {
        const std::lock_guard lock(mutex_);
        published_.push_back(publication);
        if (!there) keep(publication);
    }
    news_.notify_all();
    if (there) hand_over(publication);
}

void KeepingLink::keep(const service::Publication& publication) {
    if (const auto& key = publication.newest_wins; !key.empty())
        std::erase_if(waiting_, [&key](const auto& one) { return one.newest_wins == key; });
    waiting_.push_back(publication);
}

void KeepingLink::refuse(std::string part) {
    const std::lock_guard lock(mutex_);
    refused_.push_back(std::move(part));
}

void KeepingLink::refuse_next(std::string part) {
    const std::lock_guard lock(mutex_);
    refuse_next_ = std::move(part);
}

bool KeepingLink::refuses(const service::Publication& publication) {
    const std::lock_guard lock(mutex_);
    const bool is_next = !refuse_next_.empty() && publication.payload.find(refuse_next_) != std::string::npos;
    if (is_next) refuse_next_.clear();
    return is_next || std::any_of(refused_.begin(), refused_.end(), [&](const std::string& part) {
               return publication.payload.find(part) != std::string::npos;
           });
}

void KeepingLink::hand_over(const service::Publication& publication) {
    if (refuses(publication)) {
        for (const auto* told : {&publication.dropped, &publication.refused, &publication.delivered})
            if (*told) return (*told)();
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        arrived_.push_back(publication);
    }
    news_.notify_all();
    if (!file_.empty()) std::ofstream(file_, std::ios::app) << publication.payload + '\n';  // at once
    if (publication.delivered) publication.delivered();
}

void KeepingLink::broker_comes() {
    broker_ = true;
    std::vector<service::Publication> waited;
    {
        const std::lock_guard lock(mutex_);
        waited = std::exchange(waiting_, {});
    }
    for (const auto& publication : waited)
        hand_over(publication);
}

void KeepingLink::withdraw(service::Importance importance) {
    const std::lock_guard lock(mutex_);
    std::erase_if(waiting_, [importance](const auto& one) { return one.importance == importance; });
}

std::vector<service::Publication> KeepingLink::take_back(std::string_view topic_begin) {
    const std::lock_guard lock(mutex_);
    const auto is_meant = [topic_begin](const auto& one) { return one.topic.starts_with(topic_begin); };
    std::vector<service::Publication> taken;
    std::copy_if(waiting_.begin(), waiting_.end(), std::back_inserter(taken), is_meant);
    std::erase_if(waiting_, is_meant);
    return taken;
}

std::size_t KeepingLink::waiting(service::Importance importance) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(waiting_.begin(), waiting_.end(),
                      [importance](const auto& one) { return one.importance == importance; }));
}

bool KeepingLink::await(const std::function<bool(const std::vector<service::Publication>&)>& enough) const {
    std::unique_lock lock(mutex_);
    return news_.wait_for(lock, kPatience, [&] { return enough(published_); });
}

bool KeepingLink::await_arrived(
    const std::function<bool(const std::vector<service::Publication>&)>& enough) const {
    std::unique_lock lock(mutex_);
    return news_.wait_for(lock, kPatience, [&] { return enough(arrived_); });
}

std::vector<service::Publication> KeepingLink::all() const {
    const std::lock_guard lock(mutex_);
    return published_;
}

void KeepingLink::set_ready(bool ready) {
    const std::lock_guard lock(mutex_);
    ready_ = ready;
    if (!ready) subscribed_.clear();
}

void KeepingLink::subscribe(const std::string& filter) {
    const std::lock_guard lock(mutex_);
    if (!ready_) return;
    subscribed_.push_back(filter);
    news_.notify_all();
}

void KeepingLink::unsubscribe(const std::string& filter) {
    const std::lock_guard lock(mutex_);
    std::erase(subscribed_, filter);
    unsubscribed_.push_back(filter);
    news_.notify_all();
}

std::vector<std::string> KeepingLink::unsubscribed() const {
    const std::lock_guard lock(mutex_);
    return unsubscribed_;
}

std::vector<std::string> KeepingLink::subscribed() const {
    const std::lock_guard lock(mutex_);
    return subscribed_;
}

TemporaryFolder::TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "berth-test-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

Station::Station(runtime::Runtime& engine, std::filesystem::path home, service::UpdateAgentConfig config,
                 service::StepsConfig steps, BrokerIs broker, std::string broker_file,
                 std::optional<service::ThingsConfig> things, const service::MetricsConfig& metrics)
    : link(broker, std::move(broker_file)),
      workers_(loop, {{service::Lane::Pulls, service::kPullsAtOnce},
                      {service::Lane::Steps, 4},
                      {service::Lane::Quick, 2},
                      {service::Lane::Surveys, 2},
                      {service::Lane::Records, 1}}),
      world_(loop, workers_, engine, home.string()),
      steps_(loop, workers_, engine, world_, steps),
      recovery_(loop, world_, steps_,
                {[this](const ContainerId& id) { return updates_.concerns(id) || verbs_.creates(id); },
                 [this](const ContainerId& id) { return updates_.moves(id) || verbs_.creates(id); },
                 [this](const ContainerId& id) { return updates_.keeps_down(id) || verbs_.creates(id); }}),
      inventory_(loop, link, world_, stamps_, config, {"*SECRET*"}),
      journal_(loop, home / "operation" / "journal"),
      updates_(loop, link, world_, steps_, inventory_, journal_, stamps_, config),
      planner_({workers_, engine, link, world_, stamps_},
               {config, {"*SECRET*"}, steps.require_qualified, steps.reserve_bytes},
               {[this] { return updates_.open_activity(); },
                [this](const DesiredState& desired) { return updates_.may_accept(desired); }}),
      exporter_(link, world_, stamps_, config, {"*SECRET*"}, [this] { return updates_.unsettled(); }),
      verbs_(loop, workers_, engine, world_, steps_,
             [this](const ContainerId& id) { return updates_.may_change(id); }, {steps.stop_timeout, false}) {
    // What matters is what is published, unless somebody listens.
    const bool is_read = spdlog::default_logger()->name() == kCapturedLog;
    if (!is_read && std::getenv("BERTH_TEST_LOG") == nullptr) spdlog::set_level(spdlog::level::off);
    inventory_.start();
    updates_.make_only_if(
        [this, home] { return store_reserve > 0 ? service::room_in(home, store_reserve) : Result<>(); });
    updates_.clear_first(
        [this](service::Updates::ThenGoOn then) { return recovery_.clear_discarded(std::move(then)); });
    router_.add(updates_.routes());
    router_.add(planner_.routes());
    router_.add(exporter_.routes());
    router_.add(inventory_.routes());
    world_.when_ready([this] {
        updates_.wait_for_recovery();
        recovery_.on_ready([this] {
            updates_.on_world_ready();
            if (twin_) twin_->on_world_ready();
        });
    });
    if (things) {
        twin_.emplace(service::Twin::Parts{loop, workers_, link, world_, verbs_, engine}, *things, metrics,
                      std::vector<std::string>{"*SECRET*"});
        router_.add(twin_->routes());
    }
    if (!metrics.textfile.empty()) metrics_file_.emplace(loop, workers_, world_, engine, metrics);
    auto record = journal_.open();
    if (record && *record) updates_.restore(**std::move(record));
    service::EngineListener listener{};
    listener.connected = [this](const runtime::EngineInfo&) { world_.on_connected(); };
    listener.event = [this](const runtime::EngineEvent& event) { world_.on_event(event); };
    listener.lost = [this](const Error& error) { world_.on_lost(error); };
    watcher_ = std::make_unique<service::EngineWatcher>(loop, engine, listener);
    thread_ = std::thread([this] { loop.run(); });
}

Station::~Station() {
    loop.stop();
    thread_.join();
    watcher_->stop();
    workers_.stop();
    updates_.keep_rest();
    if (twin_) twin_->keep_rest();
    if (metrics_file_) metrics_file_->remove();
    journal_.stop();
}

void Station::send(const std::string& topic_end, const std::string& payload, bool retained, bool duplicate) {
    service::Message message{};
    message.topic = "containersupdate/" + topic_end;
    message.payload = payload;
    message.retained = retained;
    message.duplicate = duplicate;
    loop.post([this, message] { router_.dispatch(message); });
}

void Station::command(const std::string& activity, const std::string& word, const std::string& baseline,
                      bool duplicate) {
    const std::string scope = baseline.empty() ? "" : R"(,"baseline":")" + baseline + '"';
    send("desiredstate/command",
         R"({"activityId":")" + activity + R"(","timestamp":1,"payload":{"command":")" + word + '"' + scope +
             "}}",
         false, duplicate);
}

void Station::reach_broker() {
    loop.post([this] {
        reached_ = true;
        if (twin_) twin_->on_link_connected();
    });
}

void Station::connect_broker() {
    loop.post([this] {
        if (!std::exchange(reached_, false) && twin_) twin_->on_link_connected();
        inventory_.on_link_ready();
        if (twin_) twin_->on_link_ready();
        link.set_ready(true);
    });
}

void Station::lose_broker() {
    loop.post([this] {
        link.set_ready(false);
        if (twin_) twin_->on_link_lost();
    });
}

void Station::deliver(service::Message message) {
    loop.post([this, message = std::move(message)] { router_.dispatch(message); });
}

void Station::deliver_too_many(service::Message message) {
    const auto left = std::min(message.payload.size(), service::kRefusedPayloadBytes);
    message.bytes_cut = message.payload.size() - left;
    message.payload.resize(left);
    loop.post([this, message = std::move(message)] { router_.refuse(message); });
}

void Station::broker_comes() {
    on_loop([this] { link.broker_comes(); });
}

bool Station::says(const std::string& activity, const std::string& word, int times) {
    return link.await([&](const auto& all) {
        int count = 0;
        for (const auto& said : feedback_of(all, activity))
            count += to_string(said.status) == word ? 1 : 0;
        return count >= times;
    });
}

std::vector<std::string> Station::words_until(const std::string& activity, const std::string& last) {
    if (!last.empty()) says(activity, last);
    std::vector<std::string> words;
    for (const auto& said : feedback_of(link.all(), activity))
        words.emplace_back(to_string(said.status));
    return words;
}

std::optional<Feedback> Station::last(const std::string& activity) {
    const auto found = feedback_of(link.all(), activity);
    return found.empty() ? std::nullopt : std::optional(found.back());
}

std::vector<std::string> Station::inventories() {
    std::vector<std::string> found;
    for (const auto& publication : link.all())
        if (publication.topic == "containersupdate/currentstate") found.push_back(publication.payload);
    return found;
}

bool Station::await_inventory(const std::function<bool(const std::string&)>& fits) {
    return link.await([&](const auto& all) {
        for (const auto& publication : all)
            if (publication.topic == "containersupdate/currentstate" && fits(publication.payload))
                return true;
        return false;
    });
}

void Station::await_ready() {
    for (const auto end = std::chrono::steady_clock::now() + kPatience;
         std::chrono::steady_clock::now() < end;) {
        if (is_ready()) return;
        std::this_thread::yield();
    }
    throw std::runtime_error("the engine was never listed");
}

bool Station::is_ready() {
    bool ready = false;
    on_loop([this, &ready] { ready = world_.ready(); });
    return ready;
}

bool Station::is_at_rest() {
    bool rests = false;
    on_loop([this, &rests] { rests = world_.ready() && updates_.is_at_rest(); });
    if (!rests) return false;
    std::promise<void> said;  // the last words wait for the journal
    loop.post([&] { journal_.after_pending([&] { said.set_value(); }); });
    said.get_future().wait();
    return true;
}

Result<> Station::may_change(const ContainerId& id) {
    Result<> answer{};
    on_loop([&] { answer = updates_.may_change(id); });
    return answer;
}

std::vector<service::Publication> Station::twin_last_words(const std::vector<Container>& stopped) {
    std::vector<service::Publication> words;
    on_loop([&] { words = twin_->last_words(stopped); });
    return words;
}

void Station::on_loop(const std::function<void()>& task) {
    std::promise<void> done;
    loop.post([&] {
        task();
        done.set_value();
    });
    done.get_future().wait();
}

}  // namespace berth::test
