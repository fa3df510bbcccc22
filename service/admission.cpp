#include "service/admission.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "protocol/forms.hpp"
#include "runtime/disk.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

using namespace std::chrono_literals;
using runtime::Which;

// Nothing here is worth a delay: what is not learnt quickly is unknown.
constexpr auto kEngineAnswer = 30s;
constexpr auto kForSizes = 3s;
constexpr auto kForOneSize = 2s;
constexpr auto kForDeltas = 2s;
constexpr std::int64_t kForRecords = 1024 * 1024;

runtime::Call within(const runtime::Call& call, std::chrono::seconds limit) {
    runtime::Call bounded = call;
    bounded.deadline = std::min(call.deadline, runtime::steady_clock::now() + limit);
    return bounded;
}

// The engine is away, or the call is over. One that is slow will do what follows in its own time.
bool is_the_end(const Error& error) {
    return error.code == Errc::Unavailable || error.code == Errc::Interrupted;
}

struct Lacking {
    std::vector<std::string> measurable{};  // of the missing ones; of the others the engine did not tell
    bool slow{};                            // the engine; it is asked nothing more
};

Result<Lacking> find_missing(runtime::Runtime& runtime, const std::vector<std::string>& images, Survey& found,
                             const runtime::Call& call) {
    Lacking lacking{};
    for (const auto& image : images) {
        if (lacking.slow) {
            found.missing.insert(image);
            continue;
        }
        const auto present = runtime.image_present(image, within(call, kEngineAnswer));
        if (!present && is_the_end(present.error())) return present.error();
        if (present && *present) continue;
        if (!present) found.unknown.emplace(image, present.error());
        if (found.missing.insert(image).second && present) lacking.measurable.push_back(image);
        lacking.slow = !present && present.error().code == Errc::Timeout;
    }
    return lacking;
}

// How much is free, if that can be learnt.
Result<> find_free(runtime::Runtime& runtime, Survey& found, const runtime::Call& call) {
    const auto space = runtime.space(within(call, kEngineAnswer));
    if (!space && is_the_end(space.error())) return space.error();
    if (space) found.room.free = space->free_bytes;
    if (!found.room.free)
        log::info(
            "room for images not checked: {}",
            space ? "the engine's images ('" + space->folder + "') cannot be seen" : space.error().message);
    return {};
}

void measure(runtime::Runtime& runtime, const std::vector<std::string>& images, Survey& found,
             const runtime::Call& call) {
    const auto asking = within(call, kForSizes);
    std::map<std::string, std::string> silent;  // registries, each by the image that it said nothing of
    for (const auto& image : images) {
        if (const auto other = silent.find(registry_of(image)); other != silent.end()) {
            found.unknown.emplace(
                image, fail(Errc::Unavailable,
                            "image " + image + ": its registry did not answer for image " + other->second));
            continue;
        }
        auto layers = runtime.image_layers(image, Which::All, within(asking, kForOneSize));
        if (layers) {
            found.sizes[image] = *std::move(layers);
            continue;
        }
        const auto& error = layers.error();
        if (error.code == Errc::Interrupted) return;
        found.unknown.emplace(image, error);
        log::info("size of image '{}' unknown, pulled while there is room: {}", image, error.message);
        if (error.code == Errc::Unavailable || error.code == Errc::Timeout)
            silent.emplace(registry_of(image), image);
    }
}

// What looked too large may be there for the most part. Of what cannot be found out the pull tells.
void look_closer(runtime::Runtime& runtime, Survey& found, const runtime::Call& call) {
    const auto asking = within(call, kForDeltas);
    for (auto at = found.sizes.begin(); at != found.sizes.end();) {
        auto layers = runtime.image_layers(at->first, Which::Missing, asking);
        if (layers) {
            at->second = *std::move(layers);
            ++at;
            continue;
        }
        log::info("how much of image '{}' is missing is unknown, pulled while there is room: {}", at->first,
                  layers.error().message);
        at = found.sizes.erase(at);
    }
}

void decide(Survey& found) {
    const bool all = found.sizes.size() == found.missing.size();
    const auto admitted = reconcile::admit(reconcile::need_of(found.sizes),
                                           all ? reconcile::Told::All : reconcile::Told::Some, found.room);
    found.refused = admitted ? std::nullopt : std::optional(admitted.error());
}

}  // namespace

Result<Survey> survey(runtime::Runtime& runtime, const std::vector<std::string>& images, std::int64_t reserve,
                      const runtime::Call& call, Depth depth) {
    const bool tell = depth == Depth::Tell;
    Survey found{};
    found.room.reserve = reserve;
    const auto lacking = find_missing(runtime, images, found, call);
    if (!lacking) return lacking.error();
    if (found.missing.empty() && !tell) return found;
    if (lacking->slow) {
        log::info("room for images not checked: the engine takes too long to answer");
        return found;
    }
    if (const auto looked = find_free(runtime, found, call); !looked) return looked.error();
    if (!found.room.free && !tell) return found;
    measure(runtime, lacking->measurable, found, call);
    decide(found);
    // Beside images that only their pulls will measure, none may be taken for larger than it is.
    if (tell || found.refused || found.sizes.size() != found.missing.size()) {
        look_closer(runtime, found, call);
        decide(found);
    }
    if (call.stop.stop_requested()) return fail(Errc::Interrupted, "interrupted");
    return found;
}

Error not_qualified(const std::string& image) {
    return fail(Errc::Invalid,
                "failed to resolve reference \"" + image + "\": object required; give host, path and tag");
}

Result<> room_in(const std::filesystem::path& folder, std::int64_t reserve) {
    const auto room =
        reconcile::admit(kForRecords, reconcile::Told::All, {runtime::free_bytes(folder), reserve});
    if (room) return {};
    return fail(room.error().code, room.error().message + " in " + folder.string());
}

}  // namespace berth::service
