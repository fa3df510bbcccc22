#include "service/admission.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/disk.hpp"
#include "service/log.hpp"

namespace berth::service {
namespace {

using namespace std::chrono_literals;
using runtime::Which;

constexpr auto kForAllSizes = 30s;  // a registry that does not answer must not hold up an update for long
constexpr std::int64_t kForRecords = 1024 * 1024;

// The call is over, or nothing can be learnt of any image.
bool is_the_end(const Error& error) {
    return error.code == Errc::Unavailable || error.code == Errc::Timeout || error.code == Errc::Interrupted;
}

void measure(runtime::Runtime& runtime, Survey& found, const runtime::Call& call) {
    for (const auto& image : found.missing) {
        auto layers = runtime.image_layers(image, Which::All, call);
        if (layers)
            found.sizes[image] = *std::move(layers);
        else
            log::info("size of image '{}' unknown, pulled while there is room: {}", image,
                      layers.error().message);
    }
}

// What looked too large may be there for the most part.
void look_closer(runtime::Runtime& runtime, Survey& found, const runtime::Call& call) {
    for (auto& [image, layers] : found.sizes)
        if (auto lacking = runtime.image_layers(image, Which::Missing, call)) layers = *std::move(lacking);
}

void decide(Survey& found) {
    const bool all = found.sizes.size() == found.missing.size();
    const auto admitted = reconcile::admit(reconcile::need_of(found.sizes),
                                           all ? reconcile::Told::All : reconcile::Told::Some, found.room);
    found.refused = admitted ? std::nullopt : std::optional(admitted.error());
}

}  // namespace

Result<Survey> survey(runtime::Runtime& runtime, const std::vector<std::string>& images, std::int64_t reserve,
                      const runtime::Call& call) {
    Survey found{};
    found.room.reserve = reserve;
    for (const auto& image : images) {
        const auto present = runtime.image_present(image, call);
        if (!present && is_the_end(present.error())) return present.error();
        if (!present || !*present) found.missing.insert(image);
    }
    if (found.missing.empty()) return found;
    const auto space = runtime.space(call);
    if (!space && is_the_end(space.error())) return space.error();
    if (space) found.room.free = space->free_bytes;
    if (!found.room.free) {
        log::info(
            "room for images not checked: {}",
            space ? "the engine's folder '" + space->folder + "' cannot be seen" : space.error().message);
        return found;
    }
    runtime::Call asking = call;
    asking.deadline = std::min(call.deadline, runtime::steady_clock::now() + kForAllSizes);
    measure(runtime, found, asking);
    decide(found);
    if (found.refused && !found.sizes.empty()) {
        look_closer(runtime, found, asking);
        decide(found);
    }
    if (call.stop.stop_requested()) return fail(Errc::Interrupted, "interrupted");
    return found;
}

Result<> room_in(const std::filesystem::path& folder, std::int64_t reserve) {
    const auto room =
        reconcile::admit(kForRecords, reconcile::Told::All, {runtime::free_bytes(folder), reserve});
    if (room) return {};
    return fail(room.error().code, room.error().message + " in " + folder.string());
}

}  // namespace berth::service
