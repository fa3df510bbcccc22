// What a worker reads for the picture: the engine's list, what of it no event has told, and the records.
#include <utility>

#include "protocol/document.hpp"
#include "service/log.hpp"
#include "service/store.hpp"
#include "service/world.hpp"

namespace berth::service {
namespace {

constexpr std::chrono::seconds kListDeadline{30};
constexpr std::chrono::seconds kSecondDeadline{10};  // where it may well hang
constexpr int kMostStuck = 3;                        // containers; with more it is the engine that hangs

runtime::Call call_with(std::stop_token stop, std::chrono::seconds limit = kListDeadline) {
    runtime::Call call{};
    call.stop = std::move(stop);
    call.deadline = std::chrono::steady_clock::now() + limit;
    return call;
}

// The engine itself is in trouble, not just with this one container.
bool is_engine_trouble(Errc code) {
    return code == Errc::Unavailable || code == Errc::Timeout || code == Errc::Interrupted;
}

// A kernel without swap limits tells none of what was asked for; one that nobody asked for follows the
// memory. Where the label has no limit at all, memory without a word on swap is what an update without one
// made.
ContainerSpec with_limits(const ContainerSpec& labelled, Resources held) {
    const auto& told = labelled.resources;
    if (held.memory_swap == "-1")
        held.memory_swap = told.memory_swap;
    else if (told.memory.empty() && !held.memory.empty() && held.memory_swap.empty())
        held.memory_swap = "-1";
    if (held.memory_swap == told.memory_swap && has_default_swap(told)) held.memory_swap.clear();
    ContainerSpec limited = labelled;
    limited.resources = std::move(held);
    fill_defaults(limited);
    return validate(limited) ? limited : labelled;
}

}  // namespace

// Only what the events did not tell is inspected, so a quiet world costs one call. The engine answers a stop
// before its list shows the end, and before it tells of it; who looks at that container waits until it is so.
Result<World::Listing> World::read(std::stop_token stop, const Wanted& wanted) const {
    Listing listing{};
    listing.known = wanted.known;
    listing.followed = wanted.followed;
    listing.losses = wanted.losses;
    auto listed = runtime_.list(call_with(stop));
    if (!listed) return listed.error();
    listing.containers = std::move(*listed);
    std::set<ContainerId> explained = wanted.in_picture;
    if (wanted.records) {
        auto loaded = store::load(home_dir_);
        if (!loaded) return loaded.error();
        for (const auto& problem : loaded->problems)
            log::warn("store: {}; the engine's label is used instead", problem);
        listing.records = std::move(loaded->records);
        for (const auto& record : listing.records)
            explained.insert(record.spec.id);
    }
    if (auto done = look_at_each(listing, wanted, explained, stop); !done) return done.error();
    if (auto done = read_limits(listing, explained, stop); !done) return done.error();
    return listing;
}

// An engine may hang with one container alone, as where its process cannot be ended. Of one that is known the
// list and the events tell enough; what of another could have happened is too much to guess.
Result<> World::look_at_each(Listing& listing, const Wanted& wanted, const std::set<ContainerId>& explained,
                             const std::stop_token& stop) const {
    int stuck = 0;
    for (auto& container : listing.containers) {
        const bool is_told = wanted.followed.contains(container.engine_id);
        if (is_told && (stuck > 0 || !wanted.ending.contains(container.engine_id))) continue;
        const auto limit = is_told || stuck > 0 ? kSecondDeadline : kListDeadline;
        auto whole = runtime_.inspect(container.engine_id, call_with(stop, limit));
        if (whole) {
            container = std::move(*whole);
            listing.inspected.insert(container.engine_id);
            continue;
        }
        const auto& error = whole.error();
        const bool is_stuck = error.code == Errc::Timeout && explained.contains(container.spec.id);
        if (is_stuck) ++stuck;
        if (is_stuck ? stuck > kMostStuck : is_engine_trouble(error.code)) return error;
        log::warn("container '{}' cannot be inspected: {}", container.engine_name, error.message);
    }
    return {};
}

// A label is as old as its instance. What was changed in place since then stood in the record; without one
// only the engine knows.
Result<> World::read_limits(Listing& listing, const std::set<ContainerId>& explained,
                            const std::stop_token& stop) const {
    for (auto& container : listing.containers) {
        const bool has_document = !container.spec.name.empty();
        if (!has_document || explained.contains(container.spec.id)) continue;
        const auto held = runtime_.read_back(container.engine_id, container.spec, call_with(stop));
        if (!held && is_engine_trouble(held.error().code)) return held.error();
        if (held)
            container.spec = with_limits(container.spec, held->resources);
        else
            log::warn("container '{}' keeps the limits of its label: {}", container.engine_name,
                      held.error().message);
    }
    return {};
}

}  // namespace berth::service
