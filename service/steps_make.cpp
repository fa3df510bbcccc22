// Steps: what makes an instance. The image is fetched if it is missing, the record is written, then the
// engine creates it; names and policies are put right.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "protocol/document.hpp"
#include "protocol/forms.hpp"
#include "reconcile/identify.hpp"
#include "service/log.hpp"
#include "service/secrets.hpp"
#include "service/steps.hpp"

namespace berth::service {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kPullLimit{24h};  // a pull without a byte is given up much earlier
// A registry that cannot be reached may come back; one that said no is not asked again.
constexpr std::array kPullPauses = {1000ms, 2000ms, 4000ms};

// No update waits for a name: one that cannot be given is given later.
constexpr std::chrono::milliseconds kNoPatience{0};
constexpr std::chrono::milliseconds kNamePause{1s};

std::string wanted_name(const Container& container) {
    switch (container.role) {
        case Role::Staged:
            return container.replaces.empty() ? runtime::plain_name(container.spec)
                                              : runtime::staged_name(container.spec);
        case Role::Old:
        case Role::Discarded: return runtime::old_name(container.spec);
        case Role::Plain: break;
    }
    return runtime::plain_name(container.spec);
}

}  // namespace

void Steps::stage(const ActionState& action, Progress progress, Done done) {
    const std::string where = reconcile::place_of_image(action);
    if (config_.require_qualified && !is_qualified_image(action.spec.image))
        return done(fail(not_qualified(action.spec.image), where));
    when_admitted(room_, [this, action, where, progress = std::move(progress), done = std::move(done)](
                             const Result<>& admitted, const Room& room) {
        if (admitted) return stage_in(room, action, where, progress, done);
        // The whole phase has no room: that is no fault of this image.
        const bool is_room = admitted.error().code == Errc::NoSpace;
        done(is_room ? admitted.error() : fail(admitted.error(), where));
    });
}

void Steps::stage_in(const Room& room, const ActionState& action, const std::string& where, Progress progress,
                     Done done) {
    // It may have been there when the phase began, hours ago; then it is pulled after all.
    const bool believed = room && !room->found.missing.contains(action.spec.image);
    auto staged = [=, this](const std::optional<Error>& error) {
        const bool gone = believed && error && error->code == Errc::NotFound;
        if (!gone || room->stop.stop_requested()) return done(error);
        log::info("image '{}' has gone", action.spec.image);
        room->found.missing.insert(action.spec.image);
        room->watched.insert(action.spec.image);
        stage_in(room, action, where, progress, done);
    };
    fetch(action.spec, room, For::Update, progress,
          [this, room, action, where, staged = std::move(staged)](const Result<>& there) {
              const bool no_room = room && room->cancelled.contains(action.spec.image);
              if (!there) return staged(no_room ? there.error() : fail(there.error(), where));
              Container container{};
              container.spec = action.spec;
              container.state.status = Status::Creating;
              container.role = Role::Staged;
              if (action.action == Action::Recreate && action.old) container.replaces = action.old->spec.id;
              create(container, wanted_name(container), staged);
          });
}

void Steps::make_new(const Container& record, Done done) {
    when_admitted(admission_of({record.spec.image}),
                  [this, record, done = std::move(done)](const Result<>& admitted, const Room& room) {
                      if (!admitted) return done(admitted.error());
                      make_in(room, record, done);
                  });
}

void Steps::make_again(const Container& record, Done done) {
    make_in(nullptr, record, std::move(done));
}

void Steps::make_in(const Room& room, const Container& record, Done done) {
    fetch(record.spec, room, For::Itself, {}, [this, record, done = std::move(done)](const Result<>& there) {
        if (!there) return done(fail(there.error(), "image"));
        create(record, wanted_name(record), done);
    });
}

// Pulls only what is not there: an existing tag is never refreshed.
void Steps::fetch(const ContainerSpec& spec, Room room, For whom, Progress progress, Next next) {
    const bool is_there = room && !room->found.missing.contains(spec.image);
    if (is_there) return next({});
    auto fetching = std::make_shared<Fetch>(
        Fetch{spec.image, spec.id, std::move(progress), {}, {}, 0, whom == For::Update, std::move(room), {}});
    fetching->next = [this, id = spec.id, next = std::move(next),
                      given_up = fetching->given_up](const Result<>& result) {
        // Another one may have begun since: a way back does not wait for the one that it gives up.
        const auto at = fetches_.find(id);
        if (at != fetches_.end() && at->second->given_up == given_up) fetches_.erase(at);
        // It may have come just before its end was asked for.
        const bool unwanted = result && given_up.stop_requested();
        next(unwanted ? Result<>(fail(Errc::Interrupted, "interrupted")) : result);
    };
    fetches_[spec.id] = fetching;
    auto present = std::make_shared<bool>(false);  // carried from the worker to the loop
    submit(
        Lane::Steps, spec.id, kCallLimit,
        [this, image = spec.image, present](const runtime::Call& call) -> Result<> {
            auto found = runtime_.image_present(image, call);
            if (!found) return found.error();
            *present = *found;
            return {};
        },
        [this, fetching, present](const Result<>& looked) {
            if (!looked || *present) return fetching->next(looked);
            pull(fetching);
        });
}

void Steps::pull(const std::shared_ptr<Fetch>& fetch) {
    if (fetch->stop.stop_requested()) return fetch->next(fail(Errc::Interrupted, "interrupted"));
    log::info("pulling image '{}'", fetch->image);
    const bool is_watched = fetch->room && fetch->room->watched.contains(fetch->image);
    const auto job = [this, fetch, is_watched](const std::stop_token& ending) -> Task {
        const std::stop_callback forward(ending, [fetch] { fetch->stop.request_stop(); });
        runtime::Call call{};
        call.stop = fetch->stop.get_token();
        call.deadline = std::chrono::steady_clock::now() + kPullLimit;
        call.progress = [this, fetch, is_watched, last = 0,
                         total = std::int64_t{0}](const runtime::Progress& bytes) mutable {
            if (is_watched && bytes.total_bytes > total)
                loop_.post([this, fetch, now = bytes.total_bytes] { on_total(fetch, now); });
            total = std::max(total, bytes.total_bytes);
            if (bytes.total_bytes <= 0 || !fetch->progress) return;
            const int percent = static_cast<int>(100 * bytes.current_bytes / bytes.total_bytes);
            if (percent <= last) return;
            last = percent;
            loop_.post([fetch, percent] { fetch->progress({percent, {}}); });
        };
        auto pulled = runtime_.pull(fetch->image, std::move(call));
        return [this, fetch, pulled = std::move(pulled)] { on_pulled(fetch, pulled); };
    };
    fetch->queued = workers_.submit(Lane::Pulls, fetch->id, job);
}

void Steps::on_pulled(const std::shared_ptr<Fetch>& fetch, const Result<>& pulled) {
    if (!pulled && fetch->refused) return fetch->next(*fetch->refused);
    const bool away =
        !pulled && (pulled.error().code == Errc::Unavailable || pulled.error().code == Errc::Timeout);
    if (!away) return fetch->next(pulled);
    // The engine, or the registry behind it?
    on_unavailable(
        pulled.error(), [this, fetch] { pull(fetch); },
        [this, fetch](const Result<>& failed) {
            if (fetch->tries >= kPullPauses.size()) return fetch->next(failed);
            if (fetch->stop.stop_requested()) return pull(fetch);  // it ends
            const auto pause = kPullPauses[fetch->tries++];
            const auto trouble =
                fmt::format("pull fails: {}; tried again in {} s ({} of {})", failed.error().message,
                            pause.count() / 1000, fetch->tries, kPullPauses.size());
            log::warn("{}", trouble);
            if (fetch->progress) fetch->progress({0, trouble});
            fetch->again = loop_.post_after(pause, [this, fetch] {
                fetch->again = 0;
                pull(fetch);
            });
        });
}

void Steps::cancel_pulls() {
    if (room_) room_->stop.request_stop();
    for (auto& [id, fetch] : fetches_)
        if (fetch->of_update) cancel(fetch);
}

void Steps::cancel(const std::shared_ptr<Fetch>& fetch) {
    fetch->stop.request_stop();
    // Between two tries, or behind pulls of others, which may take hours, nobody hears that.
    if (fetch->again == 0 && !workers_.withdraw(fetch->queued)) return;
    loop_.cancel(std::exchange(fetch->again, 0));
    loop_.post([this, fetch] { pull(fetch); });  // which only ends it
}

// It has its turn among what concerns the container: what follows would wait for it, and it would make what
// nobody wants. Where its record is just being written, the engine would be asked after that.
void Steps::give_up_making(const ContainerId& id) {
    recording_.erase(id);
    const auto making = fetches_.find(id);
    if (making == fetches_.end() || making->second->of_update) return;
    making->second->given_up.request_stop();
    cancel(making->second);
}

// The record first: an instance that no record explains must never exist. After a failure the record stays,
// as the instance may exist all the same; restoring looks and removes both.
void Steps::create(Container container, std::string engine_name, Done done) {
    container.engine_id.clear();
    recording_.insert(container.spec.id);
    world_.keep(container, [this, container, engine_name, done = std::move(done)](const Result<>& kept) {
        const bool wanted = recording_.erase(container.spec.id) > 0;
        if (kept && wanted) return create_kept(container, engine_name, done);
        done(kept ? fail(Errc::Interrupted, "interrupted")
                  : fail(kept.error(), "component " + container.spec.name + ": write its record"));
    });
}

void Steps::create_kept(const Container& container, const std::string& engine_name, const Done& done) {
    auto created = std::make_shared<EngineId>();
    submit(
        Lane::Steps, container.spec.id, kCallLimit,
        [this, container, engine_name, created](const runtime::Call& call) -> Result<> {
            auto made = make(container.spec, {engine_name, container.replaces, {}}, call);
            if (!made) return made.error();
            *created = *made;
            return {};
        },
        [this, container, created, done](const Result<>& made) {
            if (!made) return done(fail(made.error(), "component " + container.spec.name));
            world_.on_created(container.spec.id, *created);
            log::info("container {} created ({})", container.spec.name, container.spec.id);
            done(std::nullopt);
        });
}

// On a worker. What identification lets pass but the engine cannot have is refused here.
Result<EngineId> Steps::make(const ContainerSpec& spec, runtime::CreateOptions options,
                             const runtime::Call& call) const {
    if (auto valid = validate(spec); !valid) return valid.error();
    auto env = resolve_secrets(spec.env, config_.secrets_dir);
    if (!env) return env.error();
    options.env = std::move(*env);
    return runtime_.create(spec, std::move(options), call);
}

// In the quick lane and beside the container's other steps: while a process comes and goes the engine may
// keep a rename waiting for seconds. A wrong name is no failure: Berth knows its containers by their id.
// Two that have waited for the engine may come in either order: the name that counts is looked at once more.
void Steps::put_name_right(const Container& container, Done done) {
    submit(
        Lane::Quick, container.spec.id + ":name", kCallLimit,
        [this, id = container.engine_id, spec = container.spec,
         name = wanted_name(container)](const runtime::Call& call) {
            auto renamed = runtime_.rename(id, name, call);
            if (renamed || renamed.error().code != Errc::Conflict) return renamed;
            return runtime_.rename(id, name + "-" + runtime::id8(spec.id), call);  // somebody else has it
        },
        [this, id = container.spec.id, name = container.spec.name, given = wanted_name(container),
         done = std::move(done)](const Result<>& renamed) {
            const bool busy = !renamed && renamed.error().code == Errc::Busy;
            if (!renamed)
                log::at(busy ? log::Level::Debug : log::Level::Warn, "container {}: {}", name,
                        renamed.error().message);
            const Container* now = world_.find(id);
            if (busy || (now != nullptr && wanted_name(*now) != given)) name_later(id);
            done(std::nullopt);
        },
        Try::First, kNoPatience);
}

void Steps::name_later(const ContainerId& id) {
    loop_.post_after(kNamePause, [this, id] {
        const Container* container = world_.find(id);
        if (!container || container->engine_name == wanted_name(*container)) return;
        put_name_right(*container, [](const std::optional<Error>&) {});
    });
}

void Steps::put_policy_right(const Container& container, Done done) {
    submit(
        Lane::Steps, container.spec.id, kCallLimit,
        [this, id = container.engine_id, policy = container.spec.restart](const runtime::Call& call) {
            return runtime_.update(id, {policy, std::nullopt}, call);
        },
        [done = std::move(done)](const Result<>& given) {
            done(given ? std::nullopt : std::optional(given.error()));
        });
}

}  // namespace berth::service
