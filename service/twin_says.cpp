// What the cloud is told when something changes.
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "service/known_features.hpp"
#include "service/log.hpp"
#include "service/twin.hpp"

namespace berth::service {
namespace {

constexpr std::chrono::seconds kSavePause{2};

// Of two reports that speak of the same the newer says all that the older one does. Not so of others: with
// metrics.change one has only what moved. The names themselves would take as much room as a report.
std::string what_it_speaks_of(const twin::Report& report) {
    std::string names;
    for (const auto& measured : report.snapshot) {
        names += measured.originator;
        for (const auto& measurement : measured.measurements)
            names.append(" ").append(measurement.id);
        names += '\n';
    }
    return std::to_string(std::hash<std::string>{}(names));
}

}  // namespace

void Twin::say(std::string payload) {
    say(Saying{std::move(payload), {}, {}});
}

Publication Twin::event(std::string payload) const {
    Publication publication{};
    publication.topic = words_->thing().event_topic;
    publication.payload = std::move(payload);
    publication.importance = Importance::Twin;
    return publication;
}

void Twin::say(Saying saying) {
    if (!words_) return;
    auto publication = event(std::move(saying.payload));
    publication.delivered = std::move(saying.delivered);
    publication.refused = std::move(saying.refused);
    publication.dropped = [this] { on_dropped(); };
    link_.publish(std::move(publication));
}

void Twin::show(const reconcile::Showing& showing) {
    if (!words_ || !has(twin::kContainerFactory)) return;
    const auto& container = showing.container;
    const auto& id = container.spec.id;
    using reconcile::Shown;
    switch (showing.what) {
        case Shown::Whole: remember(id); return say(words_->container(container));
        case Shown::State: return say(words_->state(id, container.state));
        case Shown::Name: return say(words_->name(container.spec));
        case Shown::Configuration: return say(words_->configuration(container.spec));
        case Shown::Removed: return say_removed(id);
    }
}

std::vector<Publication> Twin::last_words(const std::vector<Container>& stopped) const {
    if (!all_said_ || !has(twin::kContainerFactory)) return {};
    std::vector<Publication> words;
    for (const auto& container : stopped) {
        const Container* known = world_.find(container.spec.id);
        if (known == nullptr || known->engine_id != container.engine_id || !reconcile::is_shown(*known))
            continue;
        words.push_back(event(words_->state(container.spec.id, container.state)));
    }
    return words;
}

void Twin::say_dependencies() {
    if (words_ && has(twin::kSoftwareUpdatable)) say(words_->dependencies(feed_.shown()));
}

// How an action ended is said until the broker has it: no later message tells, and whoever waits for it would
// wait for ever. Another thing did not ask for it.
void Twin::say_operation(const SoftwareRecord::Said& operation) {
    if (!all_said_ || words_->thing().id != operation.thing) return;  // said with everything else
    for (auto& saying : words_of(operation))
        say(std::move(saying));
}

// It is heard when all of it is.
std::vector<Twin::Saying> Twin::words_of(const SoftwareRecord::Said& operation) {
    std::vector<Saying> words;
    if (twin::is_failure(operation.status.status))
        words.push_back({words_->last_failed_operation(operation.status), {}, {}});
    words.push_back({words_->last_operation(operation.status), {}, {}});
    const auto delivered = [this, number = operation.number,
                            left = std::make_shared<std::size_t>(words.size())] {
        if (--*left == 0) record_.heard(number);
    };
    for (auto& word : words)
        word.delivered = delivered;
    return words;
}

void Twin::say_removed(const ContainerId& id) {
    say(removed(id));
}

// The entry stays on disk until the broker has the delete: one that it refuses is tried with the next sync.
Twin::Saying Twin::removed(const ContainerId& id) {
    return {words_->removed(twin::container_feature(id)),
            [this, id, thing = known_thing_] { forget(thing, id); }, [] {}};
}

// Some clients take the containers that follow a request for the answer to it.
void Twin::say_containers(const twin::MetricsRequest& request) {
    if (!words_ || !config_.metrics_refresh || !has(twin::kContainerFactory)) return;
    for (const auto& container : feed_.shown())
        if (request.wants(twin::container_feature(container.spec.id))) say(words_->container(container));
}

// One that waits gives way to a newer one, unless that was asked for anew or speaks of something else.
void Twin::say_report(const twin::Report& report) {
    if (!words_ || report.snapshot.empty()) return;
    auto publication = event(twin::encode_report(words_->thing(), report));
    publication.importance = Importance::Metrics;
    publication.newest_wins =
        "metrics/" + std::to_string(metrics_requests_) + "/" + what_it_speaks_of(report);
    publication.dropped = [this] { metrics_.on_dropped(); };
    publication.refused = publication.dropped;
    link_.publish(std::move(publication));
}

void Twin::remember(const ContainerId& id) {
    if (known_.insert(id).second) save_known();
}

// What the broker acknowledges may be of the thing that we were before.
void Twin::forget(const std::string& thing, const ContainerId& id) {
    if (thing != known_thing_ || feed_.shows(id) || known_.erase(id) == 0) return;  // it is back
    save_known();
}

void Twin::save_known() {
    write_known(known_thing_, {known_.begin(), known_.end()});
}

// The key keeps the order of the writes.
void Twin::write_known(const std::string& thing, std::vector<ContainerId> ids) {
    const auto number = ++last_write_;
    unkept_[thing] = {number, ids};
    workers_.submit(Lane::Quick, ":twin",
                    [this, folder = config_.home_dir, thing, number,
                     ids = std::move(ids)](const std::stop_token&) -> Task {
                        auto written = known_features::save(folder, thing, ids);
                        return [this, thing, number, written = std::move(written)] {
                            on_known_written(thing, number, written);
                        };
                    });
}

// A disk that is full has room later; a berthd that starts before would not delete what is gone by then. We
// may be another thing meanwhile.
void Twin::on_known_written(const std::string& thing, std::uint64_t number, const Result<>& written) {
    const bool was_kept = std::exchange(known_is_kept_, bool(written));
    const auto at = unkept_.find(thing);
    if (written && at != unkept_.end() && at->second.number == number) unkept_.erase(at);
    if (written) return;
    if (was_kept) log::error("what the cloud knows of us is not kept: {}", written.error().message);
    if (writing_again_ != 0) return;
    writing_again_ = loop_.post_after(kSavePause, [this] {
        writing_again_ = 0;
        for (const auto& [which, unkept] : unkept_)
            write_known(which, unkept.ids);
    });
}

}  // namespace berth::service
