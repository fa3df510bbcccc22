
#include <utility>

#include "protocol/document.hpp"
#include "protocol/forms.hpp"
#include "service/ids.hpp"
#include "service/log.hpp"
#include "service/verbs.hpp"

namespace berth::service {

void Verbs::create(ContainerSpec spec, Then then, Created done) {
    if (spec.image.empty()) return done(fail(Errc::Invalid, "imageRef must be set"));
    if (config_.require_qualified && !is_qualified_image(spec.image))
        return done(fail(Errc::Invalid, "image '" + spec.image + "': give host, path and tag"));
    if (spec.id.empty()) spec.id = random_uuid();
    fill_defaults(spec);
    if (auto valid = validate(spec); !valid) return done(valid.error());
    if (world_.find(spec.id) != nullptr || creating_.contains(spec.id))
        return done(fail(Errc::Conflict, "container with ID = " + spec.id + " exists already"));
    if (!world_.ready()) return done(world_.not_ready());
    waiting_.push_back({std::move(spec), then, std::move(done)});
    next_creation();
}

void Verbs::next_creation() {
    while (!waiting_.empty() && creating_.size() < config_.parallel_creates) {
        const Creation next = std::move(waiting_.front());
        waiting_.pop_front();
        create_now(next);
    }
}

void Verbs::create_now(const Creation& creation) {
    creating_.insert(creation.spec.id);
    Container record{};
    record.spec = creation.spec;
    record.state.status = Status::Creating;
    steps_.make_new(record,
                    [this, creation](const std::optional<Error>& error) { on_created(creation, error); });
}

void Verbs::on_created(const Creation& creation, const std::optional<Error>& error) {
    const ContainerId id = creation.spec.id;
    const auto end = [this, id, done = creation.done](const Result<ContainerId>& result) {
        creating_.erase(id);
        done(result);
        next_creation();
    };
    // Nothing is left of one that could not be made: no record, no instance of which the answer got lost.
    if (error)
        return steps_.discard(id, creation.spec.name,
                              [end, error](const std::optional<Error>&) { end(*error); });
    if (creation.then == Then::Nothing) return end(id);
    if (world_.find(id) == nullptr)
        return end(fail(Errc::NotFound, "container " + creation.spec.name + " was removed"));
    const auto started = [end, id](const Result<>& result) {
        if (!result) log::warn("container {}: {}", id, result.error().message);
        end(id);
    };
    in_turn(id, started, [this, id](const Done& ended) {
        const Container* made = take(id, ended);
        if (made == nullptr) return;
        run(
            Lane::Quick, id, std::chrono::minutes(2),
            [this, known = *made](const runtime::Call& call) { return start_in_engine(known, call); },
            logged(made->spec.name, "started", ended));
    });
}

}  // namespace berth::service
