#include "reconcile/preview.hpp"

#include <cstddef>
#include <set>
#include <utility>

#include "reconcile/phases.hpp"
#include "reconcile/plan.hpp"

namespace berth::reconcile {
namespace {

std::vector<KeyChange> changes_of(const ActionState& action, const std::vector<std::string>& redact) {
    if (!action.old || (action.action != Action::Recreate && action.action != Action::Update)) return {};
    const auto& now = action.old->spec;
    return key_changes(now, action.spec, compare(now, action.spec).all(), redact);
}

// What runs stops: until the new instance starts, or for good.
bool leaves_gap(const ActionState& action) {
    const bool replaced = action.action == Action::Recreate && !action.start_first;
    const bool stops = replaced || action.action == Action::Destroy;
    return stops && action.old && action.old->ran && !action.old->missing;
}

bool replaces_missing(const ActionState& action) {
    return action.action == Action::Recreate && action.old && action.old->missing;
}

bool makes_instance(const ActionState& action) {
    return step_of(Command::Download, action).has_value();
}

// What DOWNLOAD would, or might, fail with; empty: a registry that says what nobody here understands may well
// give the image to the engine.
std::string trouble_of(const ActionState& action, const Error& error) {
    const auto place = place_of_image(action) + ": ";
    switch (error.code) {
        case Errc::NotFound: return place + "does not exist: " + error.message;
        case Errc::Forbidden: return place + "refused, or does not exist: " + error.message;
        case Errc::Unavailable:
        case Errc::Timeout: return place + "could not be asked for: " + error.message;
        case Errc::Invalid: return place + error.message;
        default: return {};
    }
}

}  // namespace

PlanResult preview(const Identified& identified, const std::vector<std::string>& redact) {
    PlanResult result{};
    std::vector<std::string> notices = identified.notices;
    for (const auto& action : identified.actions) {
        PlannedAction planned{};
        planned.name = action.name;
        planned.version = action.version;
        planned.action = action.action;
        planned.changes = changes_of(action, redact);
        planned.gap = leaves_gap(action);
        result.actions.push_back(std::move(planned));
        // The plan has no place of its own for what goes beside the component, for the order, nor for why an
        // unchanged one is made anew.
        if (!action.duplicates.empty() || action.start_first || replaces_missing(action))
            notices.push_back("component " + action.name + ": " + action.message);
    }
    result.message = in_one(notices);
    return result;
}

std::vector<std::string> images_of(const Identified& identified) {
    std::set<std::string> images;
    for (const auto& action : identified.actions)
        if (makes_instance(action)) images.insert(action.spec.image);
    return {images.begin(), images.end()};
}

void tell_sizes(PlanResult& result, const Identified& identified, const Survey& found) {
    std::set<std::string> counted;
    std::vector<std::string> said;
    if (found.refused) said.push_back(found.refused->message);
    for (std::size_t at = 0; at < identified.actions.size(); ++at) {
        const auto& action = identified.actions[at];
        if (!makes_instance(action)) continue;
        const auto& image = action.spec.image;
        if (!found.missing.contains(image))
            result.actions[at].pull_bytes = 0;
        else if (const auto layers = found.sizes.find(image); layers != found.sizes.end())
            result.actions[at].pull_bytes = bytes_of(layers->second, counted);
        else if (const auto why = found.unknown.find(image); why != found.unknown.end())
            said.push_back(trouble_of(action, why->second));
    }
    if (found.sizes.size() == found.missing.size()) result.need_bytes = need_of(found.sizes);
    result.free_bytes = found.room.free;
    said.push_back(result.message);
    result.message = in_one(said);
}

}  // namespace berth::reconcile
