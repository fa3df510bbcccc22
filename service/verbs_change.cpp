// Verbs that change what was asked for: name, restart policy, limits. The record follows what the engine
// took.
#include <utility>

#include "protocol/document.hpp"
#include "service/verbs.hpp"

namespace berth::service {

void Verbs::rename(const ContainerId& id, const std::string& name, Done done) {
    in_turn(id, std::move(done), [this, id, name](const Done& ended) { rename_now(id, name, ended); });
}

void Verbs::rename_now(const ContainerId& id, const std::string& name, const Done& done) {
    const Container* container = take(id, done);
    if (container == nullptr) return;
    if (name.empty() || name == container->spec.name) return done({});
    Container renamed = *container;
    renamed.spec.name = name;
    if (auto valid = validate(renamed.spec); !valid) return done(valid.error());
    world_.keep(renamed, recorded(container->spec.name, "renamed to " + name, done));
    // Its name in the engine is for people: it follows when it can.
    steps_.put_name_right(renamed, [](const std::optional<Error>&) {});
}

void Verbs::update(const ContainerId& id, std::optional<RestartPolicy> restart,
                   std::optional<Resources> resources, Done done) {
    in_turn(id, std::move(done),
            [this, id, restart = std::move(restart), resources = std::move(resources)](const Done& ended) {
                update_now(id, restart, resources, ended);
            });
}

void Verbs::update_now(const ContainerId& id, const std::optional<RestartPolicy>& restart,
                       const std::optional<Resources>& resources, const Done& done) {
    const Container* container = take(id, done);
    if (container == nullptr) return;
    ContainerSpec wanted = container->spec;
    if (restart) wanted.restart = *restart;
    if (resources) {
        wanted.resources = *resources;
        // Memory alone means that its swap has no limit; the engine refuses it without a word on swap.
        if (!resources->memory.empty() && resources->memory_swap.empty()) wanted.resources.memory_swap = "-1";
    }
    if (wanted == container->spec) return done({});
    if (auto valid = validate(wanted); !valid) return done(valid.error());
    runtime::UpdateOptions options{};
    // One that was stopped by hand gets its policy with its next start.
    if (wanted.restart != container->spec.restart && !container->manually_stopped)
        options.restart = wanted.restart;
    if (wanted.resources != container->spec.resources) options.resources = wanted.resources;
    run(
        Lane::Quick, id, kCallLimit,
        [this, engine_id = container->engine_id, options](const runtime::Call& call) {
            return runtime_.update(engine_id, options, call);
        },
        [this, id, wanted, done](const Result<>& updated) {
            const Container* known = world_.find(id);
            if (!updated || known == nullptr) return done(updated);
            Container changed = *known;
            changed.spec.restart = wanted.restart;
            changed.spec.resources = wanted.resources;
            world_.keep(changed, recorded(changed.spec.name, "changed: restart policy and limits", done));
        });
}

}  // namespace berth::service
